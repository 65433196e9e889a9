/**
 * `npm run check`: all that must hold before a commit, side by side, in about a minute. Prints what is red in full and
 * what is green in a line; ends with how many tests passed and failed.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (path: string) => join(root, 'node_modules', path);
/** What the compiler knows of the last check. */
const known = bin('.cache/tieout/types.json');

interface Stage {
  readonly name: string;
  /** Arguments to this Node. */
  readonly run: readonly string[];
}

const stages: readonly Stage[] = [
  // `ci` writes nothing; a warning that may stay is a rule that should be off.
  { name: 'format and lint', run: [bin('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '--colors=off'] },
  { name: 'types', run: [bin('typescript/bin/tsc'), '-p', '.', '--incremental', '--tsBuildInfoFile', known] },
  { name: 'arrows', run: ['scripts/check-arrows.ts'] },
  { name: 'spec ids', run: ['scripts/check-spec.ts'] },
  { name: 'tests', run: ['scripts/test.ts', '--quick'] },
];

const results = await Promise.all(stages.map(runStage));
const red = results.filter(({ code }) => code !== 0);
console.log(
  results
    .at(-1)!
    .output.match(/^ℹ (?:pass|fail) \d+$/gm)
    ?.join('\n') ?? 'no test was run',
);
console.log(red.length === 0 ? 'check: all green' : `check: red: ${red.map(({ name }) => name).join(', ')}`);
process.exitCode = red.length > 0 ? 1 : 0;

async function runStage({ name, run }: Stage): Promise<{ name: string; code: number; output: string }> {
  const begun = performance.now();
  const child = spawn(process.execPath, run, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.stderr.on('data', (piece: Buffer) => pieces.push(piece));
  const code = await new Promise<number>((done, failed) => {
    child.on('error', failed);
    child.on('close', (exit, signal) => done(signal === null ? (exit ?? 1) : 1));
  });
  const output = Buffer.concat(pieces).toString();
  console.log(`${code === 0 ? '✔' : '✖'} ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  if (code !== 0) console.log(output);
  return { name, code, output };
}
