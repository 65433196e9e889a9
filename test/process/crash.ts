/**
 * Three people edit with outside programs while agents, the processes of their databases, the hub and the programs
 * themselves are killed at random moments, also in the middle of a bulk that is just committed, captured or applied. Then all copies must be equal, everything that was committed or saved must still be there (current,
 * in history, as a version, or in a conflict), and every database must be sound.
 *
 *   node test/process/crash.ts [--edits 5000] [--kills 60] [--seed N]
 *
 * Nobody writes one cell or one document twice in the same copy: what is overwritten before an agent could look (it may
 * be dead just then) is not promised.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assertEqualCopies, contentsOf } from './copies.ts';
import { type Copy, conflictsOf, copyIn } from './engagement.ts';
import { BATCHES, DATABASES, halvesOf, kill, type Written, writtenNothing } from './killing.ts';
import { Office, until } from './office.ts';
import { saveByRename, sqlite, write } from './outside.ts';

export interface Storm {
  readonly edits: number;
  readonly kills: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

const USERS = ['ana', 'ben', 'chloe'] as const;

export async function crashStorm(storm: Storm): Promise<void> {
  const office = await Office.begin();
  try {
    const begun = performance.now();
    const copies = await publish(office, storm.edits);
    storm.say(`seed ${storm.seed}: ${storm.edits} edits, ${storm.kills} kills in ${office.folder}`);
    const written = writtenNothing();
    await edit(office, copies, storm, written);
    storm.say(`${written.cells.size} values and ${written.documents.size} saves in ${seconds(begun)} s; exchanging`);
    await exchangeAll(copies);
    storm.say(`equal after ${seconds(begun)} s; looking for what was written`);
    await nothingLost(office, copies, written);
    for (const copy of copies) {
      for (const database of DATABASES) assert.equal(await copy.sql('PRAGMA integrity_check', database), 'ok');
      assert.equal(await copy.sql('PRAGMA foreign_key_check', DATABASES[0]), '');
    }
    storm.say(`sound after ${seconds(begun)} s`);
  } catch (error) {
    // What was left behind by a failure is not what failed.
    await office.close().catch(() => {});
    throw error;
  }
  await office.close();
}

const DOCUMENTS = 60;

async function publish(office: Office, edits: number): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const user of USERS) {
    const machine = await office.machine(user);
    const folder = join(machine.folder, 'File');
    if (copies.length === 0) await fill(folder, edits);
    await (copies.length === 0 ? machine.json('publish', [folder]) : machine.json('copy', ['File']));
    copies.push(copyIn(machine, folder));
  }
  return copies;
}

async function fill(folder: string, edits: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  // As many rows as one person may edit, and no more: people shall meet in the same cells.
  const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${edits})`;
  await sqlite(
    join(folder, DATABASES[0]),
    `PRAGMA journal_mode = WAL;
     CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT, comment);
     ${rows} INSERT INTO account SELECT 1000 + i, 'Account ' || i, NULL FROM n;
     CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text);
     CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES entry(id), text);
     ${BATCHES}`,
  );
  await sqlite(
    join(folder, DATABASES[1]),
    `CREATE TABLE note (topic TEXT, page INTEGER, body, PRIMARY KEY (topic, page)) WITHOUT ROWID;
     ${rows} INSERT INTO note SELECT 'topic ' || i, i % 7, NULL FROM n;
     CREATE TABLE loose (a, b);
     ${BATCHES}`,
  );
  for (let index = 0; index < DOCUMENTS; index += 1) write(join(folder, `${index}.txt`), `document ${index}\n`);
}

// The storm

async function edit(office: Office, copies: readonly Copy[], storm: Storm, written: Written): Promise<void> {
  const next = random(storm.seed);
  const plan = new Set<number>();
  while (plan.size < storm.kills) plan.add(Math.floor(storm.edits * (0.02 + 0.96 * next())));
  let done = 0;
  let killing = Promise.resolve();
  const work = copies.map(async (copy, person) => {
    const own = random(storm.seed * 31 + person);
    const editor = new Editor(copy, person, own, written);
    while (done < storm.edits) {
      done += 1;
      if (plan.delete(done)) killing = killing.then(() => kill(office, copies, next, written, storm.say));
      await editor.edit();
    }
  });
  await Promise.all(work);
  await killing;
}

/** One person with programs. */
class Editor {
  readonly #copy: Copy;
  readonly #person: number;
  readonly #next: () => number;
  readonly #written: Written;
  readonly #rows: number[] = [];
  readonly #saved = new Set<string>();
  #count = 0;
  #row = 0;

  constructor(copy: Copy, person: number, next: () => number, written: Written) {
    this.#copy = copy;
    this.#person = person;
    this.#next = next;
    this.#written = written;
  }

  edit(): Promise<void> {
    const kinds = [
      () =>
        this.#cell(
          'ledger.db',
          'account',
          (value) => `UPDATE account SET comment = '${value}' WHERE no = ${1000 + this.#nextRow()}`,
        ),
      () =>
        this.#cell(
          'notes.sqlite',
          'note',
          (value) => `UPDATE note SET body = '${value}' WHERE topic = 'topic ${this.#nextRow()}'`,
        ),
      () =>
        this.#cell(
          'ledger.db',
          'entry',
          (value) =>
            `INSERT INTO entry (text) VALUES ('${value}'); INSERT INTO line (entry, text) VALUES (last_insert_rowid(), 'line of ${value}')`,
        ),
      () => this.#cell('notes.sqlite', 'loose', (value) => `INSERT INTO loose VALUES ('${value}', random())`),
      () => this.#rowsAtOnce(),
      () => this.#save(saveByRename),
      () => this.#save(write),
    ];
    return (kinds[Math.floor(this.#next() * kinds.length)] as () => Promise<void>)();
  }

  async #cell(database: string, table: string, sql: (value: string) => string): Promise<void> {
    const value = `${table} ${this.#unique()}`;
    await this.#copy.sql(`BEGIN IMMEDIATE; ${sql(value)}; COMMIT`, database);
    this.#written.cells.add(value);
  }

  async #rowsAtOnce(): Promise<void> {
    const values = Array.from({ length: 5 }, () => `account ${this.#unique()}`);
    const updates = values.map(
      (value) => `UPDATE account SET comment = '${value}' WHERE no = ${1000 + this.#nextRow()};`,
    );
    await this.#copy.sql(`BEGIN IMMEDIATE; ${updates.join(' ')} COMMIT`);
    for (const value of values) this.#written.cells.add(value);
  }

  async #save(save: (path: string, content: string) => void): Promise<void> {
    const fresh = this.#next() < 0.3;
    const existing = Math.floor(this.#next() * DOCUMENTS);
    const path = fresh || this.#saved.has(`${existing}.txt`) ? join('new', `${this.#unique()}.txt`) : `${existing}.txt`;
    this.#saved.add(path);
    const content = `save ${this.#unique()}\n${randomBytes(Math.floor(this.#next() * 3000)).toString('hex')}`;
    save(this.#copy.at(path), content);
    this.#written.documents.set(content, path.replaceAll('\\', '/'));
  }

  #unique(): string {
    this.#count += 1;
    return `${USERS[this.#person]}-${this.#count}`;
  }

  /** Rows that this person has not edited yet, the same for all and in about the same order, so that they meet. */
  #nextRow(): number {
    if (this.#rows.length === 0) for (let index = 0; index < 20; index += 1) this.#rows.push(++this.#row);
    return this.#rows.splice(Math.floor(this.#next() * this.#rows.length), 1)[0] as number;
  }
}

// What must hold

async function exchangeAll(copies: readonly Copy[]): Promise<void> {
  for (const { machine } of copies) await machine.run('copies');
  await until(
    'all copies have everything and are equal',
    async () => {
      for (const { machine, folder } of copies) await machine.client().call('sync', { folder });
      for (const { machine, folder } of copies) {
        const { safe, pending, problems } = await machine.status(folder);
        assert.deepEqual({ safe, problems }, { safe: true, problems: [] });
        assert.equal(pending.in.changes + pending.out.changes, 0);
      }
      assertEqualCopies(...(copies.map(({ folder }) => folder) as [string, ...string[]]));
    },
    120_000,
  );
}

async function nothingLost(office: Office, copies: readonly Copy[], written: Written): Promise<void> {
  const conflicts = await conflictsOf(copies);
  const [{ machine, folder }] = copies as [Copy];
  const client = machine.client();
  const { documents, databases } = contentsOf(folder);

  const texts = new Set<string>();
  for (const tables of databases.values()) {
    for (const rows of tables.values()) for (const row of rows) for (const value of textsIn(row)) texts.add(value);
  }
  for (const { candidates } of conflicts) for (const { value } of candidates) collect(value, texts);
  for (const { from, to } of await client.call('history', { path: folder })) {
    collect(from, texts);
    collect(to, texts);
  }
  const lost = [...written.cells].filter((value) => !texts.has(value));
  assert.deepEqual(lost, [], `${lost.length} of ${written.cells.size} committed values are lost`);
  // Numbers were handed out twice all the time: every line must still hang on its own entry.
  const lines = await copies[0]!.sql(
    "SELECT line.text FROM line JOIN entry ON line.text = 'line of ' || entry.text AND line.entry = entry.id",
  );
  const entries = [...written.cells].filter((value) => value.startsWith('entry ')).map((value) => `line of ${value}`);
  assert.deepEqual(lines.split('\n').filter(Boolean).sort(), entries.sort(), 'lines of entries');

  for (const database of DATABASES)
    assert.equal(await halvesOf(copies[0] as Copy, database), '', 'halves of transactions');

  const current = new Set([...documents.values()].map((bytes) => bytes.toString()));
  const missing = [...written.documents].filter(([content]) => !current.has(content));
  for (const path of new Set(missing.map(([, path]) => path))) {
    const document = join(folder, ...path.split('/'));
    for (const { id } of await client.call('versions', { document })) {
      const out = join(office.folder, `version-${randomBytes(6).toString('hex')}`);
      await client.call('get', { document, version: id, out });
      current.add(readFileSync(out, 'utf8'));
    }
  }
  const gone = missing
    .filter(([content]) => !current.has(content))
    .map(([content, path]) => [path, content.slice(0, 30)]);
  assert.deepEqual(gone, [], `${gone.length} of ${written.documents.size} saved contents are lost`);
}

function* textsIn(row: string): Generator<string> {
  for (const [, hex] of row.matchAll(/\btext ([0-9A-F]*)/g)) yield Buffer.from(hex as string, 'hex').toString();
}

function collect(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') into.add(value);
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) collect(part, into);
}

/** Mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      edits: { type: 'string', default: '5000' },
      kills: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(randomBytes(4).readUInt32LE()) },
    },
  });
  await crashStorm({
    edits: Number(values.edits),
    kills: Number(values.kills),
    seed: Number(values.seed),
    say: (text) => process.stdout.write(`${text}\n`),
  });
  console.log('1 passed, 0 failed');
}
