/** A file to work on: two databases and documents, in a folder on Ana's machine, and colleagues with copies of it. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertEqualCopies } from './copies.ts';
import { type Machine, type Office, until } from './office.ts';
import { sqlite, write } from './outside.ts';

export const LEDGER = 'ledger.db';
export const NOTES = join('work', 'notes.sqlite');

/** A machine together with its copy of the file. */
export interface Copy {
  readonly machine: Machine;
  /** The copy's folder. */
  readonly folder: string;
  at(path: string): string;
  sql(statements: string, database?: string): Promise<string>;
}

export async function fillFolder(folder: string): Promise<void> {
  mkdirSync(join(folder, 'work'), { recursive: true });
  await sqlite(
    join(folder, LEDGER),
    `PRAGMA journal_mode = WAL;
     CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT NOT NULL, balance INTEGER NOT NULL, comment TEXT);
     WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 149)
       INSERT INTO account SELECT 1000 + 10 * i, 'Account ' || (1000 + 10 * i), i * 1000, NULL FROM n;
     CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, at TEXT);
     CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES entry(id),
                        account INTEGER NOT NULL REFERENCES account(no), amount INTEGER);
     INSERT INTO entry (text, at) VALUES ('Opening', '2025-01-01'), ('Accrual', '2025-12-31');
     INSERT INTO line (entry, account, amount) VALUES (1, 1000, 500), (1, 1010, -500), (2, 1020, 70), (2, 1030, -70);`,
  );
  await sqlite(
    join(folder, NOTES),
    `CREATE TABLE note (topic TEXT, page INTEGER, body, PRIMARY KEY (topic, page)) WITHOUT ROWID;
     INSERT INTO note VALUES ('cash', 1, 'counted'), ('cash', 2, 3.25), ('stock', 1, x'00ff10'), ('stock', 2, NULL);
     CREATE TABLE mark (a, b);
     INSERT INTO mark VALUES (1, 'one'), (2, 'two');`,
  );
  write(join(folder, 'letter.txt'), 'Dear client,\n');
  write(join(folder, 'work', 'plan.md'), '# Plan\n');
  write(join(folder, 'work', 'empty.txt'), '');
  write(join(folder, 'papers', 'Prüfung 2025.pdf'), Buffer.alloc(300_000, 'tieout'));
}

/** Ana publishes, the others copy. */
export async function engagement(office: Office, users: readonly string[], name = 'Acme 2026'): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const user of users) {
    const machine = await office.machine(user);
    const folder = join(machine.folder, name);
    if (copies.length === 0) {
      await fillFolder(folder);
      const { documents, databases } = await machine.json('publish', [folder, '--name', name]);
      assert.deepEqual([documents, databases], [4, 2]);
    } else {
      const made = await machine.json('copy', [name]);
      assert.equal(made.folder, folder);
    }
    copies.push(copyIn(machine, folder));
  }
  return copies;
}

export function copyIn(machine: Machine, folder: string): Copy {
  return {
    machine,
    folder,
    at: (path) => join(folder, path),
    sql: (statements, database = LEDGER) => sqlite(join(folder, database), statements),
  };
}

/** Until this query gives this answer in all of the copies. */
export async function arrives(copies: readonly Copy[], query: string, answer: string, database = LEDGER) {
  for (const copy of copies) {
    await until(`${query} is ${answer} at ${copy.machine.user}'s`, async () =>
      assert.equal(await copy.sql(query, database), answer),
    );
  }
}

/** Exchanges until nobody has anything that another lacks, and holds the product to what it then says. */
export async function meet(copies: readonly Copy[]): Promise<void> {
  // The first round brings everything to the hub, the second from it. What is found out on the way (numbers that were
  // handed out twice) may make changes in turn.
  for (let round = 0; round < 2; round += 1) {
    for (const { machine, folder } of copies) await machine.ask('sync', { folder });
  }
  for (const { machine, folder } of copies) {
    await until(`${machine.user}'s copy is online and safe`, async () => {
      const { state, safe, pending } = await machine.status(folder);
      assert.deepEqual({ state, safe, pending }, { state: 'online', safe: true, pending: NOTHING });
    });
  }
  assertEqualCopies(...(copies.map(({ folder }) => folder) as [string, ...string[]]));
}

export const NOTHING = { out: { changes: 0, bytes: 0 }, in: { changes: 0, bytes: 0 } };

/** The lists of conflicts, which must be the same everywhere. */
export async function conflictsOf(copies: readonly Copy[]) {
  const lists = [];
  for (const { machine, folder } of copies) {
    const list = await machine.ask('conflicts', { folder });
    assert.equal((await machine.status(folder)).conflicts, list.length);
    lists.push(list.sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
  for (const list of lists) assert.deepEqual(list, lists[0], 'lists of conflicts');
  return lists[0] as NonNullable<(typeof lists)[0]>;
}
