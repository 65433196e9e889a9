/** Commits that touch ten tables, one after the other, and a colleague's program that looks at them all the time. */
import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Copy, copyIn } from './engagement.ts';
import type { Looked } from './ledger-reader.ts';
import { Office, until } from './office.ts';
import { sqlite } from './outside.ts';

const TABLES = Array.from({ length: 10 }, (_, index) => `book${index}`);
/** For so long both writers go on at least. */
const LOAD_MS = 3000;

suite('a transaction over ten tables', { timeout: 120_000 }, () => {
  let office: Office;
  let ana: Copy;
  let ben: Copy;

  before(async () => {
    office = await Office.begin();
    const [first, second] = [await office.machine('ana'), await office.machine('ben')];
    const folder = join(first.folder, 'Books');
    mkdirSync(folder, { recursive: true });
    await Promise.all([fill(join(folder, 'wal.db'), 'WAL'), fill(join(folder, 'delete.db'), 'DELETE')]);
    await first.json('publish', [folder]);
    await second.json('copy', ['Books']);
    [ana, ben] = [copyIn(first, folder), copyIn(second, join(second.folder, 'Books'))];
  });
  after(() => office.close());

  for (const journal of ['wal', 'delete'] as const) {
    test(`PRC23 a reader that looks all the time never sees half of a commit, with a journal of mode ${journal}`, async () => {
      const database = `${journal}.db`;
      const reader = fork(join(import.meta.dirname, 'ledger-reader.ts'), [ben.at(database), ...TABLES]);
      const writer = fork(join(import.meta.dirname, 'ledger-writer.ts'), [ana.at(database), ...TABLES]);
      // By a database whose reader leaves it no gap, several commits come as one: it has to see some of them.
      const said = [reader, writer].map((child) => once(child, 'message'));
      const enough = Promise.all([...said, new Promise((resolve) => setTimeout(resolve, LOAD_MS))]);
      const exit = once(writer, 'exit');
      const shell = writeByShell(ana.at(database), enough);
      await enough;
      writer.send('end');
      assert.deepEqual([await exit, await shell], [[0, null], '']);
      const last = await ana.sql(COUNTS, database);
      await until("all commits are in Ben's copy", async () => assert.equal(await ben.sql(COUNTS, database), last));
      const looked = once(reader, 'message') as Promise<[Looked]>;
      reader.send('end');
      const [{ looks, states, halves }] = await looked;
      assert.deepEqual(halves, []);
      assert.ok(looks > states, `${looks} looks saw ${states} states`);
      assert.ok(Number(last.split('|')[0]) > 50, `${last.split('|')[0]} rows are no load`);
    });
  }
});

const COUNTS = TABLES.map((table) => `SELECT count(*), max(id), sum(amount) FROM ${table}`).join(' UNION ALL ');

async function fill(path: string, journal: string): Promise<void> {
  const tables = TABLES.map(
    (table) => `CREATE TABLE ${table} (id INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT, amount INTEGER);`,
  );
  const rows = TABLES.map(
    (table, index) => `INSERT INTO ${table} (entry, amount) VALUES ('opening', ${index * 2 - 9});`,
  );
  await sqlite(path, `PRAGMA journal_mode = ${journal}; ${tables.join(' ')} BEGIN; ${rows.join(' ')} COMMIT;`);
}

/** Debian's sqlite3, until `end`: what it says on stderr. */
async function writeByShell(path: string, end: Promise<unknown>): Promise<string> {
  const shell = spawn('sqlite3', ['-bail', '-cmd', '.timeout 20000', path], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  shell.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let isOver = false;
  void end.then(() => {
    isOver = true;
  });
  for (let n = 0; !isOver; n++) {
    const rows = TABLES.map(
      (table, index) => `INSERT INTO ${table} (entry, amount) VALUES ('shell ${n}', ${(index * 2 - 9) * n});`,
    );
    shell.stdin.write(`BEGIN IMMEDIATE; ${rows.join(' ')} COMMIT;\nSELECT 1;\n`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  shell.stdin.end();
  await once(shell, 'close');
  return said;
}
