/** What is set about a database by one person holds for all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrives, engagement, LEDGER, meet } from './engagement.ts';
import { Office } from './office.ts';

test('SET15 settings by command: seen and changed for everybody, and what cannot be is refused', {
  timeout: 300_000,
}, async (t) => {
  const office = await Office.open(t);
  const all = await engagement(office, ['ana', 'ben']);
  const [ana, ben] = all as [(typeof all)[0], (typeof all)[0]];
  await ana.sql('CREATE TABLE opened (account INTEGER, who TEXT)');
  await arrives(all, 'SELECT count(*) FROM opened', '0');

  const set = await ana.machine.json('settings', [
    ana.folder,
    LEDGER,
    '--leave-out',
    'opened',
    '--deletion-wins',
    'line',
  ]);
  const mine = set[0]?.settings
    .filter(({ by }) => by === 'ana')
    .map((one) => [one.table, one.column, one.set, one.value]);
  assert.deepEqual(mine, [
    ['line', null, 'deletion-wins', true],
    ['opened', null, 'left-out', true],
  ]);
  await meet(all);
  assert.deepEqual(await ben.machine.json('settings', [ben.folder, LEDGER]), set);

  await ana.sql("INSERT INTO opened VALUES (1000, 'ana')");
  await ben.sql("UPDATE account SET comment = 'seen' WHERE no = 1000");
  await arrives(all, 'SELECT comment FROM account WHERE no = 1000', 'seen');
  await arrives([ana], 'SELECT count(*) FROM opened', '1');
  await arrives([ben], 'SELECT count(*) FROM opened', '0');

  assert.match(await ben.machine.refused('settings', ben.folder, LEDGER, '--leave-out', 'account'), /refer/);
  const { out } = await ben.machine.run('settings', ben.folder, LEDGER, '--take-in', 'opened');
  assert.match(out, /line .* a deletion wins +ana/);
  await arrives(all, 'SELECT who FROM opened', 'ana');
});
