/** What must hold: at every moment, and when all is quiet. Each finding is a sentence; none is good. */
import type { Copy } from '../../src/agent/copy.ts';
import { missingOf, pendingOf, problemsOf } from '../../src/agent/copy-status.ts';
import { COPIES, DATABASES, DOCUMENTS, FILE } from '../../src/core/registry.ts';
import { entries as entriesOf, same } from '../../src/core/vector.ts';
import { tokensAt } from './cabinet.ts';
import { bodiesIn, chunksIn, tokensOf } from './logs.ts';
import { readDatabase } from './reading-databases.ts';
import { stateText, syncEveryone } from './rest.ts';
import { hubLog } from './restoring.ts';
import { askAgain } from './second-opinion.ts';
import { type Person, Violation, type World } from './world.ts';

/** At every moment a document on disk is one whole version, or what its person's own program has made of it. */
export function lookAtDocuments(world: World, { machine, desk }: Person): void {
  for (const { path } of desk.unknown((hash) => world.witness.mayBe(hash))) {
    world.violate(`${machine.name}: ${path} holds what nobody ever saved`);
  }
}

/** All findings about a world at rest. */
export async function checkAtRest(world: World): Promise<void> {
  const { people } = world;
  const [first] = people as [Person];
  const copies = people.map(({ machine }) => machine.copy as Copy);
  const finds = (text: string): void => world.violate(text);

  for (const [index, copy] of copies.entries()) {
    const { name } = people[index]!.machine;
    if (!same(copy.store.vector(), copies[0]!.store.vector())) {
      finds(
        `${name} and ${first.machine.name} do not have the same changes: ${vectorText(copy)} and ${vectorText(copies[0]!)}`,
      );
    }
    const { out } = pendingOf(copy);
    if (out.changes + out.bytes > 0) finds(`${name} still has to send ${out.changes} changes and ${out.bytes} bytes`);
    const { documents } = missingOf(copy);
    if (documents > 0) finds(`${name} lacks ${documents} documents or databases`);
    for (const { code, text } of problemsOf(copy)) {
      if (code !== 'clock') finds(`${name} has a problem: ${code}: ${text.replaceAll(world.folder, '')}`);
    }
  }
  const compare = async (what: string, look: (person: Person, copy: Copy) => unknown): Promise<void> => {
    const seen: string[] = [];
    for (const [index, copy] of copies.entries()) {
      seen.push(JSON.stringify(await driven(world, Promise.resolve(look(people[index]!, copy))), plain));
    }
    for (const [index, text] of seen.entries()) {
      if (text === seen[0]) continue;
      finds(
        `${what}: ${people[index]!.machine.name} differs from ${first.machine.name}:\n${difference(seen[0]!, text)}`,
      );
    }
  };
  await compare('registry', (_, copy) => registryOf(copy));
  await compare('documents on disk', ({ desk }) =>
    Object.fromEntries(
      desk
        .documents()
        .sort()
        .map((path) => [path, desk.hashAt(path)]),
    ),
  );
  await compare('conflicts of documents', (_, copy) =>
    copy.registry.conflicting().map(({ id, shown }) => `${id} ${shown}`),
  );
  for (const { id, shown } of copies[0]!.registry.entries('database')) {
    await compare(`conflicts in ${shown}`, (_, copy) => copy.databases.process.conflicts(id));
    await compare(`rows of ${shown}`, ({ machine }) => readDatabase(machine.native(shown), 'contents').contents);
    for (const { machine } of people) {
      for (const fault of readDatabase(machine.native(shown)).faults) finds(`${machine.name}: ${shown}: ${fault}`);
    }
  }
  for (const person of people) {
    checkDisk(person, finds);
    lookAtDocuments(world, person);
    checkUntracked(world, person, finds);
  }
  if (world.violations.length === 0) await askAgain(world, finds, (work) => driven(world, work));
  checkValues(world, first, finds);
  checkSaves(world, copies[0]!, finds);
  checkContents(world, copies[0]!, finds);
}

/** One more round changes nothing: no new change, nothing written. */
export async function checkAnotherRound(world: World): Promise<void> {
  // What is tidied up in quiet is no business of anybody.
  await world.timeline.pass(world.timeline.now + 60_000);
  const before = stateText(world);
  const writes = world.people.map(({ machine }) => machine.disk.writes);
  const sums = (): string => world.people.flatMap(storeSums).join();
  const stores = sums();
  await syncEveryone(world);
  await world.timeline.pass(world.timeline.now + 45_000);
  const after = stateText(world);
  if (after !== before) world.violate(`another round has changed something:\n${difference(before, after)}`);
  for (const [index, { machine }] of world.people.entries()) {
    const more = machine.disk.writes - writes[index]!;
    if (more > 0) world.violate(`another round has written ${more} times to the disk of ${machine.name}`);
  }
  if (sums() !== stores) world.violate('another round has written to a database');
}

/** Somebody new folds everything from the beginning, and has what everybody has. */
export async function checkNewcomer(world: World, file: string): Promise<void> {
  const person = world.newcomer();
  await driven(world, person.machine.start());
  world.tell(person.machine.name, 'makes a copy, last of all');
  person.machine.makeCopy(() => file);
  await world.until('the last copy', 120_000, () => person.machine.isReady);
  await syncEveryone(world);
  await world.timeline.pass(world.timeline.now + 3_000);
  await checkAtRest(world);
}

export async function driven<T>(world: World, work: Promise<T>): Promise<T> {
  let outcome: { value: T } | { error: unknown } | undefined;
  work.then(
    (value) => {
      outcome = { value };
    },
    (error) => {
      outcome = { error };
    },
  );
  await world.until('an answer', 60_000, () => outcome !== undefined);
  if (outcome && 'value' in outcome) return outcome.value;
  throw outcome?.error ?? new Violation('no answer');
}

function registryOf(copy: Copy): unknown {
  const rows = [DOCUMENTS, DATABASES, COPIES, FILE].map((table) => [
    table,
    [...copy.registry.rows(table)].map(({ id, row }) => [
      id,
      { ...row, cells: [...row.cells].sort(([a], [b]) => (a < b ? -1 : 1)) },
    ]),
  ]);
  const shown = [...copy.registry.entries('document'), ...copy.registry.entries('database')];
  return { rows, shown };
}

/** What the registry shows lies on the disk, and nothing else. */
function checkDisk({ machine, desk }: Person, finds: (text: string) => void): void {
  const copy = machine.copy as Copy;
  const shown = new Map([...copy.registry.entries('document')].map((entry) => [entry.shown, entry.hash]));
  for (const path of desk.documents()) {
    if (!shown.has(path)) finds(`${machine.name}: ${path} lies there and is not in the registry`);
    else if (shown.get(path) !== desk.hashAt(path)) finds(`${machine.name}: ${path} is not the version that is shown`);
    shown.delete(path);
  }
  for (const path of shown.keys()) finds(`${machine.name}: ${path} is in the registry and does not lie there`);
}

function checkUntracked(world: World, { machine, desk }: Person, finds: (text: string) => void): void {
  for (const [path, text] of desk.untracked) {
    const there = desk.read(path);
    const isOlder = there === undefined || desk.formerlyUntracked.has(`${path}: ${there}`);
    if (isOlder && world.hadPowerCut.has(machine.name)) continue;
    if (there?.toString() !== text) finds(`${machine.name}: ${path} is no document and was touched`);
  }
}

/** Every value that was committed and still there when the agent looked is in the log. */
function checkValues(world: World, { machine: first }: Person, finds: (text: string) => void): void {
  const inLog = new Set(bodiesIn({ folder: `${first.root}/.tieout`, disk: first.disk }).flatMap(tokensOf));
  // What was there before a database was followed is in its base.
  for (const { machine } of world.people) {
    for (const base of machine.disk.storesIn(`${machine.root}/.tieout/base`)) {
      for (const token of tokensAt(`${machine.root}/.tieout/base/${base}`)) inLog.add(token);
    }
  }
  for (const token of world.witness.logged) if (!inLog.has(token)) finds(`${token} was in a change and is in no log`);
  for (const { machine } of world.people) {
    for (const token of world.witness.values(machine.name)) {
      if (!inLog.has(token)) finds(`${token}, committed by ${machine.name}, is lost`);
    }
  }
}

/** Every settled save is a version. */
function checkSaves(world: World, copy: Copy, finds: (text: string) => void): void {
  const versions = new Set<string>();
  for (const { hash } of copy.folder.db.prepare('SELECT hash FROM version').all()) versions.add(String(hash));
  for (const { base_content: content, hash } of copy.folder.db.prepare('SELECT base_content, hash FROM entry').all()) {
    if (content !== null) versions.add(String(hash));
  }
  for (const { id } of copy.folder.db.prepare('SELECT id FROM entry').all()) {
    const base = copy.registry.base(String(id));
    if (base) versions.add(base.content.hash);
  }
  for (const { machine } of world.people) {
    for (const [path, hash] of world.witness.saves(machine.name)) {
      if (!versions.has(hash)) finds(`${path} as ${machine.name} saved it (${hash.slice(0, 8)}) is no version: lost`);
    }
  }
}

/** The hub has the content of every version, or a copy that is online: a restored hub asks them for what is wanted. */
function checkContents(world: World, copy: Copy, finds: (text: string) => void): void {
  const chunks = chunksIn(hubLog(world));
  for (const { machine } of world.people) {
    const kept = machine.copy?.folder.db.prepare('SELECT lower(hex(id)) AS id FROM chunk').all() ?? [];
    for (const { id } of kept) chunks.add(String(id));
  }
  const ids = copy.folder.db
    .prepare('SELECT id FROM entry')
    .all()
    .map(({ id }) => String(id));
  const lying = new Set(world.people.flatMap(({ desk }) => desk.documents().map((path) => desk.hashAt(path))));
  for (const id of ids) {
    for (const { by, hash } of copy.registry.versions(id)) {
      // Nobody keeps of a base what everybody has replaced: of a hub that was brought back it is not asked.
      if (by === null && world.hubWasRestored && !lying.has(hash)) continue;
      if (world.mayMiss.has(hash) && !lying.has(hash)) continue;
      const content = copy.registry.content(id, by ?? 'base');
      const missing = content?.chunks.filter((chunk) => !chunks.has(chunk.id)) ?? [];
      if (missing.length > 0) {
        finds(
          `nobody has ${missing.length} chunks of a version of ${copy.registry.entry(id)?.path} (${hash.slice(0, 8)})`,
        );
      }
    }
  }
}

function storeSums({ machine, cabinet }: Person): string[] {
  return cabinet.paths().map((path) => {
    const facts = machine.disk.storeFacts(machine.native(path));
    return `${facts?.mtimeNs}`;
  });
}

function vectorText(copy: Copy): string {
  return entriesOf(copy.store.vector())
    .map(({ copy: id, seq }) => `${id.slice(0, 4)}:${seq}`)
    .join(' ');
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return [...value];
  return value;
}

/** Where two texts part, with what is around it. */
function difference(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const around = (text: string): string => text.slice(Math.max(0, at - 200), at + 400);
  return `  first: …${around(a)}…\n  other: …${around(b)}…`;
}
