/** A change that nobody should have made, undone by a colleague; a row out of the bin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrives, engagement, LEDGER, meet } from './engagement.ts';
import { Office } from './office.ts';

test('UND5 a colleague undoes a change, or brings one row back, and everybody has it', {
  timeout: 300_000,
}, async (t) => {
  const office = await Office.open(t);
  const all = await engagement(office, ['ana', 'ben']);
  const [ana, ben] = all as [(typeof all)[0], (typeof all)[0]];
  const lines = 'SELECT group_concat(id || ":" || amount) FROM (SELECT * FROM line ORDER BY id)';
  const whole = '1:500,2:-500,3:70,4:-70';
  const inLines = ['--database', LEDGER, '--table', 'line'];

  await ana.sql("DELETE FROM line; UPDATE account SET comment = 'gone' WHERE no IN (1000, 1010)");
  await arrives(all, lines, '');
  const deleted = await ben.machine.json('history', [ben.folder, ...inLines, '--kind', 'delete']);
  assert.deepEqual(deleted.map(({ by, from }) => [by, JSON.stringify(from)]).sort(), [
    ['ana', '{"id":1,"entry":1,"account":1000,"amount":500}'],
    ['ana', '{"id":2,"entry":1,"account":1010,"amount":-500}'],
    ['ana', '{"id":3,"entry":2,"account":1020,"amount":70}'],
    ['ana', '{"id":4,"entry":2,"account":1030,"amount":-70}'],
  ]);
  const change = String(deleted[0]?.change);
  const back = await ben.machine.json('undo', [change, ben.folder, '--table', 'line', '--key', '{"id":3}']);
  assert.deepEqual(back, { change, rows: 1, schema: [], left: [] });
  await arrives(all, lines, '3:70');

  const rest = await ana.machine.json('undo', [change, ana.folder]);
  assert.deepEqual(rest.left, [{ table: 'line', key: { id: 3 }, column: null, why: 'it is there again' }]);
  await arrives(all, lines, whole);
  await meet(all);

  const { exit, out } = await ben.machine.run('undo', change, ben.folder, '--table', 'line');
  assert.equal(exit, 1);
  assert.match(out, /^Nothing was undone\.\nLeft alone: line › id=1: it is there again\.$/m);
  for (const wrong of ['nonsense', `${change.slice(0, 33)}999999`]) {
    assert.match(await ben.machine.refused('undo', wrong, ben.folder), /There is no change/);
  }
  await ana.sql("CREATE TABLE memo (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO memo VALUES (1, 'of Ana')");
  const memos = 'SELECT group_concat(text) FROM memo';
  await arrives(all, memos, 'of Ana');
  await ben.sql("UPDATE memo SET text = 'of both'");
  await arrives(all, memos, 'of both');
  await ben.sql('DROP TABLE memo');
  const isGone = "SELECT count(*) FROM sqlite_schema WHERE name = 'memo'";
  await arrives(all, isGone, '0');
  const inMemo = ['--database', LEDGER, '--table', 'memo'];
  const [drop, edit] = await ana.machine.json('history', [ana.folder, ...inMemo, '--limit', '2']);
  assert.deepEqual([drop?.by, drop?.from, drop?.to, edit?.to], ['ben', 'table memo', null, 'of both']);
  const brought = await ana.machine.run('undo', String(drop?.change), ana.folder);
  assert.deepEqual([brought.exit, brought.out], [0, 'Brought back: table memo.\n']);
  await arrives(all, memos, 'of both');

  const [mine] = await ana.machine.json('history', [ana.folder, ...inLines, '--key', '{"id":3}']);
  assert.deepEqual([mine?.by, mine?.from, mine?.what], ['ben', null, `insert ${LEDGER} line id 3`]);
});
