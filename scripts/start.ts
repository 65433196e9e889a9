/**
 * `npm start`: an office on this computer to try Tieout with. A hub, Ana's machine and Ben's machine, each with its own
 * folder; the example engagement (or a copy of your own folder) published by Ana and copied by Ben; and then, live,
 * what travels while somebody works. Ctrl-C ends it; the folders stay, and the same --dir goes on with them.
 *
 *     npm start [-- [--dir DIR] [FOLDER]]
 */
import {
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { makeExample } from '../examples/make.ts';
import { invitation } from './invitation-to-try.ts';
import { freePort, type Hub, type Machine, machine, startHub } from './office.ts';

/** What DIR/office.json remembers, once all is set up. */
interface Office {
  readonly listen: string;
  readonly file: string;
  readonly example: boolean;
}

const people = ['Ana', 'Ben'] as const;
const { dir, own } = wishes();
let hub: Hub | undefined;
let ending = false;
const machines = people.map((name) => machine(join(dir, `${name.toLowerCase()}-home`), true));

process.once('SIGINT', () => end(0));
process.once('SIGTERM', () => end(0));
try {
  const remembered = join(dir, 'office.json');
  const known = existsSync(remembered);
  const office = known ? (JSON.parse(readFileSync(remembered, 'utf8')) as Office) : await newOffice();
  console.log(styleText('dim', `Starting a hub and two machines in ${dir} …`));
  hub = await startHub(join(dir, 'hub'), office.listen);
  hub.process.once('close', hubEnded);
  if (known) await Promise.all(machines.map((machine) => machine.run('copies')));
  else await setUp(hub, office);
  writeFileSync(remembered, JSON.stringify(office));
  console.log(invitation(dir, office.file, people, office.example));
  await Promise.all(machines.map((machine, index) => show(people[index] ?? '', machine)));
} catch (error) {
  // Ctrl-C reaches the commands that run as well; what they say about it is no news.
  if (!ending) console.error(`\n${error instanceof Error ? error.message : error}`);
  await end(1);
}

async function newOffice(): Promise<Office> {
  const file = own === undefined ? 'Audit-2025' : basename(own);
  return { listen: `127.0.0.1:${await freePort()}`, file, example: own === undefined };
}

/** Ana publishes, Ben makes his copy. */
async function setUp(hub: Hub, { file }: Office): Promise<void> {
  const [ana, ben] = machines as [Machine, Machine];
  const folder = join(dir, 'Ana', file);
  if (own === undefined) makeExample(folder);
  else copyOwn(own, folder);
  for (const [index, machine] of machines.entries()) {
    await machine.run('join', await hub.invite((people[index] ?? '').toLowerCase()));
  }
  console.log(styleText('dim', 'Ana publishes, Ben makes his copy …'));
  await ana.run('publish', folder, '--name', file);
  mkdirSync(join(dir, 'Ben'), { recursive: true });
  await ben.run('copy', file, join(dir, 'Ben', file));
}

/** Tells what the agent tells, until it goes away; then waits for it to come back (any command starts it again). */
async function show(name: string, machine: Machine): Promise<never> {
  const colour = name === 'Ana' ? 'cyan' : 'magenta';
  for (;;) {
    try {
      for await (const { at, what, text, path, bytes } of machine.client().watch()) {
        const time = new Date(at).toLocaleTimeString('en-GB') + at.slice(19, 23);
        const size = bytes === undefined ? '' : styleText('dim', ` ${bytes.toLocaleString('en')} bytes`);
        const where = path === undefined || text.includes(path) ? '' : `${path}: `;
        const look = what === 'problem' || what === 'conflict' ? 'red' : 'reset';
        console.log(`${styleText('dim', time)} ${styleText(colour, name)} ${styleText(look, where + text)}${size}`);
      }
    } catch {
      await new Promise((later) => setTimeout(later, 1000));
    }
  }
}

/** Ctrl-C reaches the hub as well: then that is no news. */
function hubEnded(): void {
  setTimeout(() => ending || end(1, 'The hub has ended.'), 500);
}

async function end(code: number, why?: string): Promise<void> {
  if (ending) return;
  ending = true;
  if (why) console.error(why);
  process.once('SIGINT', () => process.exit(130));
  console.log('\nStopping …');
  await Promise.allSettled(
    machines.map((machine) => existsSync(join(machine.home, 'agent.json')) && machine.run('stop')),
  );
  await hub?.stop();
  console.log(`The folders are still in ${dir}`);
  if (existsSync(join(dir, 'office.json'))) console.log(`Go on with them: npm start -- --dir ${dir}`);
  process.exit(code);
}

function wishes(): { dir: string; own: string | undefined } {
  try {
    const { values, positionals } = parseArgs({ options: { dir: { type: 'string' } }, allowPositionals: true });
    if (positionals.length > 1) throw new Error('Name one folder at most; put quotes round a name with spaces.');
    const own = positionals[0] === undefined ? undefined : resolve(positionals[0]);
    if (own && !statSync(own, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`There is no folder ${own}`);
    const dir = values.dir === undefined ? mkdtempSync(join(tmpdir(), 'tieout-')) : resolve(values.dir);
    if (own && !relative(own, dir).startsWith('..')) throw new Error(`${dir} must not lie inside ${own}`);
    mkdirSync(dir, { recursive: true });
    const used = readdirSync(dir).length > 0;
    if (used && !existsSync(join(dir, 'office.json'))) throw new Error(`${dir} is not empty; choose a new --dir.`);
    if (used && own) throw new Error(`${dir} holds an office already; choose a new --dir for ${own}.`);
    return { dir, own };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nusage: npm start [-- [--dir DIR] [FOLDER]]`);
    process.exit(2);
  }
}

/** Yours is never touched: Ana works in a copy of it. */
function copyOwn(from: string, to: string): void {
  console.log(styleText('dim', `Copying ${from} …`));
  const filter = (path: string) => basename(path) !== '.tieout';
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
    filter,
  });
}
