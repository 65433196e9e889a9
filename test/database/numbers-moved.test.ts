import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConflicts } from '../../src/database/conflicts/resolving.ts';
import { type Copy, copyId, DB, everywhere, Office } from './copies.ts';

const JOURNAL = `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, year INTEGER, no INTEGER, text TEXT, UNIQUE (year, no));
  INSERT INTO entry VALUES (1, 2024, 1, 'one')`;

function three(sql: string, work: (office: Office, ana: Copy, ben: Copy, chloe: Copy) => void): void {
  const office = new Office(sql, 3);
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    work(office, ana, ben, chloe);
  } finally {
    office.close();
  }
}

/** Ana's entry 2 is earlier; Ben's, id and number, has become 3. */
function alike(office: Office, ana: Copy, ben: Copy): void {
  ana.run("INSERT INTO entry (year, no, text) VALUES (2024, 2, 'ana')");
  ben.run("INSERT INTO entry (year, no, text) VALUES (2024, 2, 'ben')");
  ana.capture(1_000_001);
  ben.capture(1_000_002);
  office.settle();
}

function listed(copy: Copy): unknown[] {
  return copy
    .conflicts()
    .map(({ kind, key, column, moved, candidates }) => [
      kind,
      key,
      column,
      moved?.from,
      moved?.to,
      moved?.because,
      candidates.map(({ value, by, shown }) => [value, by.map(({ copy: of }) => of), shown]),
    ]);
}

const ANA = { key: { id: 2 }, by: copyId(0) };

test('MND15 a number that became another one because of a row of somebody else is listed on all copies alike: what it was, what it is, whose has it', () => {
  three(JOURNAL, (office, ana, ben) => {
    alike(office, ana, ben);
    for (const copy of office.copies) {
      assert.deepEqual(listed(copy), [
        ['constraint', { id: 3 }, 'id', 2, 3, ANA, [[3, [copyId(1)], true]]],
        ['constraint', { id: 3 }, 'no', 2, 3, ANA, [[3, [copyId(1)], true]]],
      ]);
    }
    everywhere(office, 'SELECT * FROM entry ORDER BY id');
  });
});

test('MND15 a moved number is listed before its own copy has written it down, and by the same id after', () => {
  three(JOURNAL, (_, ana, ben, chloe) => {
    ana.run("INSERT INTO entry (year, no, text) VALUES (2024, 2, 'ana')");
    ben.run("INSERT INTO entry (year, no, text) VALUES (2024, 2, 'ben')");
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    chloe.log.pull(ana.log);
    chloe.log.pull(ben.log);
    chloe.work();
    const provisional = chloe.conflicts().map(({ id, moved }) => [id, moved]);
    assert.equal(provisional.length, 2);
    ben.log.pull(ana.log);
    ben.work();
    chloe.log.pull(ben.log);
    chloe.work();
    assert.deepEqual(
      chloe.conflicts().map(({ id, moved }) => [id, moved]),
      provisional,
    );
    assert.deepEqual(chloe.conflicts(), ben.conflicts());
  });
});

test('MND15 whoever keeps a moved number has settled it for everybody, before or after it is written down', () => {
  three(JOURNAL, (office, ana, ben, chloe) => {
    alike(office, ana, ben);
    for (let left = 2; left > 0; left--) {
      assert.equal(chloe.conflicts().length, left);
      const { id } = chloe.conflicts()[0] as { id: string };
      assert.equal(chloe.engine.edit(resolveConflicts(DB, [{ conflict: id, candidate: 'keep' }])), 'done');
      office.settle();
    }
    for (const copy of office.copies) assert.deepEqual(copy.conflicts(), []);
    assert.deepEqual(everywhere(office, 'SELECT id, no, text FROM entry WHERE id > 1 ORDER BY id'), [
      [2n, 2n, 'ana'],
      [3n, 3n, 'ben'],
    ]);
  });
});

test('MND15 Chloe may keep a number before the row of Ben has it in writing, and that it is written meanwhile changes nothing', () => {
  three('CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT)', (office, ana, ben, chloe) => {
    ana.run("INSERT INTO entry (text) VALUES ('ana')");
    ben.run("INSERT INTO entry (text) VALUES ('ben')");
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    chloe.log.pull(ana.log);
    chloe.log.pull(ben.log);
    chloe.work();
    const { id } = chloe.conflicts()[0] as { id: string };
    assert.equal(chloe.engine.edit(resolveConflicts(DB, [{ conflict: id, candidate: 'keep' }])), 'done');
    chloe.capture(1_000_003);
    ben.log.pull(ana.log);
    ben.work();
    office.settle();
    for (const copy of office.copies) assert.deepEqual(copy.conflicts(), []);
    assert.deepEqual(everywhere(office, 'SELECT * FROM entry ORDER BY id'), [
      [1n, 'ana'],
      [2n, 'ben'],
    ]);
  });
});

test('MND15 a moved number is listed no longer when somebody numbers the row otherwise, or one of the two rows is gone', () => {
  for (const sql of [
    'UPDATE entry SET id = 30, no = 30 WHERE id = 3',
    'DELETE FROM entry WHERE id = 3',
    'DELETE FROM entry WHERE id = 2',
  ]) {
    three(JOURNAL, (office, ana, ben, chloe) => {
      alike(office, ana, ben);
      chloe.run(sql);
      office.settle();
      for (const copy of office.copies) assert.deepEqual(copy.conflicts(), [], sql);
      everywhere(office, 'SELECT * FROM entry ORDER BY id');
    });
  }
});

test('MND15 also a row that was there at publish, and was numbered otherwise since, is listed with the row that was earlier', () => {
  three(
    'CREATE TABLE entry (id INTEGER PRIMARY KEY, no INTEGER UNIQUE); INSERT INTO entry VALUES (1, 7)',
    (office, ana, ben) => {
      ana.run('UPDATE entry SET no = 8');
      ben.run('INSERT INTO entry VALUES (2, 8)');
      ana.capture(1_000_002);
      ben.capture(1_000_001);
      office.settle();
      const [conflict, ...more] = office.copies[2]?.conflicts() ?? [];
      assert.equal(more.length, 0);
      assert.deepEqual([conflict?.key, conflict?.moved?.from, conflict?.moved?.to], [{ id: 1 }, 8, 9]);
      assert.deepEqual(conflict?.moved?.because, { key: { id: 2 }, by: copyId(1) });
    },
  );
});

test('MND15 row ids that nobody sees are not listed', () => {
  three('CREATE TABLE mark (text TEXT); INSERT INTO mark VALUES (1)', (office, ana, ben) => {
    ana.run("INSERT INTO mark VALUES ('ana')");
    ben.run("INSERT INTO mark VALUES ('ben')");
    office.settle();
    assert.equal(everywhere(office, 'SELECT * FROM mark').length, 3);
    for (const copy of office.copies) assert.deepEqual(copy.conflicts(), []);
  });
});
