/**
 * The walls of the house: who may import whom. Every import under src/ (static, dynamic, types included) is compared
 * with the table below; time and chance are the linter's part (biome.json, time-and-chance.grit).
 *
 *   node scripts/check-arrows.ts [FOLDER]     FOLDER holds src/; default: this checkout
 */
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

type Room = 'core' | 'platform' | 'protocol' | 'store' | 'database' | 'hub' | 'agent' | 'sdk' | 'cli';

interface Walls {
  /** Rooms whose files may be imported; `room/file.ts` opens that one file only. */
  readonly rooms: readonly string[];
  /** npm packages; undefined: any that package.json lists. */
  readonly packages?: readonly string[];
  /** Built-in modules; undefined: any that is neither closed nor belongs to somebody (see below). */
  readonly builtins?: readonly string[];
}

const walls: Record<Room, Walls> = {
  core: { rooms: [], packages: [], builtins: ['node:crypto', 'node:assert'] },
  platform: { rooms: ['core'] },
  protocol: { rooms: ['core'] },
  store: { rooms: ['core', 'protocol', 'platform'] },
  database: { rooms: ['core', 'store', 'platform'] },
  hub: { rooms: ['core', 'protocol', 'store', 'platform'] },
  agent: { rooms: ['core', 'protocol', 'store', 'database', 'platform', 'sdk'] },
  sdk: { rooms: [], packages: ['zod'], builtins: [] },
  cli: { rooms: ['sdk', 'platform', 'agent/main.ts', 'hub/main.ts'] },
};

/** Built-in modules that only these rooms may touch: the outside world is reached through the ports. */
const belongs: Record<string, readonly Room[]> = {
  'node:fs': ['platform'],
  'node:fs/promises': ['platform'],
  'node:net': ['platform'],
  'node:tls': ['platform'],
  'node:dgram': ['platform'],
  'node:child_process': ['platform'],
  'node:worker_threads': ['platform'],
  'node:cluster': ['platform'],
  'node:timers': ['platform'],
  'node:timers/promises': ['platform'],
  // In platform only for the lock that two agents of one folder compete for: SQLite's locks work on every system.
  'node:sqlite': ['store', 'database', 'platform'],
};

/** Chance is an argument: what draws random bytes comes through the Random port. Keys may be made anywhere. */
const random = /\b(randomBytes|randomInt|randomUUID|randomFill|randomFillSync|webcrypto|getRandomValues)\b/;

interface Import {
  readonly line: number;
  /** Between `import` and `from`; begins with `type` if nothing is loaded. */
  readonly names: string;
  readonly from: string;
}

/** What is wrong with one file's imports; `path` is relative to the checkout, with '/'. */
export function violations(path: string, text: string): string[] {
  const room = path.split('/')[1] as Room;
  if (!(room in walls)) return [`${path}: ${room} is not a room of src/ (see docs/ARCHITECTURE.md)`];
  return imports(text).flatMap((found) => {
    const wrong = judge(path, room, found);
    return wrong === undefined ? [] : [`${path}:${found.line}: ${wrong}`];
  });
}

function judge(path: string, room: Room, { names, from }: Import): string | undefined {
  const { rooms, packages, builtins } = walls[room];
  if (from.startsWith('.')) {
    const target = posix.normalize(posix.join(posix.dirname(path), from));
    if (!target.startsWith('src/')) return `src may not import ${target}`;
    const [, to, ...rest] = target.split('/');
    const open = to === room || rooms.includes(to!) || rooms.includes(`${to}/${rest.join('/')}`);
    return open
      ? undefined
      : `${room} may not import ${target} (it may import: ${rooms.join(', ') || 'no other room'})`;
  }
  if (from.startsWith('node:')) {
    if (builtins !== undefined && !builtins.includes(from)) return `${room} may not import ${from}`;
    // Types are only words; what they describe must still come from its room.
    const owners = names.trimStart().startsWith('type ') ? undefined : belongs[from];
    if (owners !== undefined && !owners.includes(room)) {
      return `${from} belongs to src/${owners.join(' and src/')}: reach it through a port`;
    }
    if (from === 'node:crypto' && room !== 'platform' && random.test(names)) {
      return `${random.exec(names)![0]}: chance is an argument, take it from the Random port (src/platform)`;
    }
    return undefined;
  }
  const name = from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
  return packages === undefined || packages.includes(name) ? undefined : `${room} may not import the package ${name}`;
}

/** Biome's formatting makes this sound: a specifier follows `from`, `import` or `import(`, quoted on the same line. */
function imports(text: string): Import[] {
  const code = text.replace(/^[ \t]*(\/\/|\*|\/\*).*$/gm, '');
  const found: Import[] = [];
  for (const match of code.matchAll(
    /(?:\b(?:import|export)\b([^;'"`]*?)\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*)(['"])([^'"\n]+)\2/g,
  )) {
    const line = code.slice(0, match.index + match[0].length).split('\n').length;
    found.push({ line, names: match[1] ?? '', from: match[3]! });
  }
  return found;
}

if (import.meta.main) {
  const root = process.argv[2] ?? posix.join(import.meta.dirname, '..');
  const files = globSync('src/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'));
  const wrong = files.flatMap((path) => violations(path, readFileSync(posix.join(root, path), 'utf8')));
  for (const line of wrong) console.log(line);
  console.log(`arrows: ${files.length} files, ${wrong.length} against the walls`);
  process.exitCode = wrong.length > 0 || files.length === 0 ? 1 : 0;
}
