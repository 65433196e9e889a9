import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ProblemError } from '../../src/core/problem.ts';
import { LocalDatabases } from '../../src/database/databases.ts';
import { makeStrange } from '../fixtures/strange-databases.ts';
import { copyId } from '../store/stores.ts';
import { DB, withDatabase } from './copies.ts';

for (const kind of ['key', 'column', 'index', 'unique', 'function', 'check', 'generated'] as const) {
  test(`DBS26 of a database with a strange ${kind} no base is made, and nothing is written to it`, async (t) => {
    const { databases, at } = opened(t);
    makeStrange(at('cards.db'), kind);
    const before = readFileSync(at('cards.db'));
    const { code, text } = await problemOf(
      databases.makeBase({ id: DB, path: at('cards.db'), basePath: at('base.db') }),
    );
    assert.equal(code, 'database-not-followed');
    assert.match(text, /no such (collation sequence: german|function: myf)/);
    assert.deepEqual(readFileSync(at('cards.db')), before);
  });
}

test('DBS26 marks go again out of a database whose base turns out to be damaged', async (t) => {
  const { databases, at } = opened(t);
  const path = at('ledger.db');
  withDatabase(path, (db) => {
    db.exec(`CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT);
      INSERT INTO account WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      SELECT i, 'a name that takes room ' || i FROM n`);
  });
  const content = readFileSync(path);
  writeFileSync(path, content.fill('garbage', content.length / 4, (content.length * 3) / 4));
  const { code } = await problemOf(databases.makeBase({ id: DB, path, basePath: at('base.db') }));
  assert.equal(code, 'damaged-database');
  withDatabase(path, (db) => {
    assert.deepEqual(db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%tieout%'").all(), []);
  });
});

function opened(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-base-'));
  const at = (name: string): string => join(folder, name);
  const clock = {
    now: () => 0,
    monotonic: () => performance.now(),
    after: (ms: number, work: () => void) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
  };
  const databases = new LocalDatabases({
    copy: copyId('a'),
    rowsPath: ':memory:',
    source: {} as never,
    events: { append: () => assert.fail(), applied: () => undefined, problems: () => undefined },
    clock,
    random: {} as never,
    facts: () => undefined,
  });
  t.after(async () => {
    await databases.stop();
    rmSync(folder, { recursive: true });
  });
  return { databases, at };
}

async function problemOf(work: Promise<unknown>): Promise<ProblemError['problem']> {
  const error = await work.then(
    () => assert.fail('it was done'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProblemError);
  return error.problem;
}
