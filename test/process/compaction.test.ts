/** Compaction by real processes: two machines pack the history of their file, a third gets it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { type Copy, copyIn, engagement, LEDGER, meet } from './engagement.ts';
import { Office, until } from './office.ts';

const LEAST = 64;

/** What doctor says of a copy's history. */
async function history({ machine, folder }: Copy): Promise<{ packed: number; total: number }> {
  const { checks } = await machine.json('doctor', [folder]);
  const found = /(\d+) of (\d+) changes are packed/.exec(
    checks.find(({ name }) => name.endsWith(': history'))?.text ?? '',
  );
  assert(found, 'doctor says nothing about the history');
  return { packed: Number(found[1]), total: Number(found[2]) };
}

test('CMP1 what two machines have is packed by their agents and leaves the hub’s log, and a third machine gets all of it', {
  timeout: 300_000,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = (await engagement(office, ['ana', 'ben'])) as [Copy, Copy];
  for (let n = 0; (await history(ana)).total < LEAST + 20; ) {
    for (const end = n + 20; n < end; n++) await ana.sql(`UPDATE account SET comment = 'note ${n}' WHERE no = 1000`);
  }
  await meet([ana, ben]);
  // Nothing is packed before Ben has said, by a change of his, that he has it.
  assert.equal((await history(ana)).packed, 0);
  await ben.sql("UPDATE account SET comment = 'seen' WHERE no = 1010");
  await meet([ana, ben]);
  await until('both have packed it', async () => {
    for (const { machine, folder } of [ana, ben]) await machine.ask('sync', { folder });
    const [one, other] = [await history(ana), await history(ben)];
    assert.ok(one.packed >= LEAST && one.packed === other.packed, `${one.packed} and ${other.packed}`);
  });
  const { packed, total } = await history(ana);
  const [file] = readdirSync(join(office.hub.dir, 'files'));
  const rows = (): number => {
    const db = new DatabaseSync(join(office.hub.dir, 'files', String(file), 'store.db'), { readOnly: true });
    const { n } = db.prepare('SELECT count(*) AS n FROM change').get() ?? {};
    db.close();
    return Number(n);
  };
  await until('the hub has let go of it', () => assert.equal(rows(), total - packed));

  const machine = await office.machine('chloe');
  const { folder } = await machine.json('copy', ['Acme 2026']);
  const chloe = copyIn(machine, folder);
  await meet([ana, ben, chloe]);
  assert.equal((await history(chloe)).packed, packed);
  const cell = [
    '--database',
    LEDGER,
    '--table',
    'account',
    '--key',
    '{"no":1000}',
    '--column',
    'comment',
    '--limit',
    '1000',
  ];
  const [hers, his] = [
    await machine.json('history', [folder, ...cell]),
    await ben.machine.json('history', [ben.folder, ...cell]),
  ];
  assert.deepEqual(hers, his);
  assert.ok(hers.length >= LEAST);
  await chloe.sql("UPDATE account SET comment = 'by chloe' WHERE no = 1000");
  await meet([ana, ben, chloe]);

  // Somebody leaves for good: the owner says so, and nobody else may.
  const id = (await machine.status(folder)).copy;
  assert.match(await ben.machine.refused('copies', 'retire', id, ben.folder), /Only the owner/);
  const { exit, out } = await ana.machine.run('copies', 'retire', id.slice(0, 8), ana.folder, '--json');
  assert.deepEqual([exit, JSON.parse(out)], [0, { copy: id, user: 'chloe', device: 'chloe-pc' }]);
  await until('chloe goes on under a new id', async () => {
    assert.notEqual((await machine.status(folder)).copy, id);
  });
  await chloe.sql("UPDATE account SET comment = 'by chloe again' WHERE no = 1000");
  await meet([ana, ben, chloe]);
  const users = await ana.machine.json('users', [ana.folder]);
  assert.deepEqual(users.map(({ user }) => user).sort(), ['ana', 'ben', 'chloe']);
});
