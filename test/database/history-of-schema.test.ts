import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHistory } from '../../src/database/history/history.ts';
import type { HistoryQuery } from '../../src/database/host.ts';
import { changingSettings } from '../../src/database/settings/changing.ts';
import { type Copy, copyId, DB, Office } from './copies.ts';

function told(copy: Copy, query: HistoryQuery = {}): string[] {
  const entries = readHistory(DB, copy.log, copy.engine.shown(), query);
  return entries.reverse().map(({ kind, table, column, from, to }) => [kind, table, column, from, to].join(' '));
}

test('HIS2 what was done to the schema and what was set is told, from what to what', () => {
  const office = new Office(
    "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT, more TEXT); INSERT INTO note VALUES (1, 'a', 'b')",
    2,
  );
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run('ALTER TABLE note ADD COLUMN at TEXT');
    ana.work();
    ana.run(
      'ALTER TABLE note RENAME COLUMN body TO text; CREATE INDEX by_text ON note (text); PRAGMA user_version = 3',
    );
    ana.work();
    ana.run('ALTER TABLE note DROP COLUMN more; CREATE TABLE tag (word TEXT PRIMARY KEY)');
    ana.work();
    ana.engine.edit(changingSettings([{ place: 'tag', set: 'left-out', value: true }]));
    ana.work();
    ana.engine.edit(changingSettings([{ place: 'tag', set: 'left-out', value: false }]));
    office.settle();
    assert.deepEqual(told(ben), [
      'schema note at  at TEXT',
      'schema note text body TEXT text TEXT',
      'schema note   index by_text ("body")',
      'schema user_version  0 3',
      'schema note more more TEXT ',
      'schema tag   table tag',
      'schema tag word  word TEXT PRIMARY KEY',
      'setting tag   left-out: yes',
      'setting tag  left-out: yes left-out: no',
    ]);
    assert.deepEqual(told(ana), told(ben));
    assert.deepEqual(told(ben, { kind: 'setting' }), [
      'setting tag   left-out: yes',
      'setting tag  left-out: yes left-out: no',
    ]);
    assert.deepEqual(told(ben, { table: 'note', kind: 'schema' }).length, 4);
    assert.deepEqual(told(ben, { table: 'note', key: { id: 1 } }), []);
  } finally {
    office.close();
  }
});

test('HIS3 a number that became another one is told with the row because of which it did', () => {
  const office = new Office('CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)', 2);
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run("INSERT INTO entry (text) VALUES ('ana')");
    ben.run("INSERT INTO entry (text) VALUES ('ben')");
    ana.capture();
    ben.capture();
    office.settle();
    const [moved, ...more] = readHistory(DB, ben.log, ben.engine.shown(), { kind: 'number' });
    assert.equal(more.length, 0);
    assert.deepEqual([moved?.from, moved?.to, moved?.column], [1, 2, 'id']);
    assert.deepEqual(moved?.because, { key: { id: 1 }, by: copyId(0) });
    assert.deepEqual(readHistory(DB, ana.log, ana.engine.shown(), { kind: 'number' }), [moved]);
  } finally {
    office.close();
  }
});

test('HIS2 a last column that its own CHECK names is told to have another name, and nothing of its rows is written', () => {
  const office = new Office(
    `CREATE TABLE item (id INTEGER PRIMARY KEY, low REAL, high REAL CHECK (high >= low AND high < 900));
     INSERT INTO item VALUES (1, 2, 3)`,
    2,
  );
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run('ALTER TABLE item RENAME COLUMN high TO top');
    ana.work();
    ben.run('UPDATE item SET high = 5');
    office.settle();
    ana.run('ALTER TABLE item RENAME COLUMN low TO bottom; ALTER TABLE item RENAME COLUMN top TO upper');
    office.settle();
    const check = 'REAL CHECK("high" >= "low" AND "high" < 900)';
    assert.deepEqual(
      told(ben).filter((line) => line.startsWith('schema')),
      [
        `schema item top high ${check} top ${check}`,
        'schema item bottom low REAL bottom REAL',
        `schema item upper top ${check} upper ${check}`,
      ],
    );
    assert.deepEqual(
      ana.log.ops().flatMap((ops) => ops.map(({ kind }) => kind)),
      ['update', 'update', 'update', 'update'],
    );
    assert.deepEqual(ben.query('SELECT bottom, upper FROM item'), [[2, 5]]);
  } finally {
    office.close();
  }
});
