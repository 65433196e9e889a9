/**
 * The rules and their proofs: every rule of docs/SPEC.md (`- **CEL3** sentence`) opens the title of at least one test,
 * and every id that opens a test's title is a rule. A title may open with several: `CEL3 CEL4 what is shown`.
 *
 *   node scripts/check-spec.ts [FOLDER]     FOLDER holds docs/ and test/; default: this checkout
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where an id was met: `path:line`, by id. */
type Places = Map<string, string[]>;

export function rules(path: string, text: string, into: Places = new Map()): Places {
  text.split('\n').forEach((line, at) => {
    const id = /^- \*\*([A-Z]{3}\d+)\*\* \S/.exec(line)?.[1];
    if (id !== undefined) add(into, id, `${path}:${at + 1}`);
  });
  return into;
}

/** A title is the string that a call begins with: `test('CEL3 …'`, `it(`, `suite(`, or a helper of the test's own. */
export function titles(path: string, text: string, into: Places = new Map()): Places {
  for (const match of text.matchAll(/\(\s*['"`]((?:[A-Z]{3}\d+[ ,:]+)+)/g)) {
    const line = text.slice(0, match.index + match[0].length).split('\n').length;
    for (const id of match[1]!.match(/[A-Z]{3}\d+/g)!) add(into, id, `${path}:${line}`);
  }
  return into;
}

export function differences(ruled: Places, tested: Places): string[] {
  const wrong: string[] = [];
  for (const [id, places] of ruled) {
    if (places.length > 1) wrong.push(`${places.join(', ')}: ${id} is written more than once`);
    if (!tested.has(id)) wrong.push(`${places[0]}: no test's title begins with ${id}`);
  }
  for (const [id, places] of tested) {
    if (!ruled.has(id)) wrong.push(`${places.join(', ')}: ${id} is no rule of docs/SPEC.md`);
  }
  return wrong.sort();
}

function add(into: Places, id: string, place: string): void {
  const places = into.get(id);
  if (places === undefined) into.set(id, [place]);
  else places.push(place);
}

if (import.meta.main) {
  const root = process.argv[2] ?? join(import.meta.dirname, '..');
  const ruled = rules('docs/SPEC.md', readFileSync(join(root, 'docs/SPEC.md'), 'utf8'));
  const tested: Places = new Map();
  // The walls' own tests hold made-up ids.
  const files = globSync('test/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'));
  for (const path of files) {
    if (!path.startsWith('test/house/')) titles(path, readFileSync(join(root, path), 'utf8'), tested);
  }
  const wrong = differences(ruled, tested);
  for (const line of wrong) console.log(line);
  console.log(`spec: ${ruled.size} rules, ${tested.size} ids in titles, ${wrong.length} differences`);
  process.exitCode = wrong.length > 0 || ruled.size === 0 ? 1 : 0;
}
