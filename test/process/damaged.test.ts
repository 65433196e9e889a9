/** Disks that damage or lose what lies on them, while the agent is away. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { Office, until } from './office.ts';
import { sqlite } from './outside.ts';

test('DBS22 a base that the disk has damaged or lost is told as what it is, keeps a copy from being safe, and heals', async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const [here, there] = [join(ana.folder, 'Acme'), join(ben.folder, 'Acme')];
  mkdirSync(here);
  await sqlite(
    join(here, 'Trial.db'),
    `CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT, amount REAL);
     INSERT INTO account WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
     SELECT i, 'a name that takes room ' || i, i * 1.5 FROM n`,
  );
  await ana.json('publish', [here]);
  await ben.json('copy', ['Acme', there]);
  const folder = join(there, '.tieout', 'base');
  const base = join(folder, readdirSync(folder).find((name) => name.endsWith('.db'))!);
  const content = readFileSync(base);

  await ben.json('stop');
  await office.hub.stop();
  writeFileSync(base, Buffer.from(content).fill('garbage', content.length / 4, (content.length * 3) / 4));
  await sqlite(join(there, 'Trial.db'), "UPDATE account SET amount = 0, name = 'by Ben'");
  await ben.json('status', [there]);
  await until('the damage is told', async () => {
    const { problems, safe } = await ben.status(there);
    assert.match(problems.map(({ text }) => text).join(), /Trial\.db as it was when it was published is damaged/);
    assert.equal(safe, false);
  });
  await office.hub.start();
  const equal = async (): Promise<void> => {
    await ben.ask('sync', { folder: there });
    await ana.ask('sync', { folder: here });
    assertEqualCopies(here, there);
    const { problems, safe } = await ben.status(there);
    assert.deepEqual([problems, safe], [[], true]);
    assert.deepEqual(readFileSync(base), content);
  };
  await until('the base is back, and the edit has travelled', equal);
  assert.equal(await sqlite(join(here, 'Trial.db'), 'SELECT sum(amount) FROM account'), '0.0');

  await ben.json('stop');
  rmSync(base);
  await sqlite(join(here, 'Trial.db'), "UPDATE account SET name = 'by Ana' WHERE no % 2 = 0");
  await ben.json('status', [there]);
  await until('the base is back again', equal);
  assert.equal(await sqlite(join(there, 'Trial.db'), "SELECT count(*) FROM account WHERE name = 'by Ana'"), '2500');
});

test('DBS24 doctor finds a damaged base before anybody needs it, names its database, and has it fetched again', async (t) => {
  const office = await Office.open(t);
  const ana = await office.machine('ana');
  const here = join(ana.folder, 'Acme');
  mkdirSync(here);
  for (const name of ['Trial.db', 'Notes.db']) {
    await sqlite(
      join(here, name),
      `CREATE TABLE ${name.slice(0, 5)} (no INTEGER PRIMARY KEY, text TEXT);
       INSERT INTO ${name.slice(0, 5)} WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       SELECT i, 'a text that takes room ' || i FROM n`,
    );
  }
  await ana.json('publish', [here]);
  const bases = async () =>
    (await ana.ask('doctor', { folder: here })).checks.find(({ name }) => name === `${here}: bases`);
  assert.equal((await bases())?.state, 'ok');

  const folder = join(here, '.tieout', 'base');
  const names = readdirSync(folder).filter((name) => name.endsWith('.db'));
  const base = names.map((name) => join(folder, name)).find((path) => readFileSync(path).includes('TABLE Trial'))!;
  const content = readFileSync(base);
  // A change of one byte where nothing is looked for.
  const damage = (): void =>
    writeFileSync(base, Buffer.from(content).fill('!', content.length - 300, content.length - 299));
  damage();
  assert.equal((await ana.json('status', [here])).safe, true);
  const found = await bases();
  assert.equal(found?.state, 'warning');
  assert.match(
    `${found?.text} ${found?.remedy}`,
    /of Trial\.db as it was when it was published is damaged.*fetched again/,
  );
  await until('it is back', async () => {
    assert.deepEqual(readFileSync(base), content);
    assert.deepEqual((await ana.json('status', [here])).problems, []);
  });
  assert.equal((await bases())?.state, 'ok');

  await office.hub.stop();
  damage();
  await until('it is told', async () => {
    assert.equal((await bases())?.state, 'warning');
    const { problems, safe } = await ana.json('status', [here]);
    assert.deepEqual([problems.map(({ path }) => path), safe], [['Trial.db'], false]);
  });
  await sqlite(join(here, 'Trial.db'), "UPDATE Trial SET text = 'edited' WHERE no = 7");
  await office.hub.start();
  await until('it is back again', async () => {
    assert.deepEqual(readFileSync(base), content);
    const { problems, safe } = await ana.json('status', [here]);
    assert.deepEqual([problems, safe], [[], true]);
  });
  assert.equal((await bases())?.state, 'ok');
});

test('PRC31 doctor says which versions of which documents need what the disk has damaged', async (t) => {
  const office = await Office.open(t);
  const ana = await office.machine('ana');
  const here = join(ana.folder, 'Acme');
  mkdirSync(here);
  writeFileSync(join(here, 'letter.txt'), 'Dear client');
  await ana.json('publish', [here]);
  // Nothing that could be packed smaller: it is found as it is.
  const names = ['letter.txt', 'a.pdf', 'b.pdf', 'c.pdf', 'd.pdf', 'e.pdf', 'f.pdf'];
  const saved = new Map(names.map((name) => [name, randomBytes(30_000)]));
  for (const [name, bytes] of saved) writeFileSync(join(here, name), bytes);
  await ana.json('sync', [here]);
  const content = async () =>
    (await ana.ask('doctor', { folder: here })).checks.find(({ name }) => name === `${here}: content`);
  assert.equal((await content())?.state, 'ok');
  const damage = (name: string): void => {
    const folder = join(here, '.tieout', 'packs');
    for (const pack of readdirSync(folder).map((file) => join(folder, file))) {
      const at = readFileSync(pack).indexOf(saved.get(name)!.subarray(100, 200));
      if (at < 0) continue;
      const file = openSync(pack, 'r+');
      writeSync(file, Buffer.from('garbage'), 0, 7, at);
      return closeSync(file);
    }
    assert.fail(`${name} lies in no pack`);
  };
  damage('letter.txt');
  const one = await content();
  assert.equal(one?.state, 'warning');
  assert.match(
    one?.text ?? '',
    /^1 stored piece is damaged and not used: needed for letter\.txt \(of 20\d\d-\S+Z by ana\)$/,
  );
  for (const name of names.slice(1)) damage(name);
  assert.match(
    (await content())?.text ?? '',
    /^7 stored pieces are .*: needed for a\.pdf \(.*, b\.pdf \(.*, c\.pdf .*, d\.pdf .*, e\.pdf \([^,]*\), 2 more versions$/,
  );
});

test('LOG26 a damaged record of a colleague’s log is named by status once it was met, and no longer when it is whole again', async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const [here, there] = [join(ana.folder, 'Acme'), join(ben.folder, 'Acme')];
  mkdirSync(here);
  await sqlite(join(here, 'Trial.db'), 'CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT)');
  await ana.json('publish', [here]);
  await ben.json('copy', ['Acme', there]);
  for (const no of [1, 2, 3]) {
    await sqlite(join(here, 'Trial.db'), `INSERT INTO account VALUES (${no}, 'account ${no}')`);
    await ana.json('sync', [here]);
  }
  await ben.json('sync', [there]);
  assert.equal(await sqlite(join(there, 'Trial.db'), 'SELECT count(*) FROM account'), '3');

  const entry = (await ben.json('history', [there])).find(({ what }) => /account .*\b2\b/.test(what));
  const [, copy = '', seq = ''] = /^([0-9a-f]{32})\D+(\d+)$/.exec(entry?.change ?? '') ?? [];
  const record = `seq = ${seq} AND copy = (SELECT idx FROM copy WHERE id = x'${copy}')`;
  const store = join(there, '.tieout', 'store.db');
  const body = await sqlite(store, `SELECT hex(body) FROM change WHERE ${record}`);
  assert.ok(body.length > 20);
  const damage = `${body.slice(0, -8)}${body.slice(-8) === '00000000' ? 'FFFFFFFF' : '00000000'}`;
  await sqlite(store, `UPDATE change SET body = x'${damage}' WHERE ${record}`);
  const told = async () => (await ben.status(there)).problems.map(({ path, text }) => [path, text]);
  assert.deepEqual(await told(), []);
  await ben.refused('history', there);
  const [[path, text] = [], ...others] = await told();
  assert.deepEqual([path, others], [null, []]);
  const words = `change ${seq} by ana \\(copy ${copy.slice(0, 8)}\\) cannot be read.*Have the disk checked.*tieout copy`;
  assert.match(text ?? '', new RegExp(words));
  const { checks } = await ben.ask('doctor', { folder: there });
  assert.deepEqual(
    checks.filter(({ state }) => state !== 'ok').map(({ name, text }) => [name, text]),
    [[`${there}: log`, `1 change is damaged: ${copy} ${seq}`]],
  );

  await sqlite(store, `UPDATE change SET body = x'${body}' WHERE ${record}`);
  assert.deepEqual(await told(), []);
  await ben.json('history', [there]);
  // Doctor reads all records, so it meets it as well.
  await sqlite(store, `UPDATE change SET body = x'${damage}' WHERE ${record}`);
  await ben.ask('doctor', { folder: there });
  assert.match((await told()).join(), new RegExp(words));
});

test('AGT19 a database that cannot be read is named by its path within the file, as a document is', async (t) => {
  const office = await Office.open(t);
  const ana = await office.machine('ana');
  const here = join(ana.folder, 'Acme');
  mkdirSync(join(here, 'work'), { recursive: true });
  const file = join(here, 'work', 'Trial.db');
  await sqlite(
    file,
    "CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT); INSERT INTO account VALUES (1, 'Cash')",
  );
  await ana.json('publish', [here]);
  await ana.json('stop');
  writeFileSync(file, readFileSync(file).fill('garbage', 100));
  await ana.json('status', [here]);
  await until('it is named', async () => {
    const { problems } = await ana.json('status', [here]);
    assert.deepEqual([...new Set(problems.map(({ path }) => path))], ['work/Trial.db']);
  });
  assert.match((await ana.run('status', here)).out, /^work\/Trial\.db: This database cannot be read/m);
  const { checks } = await ana.json('doctor', [here]);
  assert.ok(
    checks.some(({ name }) => name === `${here}: work/Trial.db`),
    JSON.stringify(checks),
  );
});
