/** Databases that only their own program can read: they keep nothing else from being shared, and are named. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { makeStrange } from '../fixtures/strange-databases.ts';
import { Office, until } from './office.ts';
import { sqlite, write } from './outside.ts';

const timeout = 300_000;
const WHY = /only the program that made it can read it \(no such (collation sequence: german|function: myf)\)/;

test('PRC29 databases that only their own program can read keep nothing else from being published and are named; nothing of ours stays in them', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const [here, there] = [join(ana.folder, 'Acme'), join(ben.folder, 'Acme')];
  mkdirSync(here);
  write(join(here, 'Readme.txt'), 'Acme');
  await sqlite(
    join(here, 'Trial.db'),
    "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'one')",
  );
  makeStrange(join(here, 'Cards.db'), 'key');
  makeStrange(join(here, 'Index.db'), 'function');
  const before = schemaOf(join(here, 'Cards.db'));

  const { exit, out } = await ana.run('publish', here);
  assert.equal(exit, 0);
  assert.match(out, /1 document and 1 database\./);
  assert.match(out, /Cards\.db: .*Index\.db: /s);
  assert.match(out, WHY);
  const named = async (): Promise<void> => {
    const { problems, safe } = await ana.status(here);
    assert.deepEqual(problems.map(({ path }) => path).sort(), ['Cards.db', 'Index.db']);
    for (const { text } of problems) assert.match(text, WHY);
    assert.equal(safe, false);
  };
  await named();
  assert.deepEqual(schemaOf(join(here, 'Cards.db')), before);
  assert.match((await ana.run('doctor', here)).out, WHY);

  await ben.json('copy', ['Acme', there]);
  assert.equal(await sqlite(join(there, 'Trial.db'), 'SELECT name FROM account'), 'one');
  await sqlite(join(here, 'Trial.db'), "UPDATE account SET name = 'first'");
  await ana.refused('sync', here);
  await ben.json('sync', [there]);
  assert.equal(await sqlite(join(there, 'Trial.db'), 'SELECT name FROM account'), 'first');
  await ana.json('stop');
  await ana.json('status', [here]);
  await until('it is named again after a start', named);
  // Its program makes it readable to all.
  makeStrange(join(here, 'Cards.db'), 'plain');
  makeStrange(join(here, 'Index.db'), 'plain');
  await until('they are followed', async () => {
    await ana.ask('sync', { folder: here });
    assert.deepEqual((await ana.status(here)).problems, []);
    await ben.ask('sync', { folder: there });
    assert.equal(await sqlite(join(there, 'Cards.db'), 'SELECT name FROM card'), 'ace');
  });
});

test('PRC30 a sync ends where a new database cannot be followed: all else has travelled, and it is named', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const [here, there] = [join(ana.folder, 'Acme'), join(ben.folder, 'Acme')];
  mkdirSync(here);
  await sqlite(
    join(here, 'Trial.db'),
    "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'one')",
  );
  await ana.json('publish', [here]);
  await ben.json('copy', ['Acme', there]);
  makeStrange(join(here, 'Cards.db'), 'key');
  await sqlite(join(here, 'Trial.db'), "UPDATE account SET name = 'first'");
  const told = await ana.refused('sync', here);
  assert.match(told, /Cards\.db/);
  assert.match(told, WHY);
  assert.equal((await ana.status(here)).safe, false);
  assert.match(await ana.refused('sync', here), WHY);
  await ben.json('sync', [there]);
  assert.equal(await sqlite(join(there, 'Trial.db'), 'SELECT name FROM account'), 'first');
  // Out of the folder it is nobody's business.
  renameSync(join(here, 'Cards.db'), join(ana.folder, 'Cards.db'));
  await until('all is well', async () => {
    await ana.ask('sync', { folder: here });
    const { problems, safe } = await ana.status(here);
    assert.deepEqual([problems, safe], [[], true]);
  });
});

function schemaOf(path: string): unknown {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare('SELECT name, sql FROM sqlite_schema').all();
  } finally {
    db.close();
  }
}
