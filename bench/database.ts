/**
 * How fast one database is captured and applied, in one process and without a network.
 *
 *   node bench/database.ts [ROWS]
 */
import { stampAt } from '../src/core/clock.ts';
import { Office, withDatabase } from '../test/database/copies.ts';

const rows = Number(process.argv[2] ?? 50_000);
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, text TEXT, amount REAL, parent INTEGER);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
  INSERT INTO item SELECT i, 'c' || i, 'some text of usual length ' || i, i * 1.5, i / 10 FROM n;
`;

/** CPU time beside wall time: on a machine that is shared only the first says something. */
function timed(what: string, count: number, run: () => void): void {
  const began = performance.now();
  const cpu = process.cpuUsage();
  run();
  const ms = performance.now() - began;
  const used = process.cpuUsage(cpu);
  const cpuMs = (used.user + used.system) / 1000;
  const rate = Math.round(count / (cpuMs / 1000)).toLocaleString('en');
  console.log(
    `${what.padEnd(48)} ${ms.toFixed(0).padStart(6)} ms, cpu ${cpuMs.toFixed(0).padStart(6)} ms ${rate.padStart(9)} rows/s`,
  );
}

const office = new Office(SCHEMA, 2);
const [ana, ben] = office.copies as [Office['copies'][0], Office['copies'][0]];
ana.work();
ben.work();

const commits = 20_000;
withDatabase(ana.path, (db) => {
  db.exec('PRAGMA synchronous = NORMAL');
  const update = db.prepare('UPDATE item SET amount = ? WHERE id = ?');
  let changes = 0;
  timed(`${commits} one-row commits, captured every 100`, commits, () => {
    for (let n = 1; n <= commits; n++) {
      update.run(n + 0.25, n);
      if (n % 100 !== 0) continue;
      const step = ana.engine.capture();
      if (step.kind !== 'append') throw new Error(step.kind);
      ana.engine.captured(ana.log.append(ana.id, stampAt(++office.clock), step.request));
      changes += 1;
    }
  });
  console.log(`  in ${changes} changes`);
});
ben.log.pull(ana.log);
timed('applied by the other', commits, () => ben.work());

ana.run(`UPDATE item SET text = text || '!', amount = amount + 1`);
timed(`a bulk update of ${rows} rows: captured`, rows, () => void ana.capture());
ben.log.pull(ana.log);
timed('applied by the other', rows, () => ben.work());

ana.run(`INSERT INTO item (code, text, amount) SELECT 'n' || id, text, amount FROM item`);
timed(`${rows} new rows: captured`, rows, () => void ana.capture());
ben.log.pull(ana.log);
timed('applied by the other', rows, () => ben.work());

ana.run('DELETE FROM item WHERE id % 2 = 0');
timed(`${rows} deleted: captured`, rows, () => void ana.capture());
ben.log.pull(ana.log);
timed('applied by the other', rows, () => ben.work());
office.close();
