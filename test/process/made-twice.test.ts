/** Two people make a database on one path, neither knowing of the other, and meet. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { type Machine, Office, until } from './office.ts';
import { sqlite, write } from './outside.ts';

const SCHEMA = `CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT);
  CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT);
  CREATE TABLE line (entry INTEGER REFERENCES entry (id), amount INTEGER);`;

interface Pair {
  readonly ana: Machine;
  readonly ben: Machine;
  readonly here: string;
  readonly there: string;
}

/** Ana and Ben with copies of one file, both offline. */
async function apart(t: TestContext): Promise<Pair> {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const here = join(ana.folder, 'Acme');
  write(join(here, 'Readme.txt'), 'Acme');
  await ana.json('publish', [here]);
  const there = join(ben.folder, 'Acme');
  await ben.json('copy', ['Acme', there]);
  for (const [machine, folder] of [
    [ana, here],
    [ben, there],
  ] as const)
    await machine.json('offline', [folder]);
  return { ana, ben, here, there };
}

async function make(machine: Machine, folder: string, sql: string): Promise<void> {
  await sqlite(join(folder, 'Trial.db'), sql);
  await until('the database is followed', async () => {
    assert.ok((await machine.status(folder)).pending.out.changes >= 1);
  });
}

async function meet({ ana, ben, here, there }: Pair): Promise<void> {
  await ana.json('online', [here]);
  await ana.json('sync', [here]);
  await ben.json('online', [there]);
}

async function assertOne({ ana, ben, here, there }: Pair): Promise<void> {
  await until('both have the rows of both', async () => {
    await ben.ask('sync', { folder: there });
    await ana.ask('sync', { folder: here });
    assertEqualCopies(here, there);
    assert.deepEqual(readdirSync(here).sort(), ['.tieout', 'Readme.txt', 'Trial.db']);
  });
  const texts = await sqlite(join(here, 'Trial.db'), 'SELECT text FROM entry ORDER BY text');
  assert.deepEqual(texts.split('\n'), ['ana 1', 'ana 2', 'ben 1', 'ben 2']);
  const joined = await sqlite(
    join(there, 'Trial.db'),
    'SELECT text, amount FROM line JOIN entry ON entry.id = line.entry ORDER BY text, amount',
  );
  assert.deepEqual(joined.split('\n'), ['ana 1|10', 'ben 1|20', 'ben 2|30', 'ben 2|31']);
  const codes = await sqlite(join(here, 'Trial.db'), 'SELECT code FROM account ORDER BY code');
  assert.deepEqual(codes.split('\n'), ['1', '2', '3']);
  for (const [machine, folder] of [
    [ana, here],
    [ben, there],
  ] as const) {
    const { problems, safe } = await machine.status(folder);
    assert.deepEqual(problems, []);
    assert.equal(safe, true);
  }
}

const ANA = `${SCHEMA} INSERT INTO account VALUES ('1', 'Cash'), ('2', 'Bank'); INSERT INTO entry VALUES (1, 'ana 1'), (2, 'ana 2');
  INSERT INTO line VALUES (1, 10);`;
const BEN = `${SCHEMA} INSERT INTO account VALUES ('1', 'Cash'), ('3', 'Debt');
  INSERT INTO entry VALUES (1, 'ben 1'), (2, 'ben 2'); INSERT INTO line VALUES (1, 20), (2, 30), (2, 31);`;

test('PRC20 two databases made on one path become one with the rows of both', { timeout: 200_000 }, async (t) => {
  const pair = await apart(t);
  await make(pair.ana, pair.here, ANA);
  await make(pair.ben, pair.there, BEN);
  await meet(pair);
  await assertOne(pair);
});

for (const place of ['entering', 'removed']) {
  test(`PRC20 a kill in between neither loses a row nor enters it twice: ${place}`, { timeout: 200_000 }, async (t) => {
    const pair = await apart(t);
    const { ben, there } = pair;
    await make(pair.ana, pair.here, ANA);
    await make(ben, there, BEN);
    await meet(pair);
    const folder = join(there, '.tieout', place);
    await until(`something in ${place}`, () => existsSync(folder) && readdirSync(folder).length > 0);
    await ben.kill();
    await ben.json('status', [there]);
    await sqlite(join(there, 'Trial.db'), "INSERT INTO account VALUES ('4', 'Later')");
    await sqlite(join(there, 'Trial.db'), "DELETE FROM account WHERE code = '4'");
    await assertOne(pair);
  });
}

test('PRC20 with different tables both stay, and the later is told to have another name', {
  timeout: 200_000,
}, async (t) => {
  const pair = await apart(t);
  await make(pair.ana, pair.here, ANA);
  await make(
    pair.ben,
    pair.there,
    "CREATE TABLE stock (id INTEGER PRIMARY KEY, n); INSERT INTO stock VALUES (1, 'ben')",
  );
  await meet(pair);
  await until('both lie beside each other', async () => {
    await pair.ben.ask('sync', { folder: pair.there });
    await pair.ana.ask('sync', { folder: pair.here });
    assertEqualCopies(pair.here, pair.there);
    assert.deepEqual(readdirSync(pair.here).sort(), ['.tieout', 'Readme.txt', "Trial (ben's copy).db", 'Trial.db']);
  });
  assert.match(await sqlite(join(pair.here, "Trial (ben's copy).db"), 'SELECT n FROM stock'), /ben/);
  const { problems } = await pair.ben.status(pair.there);
  assert.match(String(problems[0]?.text), /made by two people at once/);
});
