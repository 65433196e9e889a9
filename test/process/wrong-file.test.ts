/** A database whose file was replaced by a wrong one is told with what to do: whoever does that takes it from nobody. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { Office, until } from './office.ts';
import { sqlite } from './outside.ts';

test('DBS25 a wrong file that is moved out of the place of a database deletes it for nobody: the database is placed again', async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const [here, there] = [join(ana.folder, 'Acme'), join(ben.folder, 'Acme')];
  const [ours, theirs] = [join(here, 'Trial.db'), join(there, 'Trial.db')];
  const answer = "SELECT count(*) || max(v) FROM t WHERE v <> 'x'";
  mkdirSync(here);
  await sqlite(
    ours,
    `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t SELECT i, 'a' FROM n`,
  );
  const wrong = join(office.folder, 'wrong.db');
  copyFileSync(ours, wrong);
  await sqlite(wrong, "DELETE FROM t WHERE id > 50; UPDATE t SET v = 'x' WHERE id = 3");
  await ana.json('publish', [here]);
  await ben.json('copy', ['Acme', there]);
  await sqlite(theirs, "UPDATE t SET v = 'b' WHERE id = 7");
  await ben.json('sync', [there]);

  const replaced = async (by: string, told: RegExp): Promise<void> => {
    const next = join(office.folder, 'next.db');
    copyFileSync(by, next);
    renameSync(next, theirs);
    await until('the wrong file is told', async () => {
      const { problems } = await ben.status(there);
      assert.match(problems.map(({ text }) => text).join(), told);
    });
  };
  const isBack = async (): Promise<void> => {
    await until('the database is in its place again', async () => {
      await ben.json('sync', [there]);
      assert.ok(existsSync(theirs));
      assert.equal(await sqlite(theirs, answer), '1000b');
      assert.deepEqual((await ben.status(there)).problems, []);
    });
    await ana.json('sync', [here]);
    assert.equal(await sqlite(ours, answer), '1000b');
  };
  const lacking = /lacks 950 of the 1000 rows/;

  // Moved away by the user.
  await replaced(wrong, lacking);
  renameSync(theirs, join(office.folder, 'away.db'));
  await isBack();
  // While nobody looked.
  await replaced(wrong, lacking);
  await ben.json('stop');
  rmSync(theirs);
  await isBack();
  // Moved aside in the folder: it is a file of its own there.
  await replaced(wrong, lacking);
  renameSync(theirs, join(there, 'aside.db'));
  await isBack();
  await until('the file aside is with everybody', async () => {
    await ben.json('sync', [there]);
    await ana.json('sync', [here]);
    assert.equal(await sqlite(join(here, 'aside.db'), 'SELECT count(*) FROM t'), '50');
  });
  assertEqualCopies(here, there);
  // One that no program can read.
  const garbage = join(office.folder, 'garbage.db');
  writeFileSync(garbage, Buffer.concat([readFileSync(wrong).subarray(0, 100), Buffer.alloc(8000, 'garbage')]));
  await replaced(garbage, /cannot be read/);
  rmSync(theirs);
  await isBack();
  // Whoever deletes the right file deletes it.
  rmSync(theirs);
  await until('it has gone', () => assert.equal(existsSync(ours), false));
});
