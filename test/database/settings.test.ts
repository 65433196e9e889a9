/** What people set about tables and columns: it travels, merges, and takes effect on all copies alike. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { resolveConflicts } from '../../src/database/conflicts/resolving.ts';
import type { SettingChange } from '../../src/database/host.ts';
import { changingSettings } from '../../src/database/settings/changing.ts';
import { listSettings } from '../../src/database/settings/listing.ts';
import { type Copy, DB, everywhere, Office } from './copies.ts';
import { assertAtRest } from './histories.ts';

function copies(sql: string, work: (office: Office, ana: Copy, ben: Copy) => void): void {
  const office = new Office(sql, 2);
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    work(office, ana, ben);
  } finally {
    office.close();
  }
}

function set(copy: Copy, ...changes: SettingChange[]): void {
  copy.work();
  assert.equal(copy.engine.edit(changingSettings(changes)), 'done');
  copy.work();
}

const leftOut = (place: string, value = true): SettingChange => ({ place, set: 'left-out', value });

const NOTES = `
  CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT, seen TEXT DEFAULT 'no');
  CREATE TABLE cache (url TEXT PRIMARY KEY, hits INTEGER);
  INSERT INTO note VALUES (1, 'one', 'no'), (2, 'two', 'no');
  INSERT INTO cache VALUES ('a', 1), ('b', 1);`;

test("SET1 a table that is left out is each copy's own, and carries no marks", () => {
  copies(NOTES, (office, ana, ben) => {
    set(ana, leftOut('cache'));
    office.settle();
    ana.run("UPDATE cache SET hits = 7 WHERE url = 'a'; INSERT INTO cache VALUES ('ana', 1)");
    ben.run("DELETE FROM cache WHERE url = 'b'");
    office.settle();
    assert.deepEqual(ana.query('SELECT * FROM cache ORDER BY url'), [
      ['a', 7n],
      ['ana', 1n],
      ['b', 1n],
    ]);
    assert.deepEqual(ben.query('SELECT * FROM cache ORDER BY url'), [['a', 1n]]);
    assert.deepEqual(ben.query("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'cache'"), []);
    assert.deepEqual(everywhere(office, 'SELECT body FROM note'), [['one'], ['two']]);
  });
});

test('SET2 taken in again, what the copies have becomes their edits, and what one lacks is placed', () => {
  copies(NOTES, (office, ana, ben) => {
    set(ana, leftOut('cache'));
    office.settle();
    ana.run("UPDATE cache SET hits = 7 WHERE url = 'a'; INSERT INTO cache VALUES ('ana', 1)");
    ben.run("DELETE FROM cache WHERE url = 'b'; INSERT INTO cache VALUES ('ben', 2)");
    office.settle();
    set(ben, leftOut('cache', false));
    office.settle();
    const all = everywhere(office, 'SELECT * FROM cache ORDER BY url');
    assert.deepEqual(all, [
      ['a', 7n],
      ['ana', 1n],
      ['b', 1n],
      ['ben', 2n],
    ]);
    ana.run("DELETE FROM cache WHERE url = 'b'");
    office.settle();
    assert.equal(everywhere(office, "SELECT count(*) FROM cache WHERE url = 'b'")[0]?.[0], 0n);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM cache ORDER BY url'));
  });
});

test('SET3 what was written without knowledge of the leaving out is placed, and nothing of it is lost', () => {
  copies(NOTES, (office, ana, ben) => {
    ben.run("INSERT INTO cache VALUES ('offline', 3)");
    ben.capture();
    set(ana, leftOut('cache'));
    office.settle();
    assert.deepEqual(ana.query("SELECT * FROM cache WHERE url = 'offline'"), [['offline', 3n]]);
    set(ana, leftOut('cache', false));
    office.settle();
    assert.equal(everywhere(office, 'SELECT count(*) FROM cache')[0]?.[0], 3n);
  });
});

test("SET4 a column that is left out keeps each copy's own values, also when colleagues edit the row", () => {
  copies(NOTES, (office, ana, ben) => {
    set(ana, leftOut('note.seen'));
    office.settle();
    ana.run("UPDATE note SET seen = 'ana' WHERE id = 1; UPDATE note SET body = 'eins' WHERE id = 2");
    ben.run(
      "UPDATE note SET seen = 'ben', body = 'uno' WHERE id = 1; INSERT INTO note (body, seen) VALUES ('three', 'ben')",
    );
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, body FROM note'), [
      [1n, 'uno'],
      [2n, 'eins'],
      [3n, 'three'],
    ]);
    assert.deepEqual(ana.query('SELECT seen FROM note'), [['ana'], ['no'], ['no']]);
    assert.deepEqual(ben.query('SELECT seen FROM note'), [['ben'], ['no'], ['ben']]);
    set(ben, leftOut('note.seen', false));
    ben.capture();
    office.settle();
    const values = everywhere(office, 'SELECT seen FROM note');
    assert.equal(values[2]?.[0], 'ben');
    assert.equal(ana.conflicts().filter(({ column }) => column === 'seen').length, 1);
  });
});

const LINES = `
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
  CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER, amount INTEGER);
  INSERT INTO entry VALUES (1, 'first'), (2, 'second');
  INSERT INTO line VALUES (1, 1, 10), (2, 2, 20);`;
const REFERS: SettingChange = { place: 'line.entry', set: 'refers', value: 'entry' };
const JOINED = 'SELECT entry.text, amount FROM line JOIN entry ON entry.id = line.entry ORDER BY amount';

test('SET5 a reference that nobody declared follows its row to another number', () => {
  copies(LINES, (office, ana, ben) => {
    set(ana, REFERS);
    office.settle();
    ana.run("INSERT INTO entry VALUES (3, 'ana'); INSERT INTO line (entry, amount) VALUES (3, 30)");
    ben.run("INSERT INTO entry VALUES (3, 'ben'); INSERT INTO line (entry, amount) VALUES (3, 40)");
    ana.capture();
    ben.capture();
    office.settle();
    const joined = everywhere(office, JOINED);
    assert.deepEqual(joined.slice(2), [
      ['ana', 30n],
      ['ben', 40n],
    ]);
  });
});

test('SET6 numbers written before it was set, or without knowledge of it, mean the rows that their writers had', () => {
  copies(LINES, (office, ana, ben) => {
    ana.run("INSERT INTO entry VALUES (3, 'ana'); INSERT INTO line (entry, amount) VALUES (3, 30)");
    ben.run("INSERT INTO entry VALUES (3, 'ben'); INSERT INTO line (entry, amount) VALUES (3, 40)");
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, JOINED).slice(2), [
      ['ana', 30n],
      ['ana', 40n],
    ]);
    ana.run("INSERT INTO entry VALUES (9, 'late ana'); INSERT INTO line (entry, amount) VALUES (9, 90)");
    ben.run("INSERT INTO entry VALUES (9, 'late ben'); INSERT INTO line (entry, amount) VALUES (9, 91)");
    set(ana, REFERS);
    ben.capture();
    office.settle();
    const joined = everywhere(office, JOINED);
    assert.deepEqual(joined.slice(2), [
      ['ana', 30n],
      ['ben', 40n],
      ['late ana', 90n],
      ['late ben', 91n],
    ]);
    assertAtRest(office, (copy) => copy.query(JOINED));
    // Without the setting they are numbers as they were written, and what was written as a reference goes on being one.
    ana.run("INSERT INTO entry VALUES (12, 'last'); INSERT INTO line (entry, amount) VALUES (12, 99)");
    set(ana, { ...REFERS, value: null });
    office.settle();
    const texts = everywhere(office, JOINED).map(([text]) => text);
    assert.deepEqual(texts, ['first', 'second', 'ana', 'ana', 'late ana', 'late ana', 'last']);
  });
});

test('SET7 such a reference keeps a row alive that somebody deleted without knowledge of it', () => {
  copies(LINES, (office, ana, ben) => {
    set(ana, REFERS);
    office.settle();
    ana.run('DELETE FROM line WHERE entry = 2; DELETE FROM entry WHERE id = 2');
    ben.run('INSERT INTO line (entry, amount) VALUES (2, 50)');
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, JOINED), [
      ['first', 10n],
      ['second', 50n],
    ]);
    assert.equal(ana.conflicts().length, 1);
    set(ben, { ...REFERS, value: null });
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id FROM entry'), [[1n]]);
  });
});

test('SET8 where a deletion wins, the row goes, and what others edited is in its history', () => {
  copies(NOTES, (office, ana, ben) => {
    set(ana, { place: 'note', set: 'deletion-wins', value: true });
    office.settle();
    ana.run('DELETE FROM note WHERE id = 1');
    ben.run("UPDATE note SET body = 'edited' WHERE id = 1");
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT body FROM note'), [['two']]);
    assert.deepEqual(ana.conflicts(), []);
    set(ben, { place: 'note', set: 'deletion-wins', value: false });
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT body FROM note'), [['edited'], ['two']]);
    assert.equal(ana.conflicts().length, 1);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM note'));
  });
});

test('SET8 the number of a row that such a deletion took away is the same for those who refer to it, whichever came first', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT); INSERT INTO entry VALUES (1, 'one');
    CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER); INSERT INTO line VALUES (1, 1)`;
  copies(sql, (office, ana, ben) => {
    // Both are captured in one change with what she writes next: for that, nothing refers to the entry yet.
    const settings: SettingChange[] = [
      { place: 'entry', set: 'deletion-wins', value: true },
      { place: 'line.entry', set: 'refers', value: 'entry' },
    ];
    assert.equal(ana.engine.edit(changingSettings(settings)), 'done');
    ana.run('UPDATE entry SET id = 4');
    ben.run('DELETE FROM entry');
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT * FROM entry'), []);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM line'));
  });
});

test('SET9 a UNIQUE integer is a number that moves, or a name that is withheld, as it is set', () => {
  const sql = "CREATE TABLE doc (code TEXT PRIMARY KEY, year INTEGER UNIQUE); INSERT INTO doc VALUES ('a', 2020)";
  copies(sql, (office, ana, ben) => {
    set(ana, { place: 'doc.year', set: 'number', value: false });
    office.settle();
    ana.run("INSERT INTO doc VALUES ('b', 2021)");
    ben.run("INSERT INTO doc VALUES ('c', 2021)");
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT * FROM doc ORDER BY code'), [
      ['a', 2020n],
      ['b', 2021n],
    ]);
    assert.equal(ana.conflicts()[0]?.kind, 'constraint');
    set(ben, { place: 'doc.year', set: 'number', value: true });
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT * FROM doc ORDER BY code'), [
      ['a', 2020n],
      ['b', 2021n],
      ['c', 2022n],
    ]);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM doc ORDER BY code'));
  });
});

test('SET10 a key that was taken for a name becomes a number, and the rows that there are stay the rows that they are', () => {
  copies(
    "CREATE TABLE item (no INTEGER PRIMARY KEY, text TEXT); INSERT INTO item VALUES (7, 'base')",
    (office, ana, ben) => {
      ben.run("INSERT INTO item VALUES (8, 'named')");
      office.settle();
      ben.run("INSERT INTO item VALUES (9, 'unaware')");
      ben.capture();
      set(ana, { place: 'item', set: 'number', value: true });
      ana.run("INSERT INTO item VALUES (9, 'ana')");
      ana.capture();
      office.settle();
      ana.run("INSERT INTO item VALUES (20, 'ana'); UPDATE item SET text = 'named by ana' WHERE no = 8");
      ben.run("INSERT INTO item VALUES (20, 'ben'); UPDATE item SET text = 'base by ben' WHERE no = 7");
      ana.capture();
      ben.capture();
      office.settle();
      const all = everywhere(office, 'SELECT * FROM item ORDER BY no');
      assert.deepEqual(all.map(([, text]) => text).sort(), [
        'ana',
        'ana',
        'base by ben',
        'ben',
        'named by ana',
        'unaware',
      ]);
      assertAtRest(office, (copy) => copy.query('SELECT * FROM item ORDER BY no'));
    },
  );
});

test('SET11 two people who set different things apart have set both; the same thing otherwise is listed, and settled', () => {
  copies(LINES, (office, ana, ben) => {
    set(ana, REFERS, { place: 'line', set: 'deletion-wins', value: true });
    set(ben, leftOut('line.amount'), { ...REFERS, value: 'line' });
    office.settle();
    const listed = (copy: Copy) =>
      listSettings(copy.engine.shown())
        .filter(({ by }) => by !== null)
        .map(({ table, column, set: what, value }) => [table, column, what, value]);
    assert.deepEqual(listed(ana), [
      ['line', null, 'deletion-wins', true],
      ['line', 'entry', 'refers', 'line'],
      ['line', 'amount', 'left-out', true],
    ]);
    assert.deepEqual(listed(ben), listed(ana));
    const [conflict, ...more] = ana.conflicts();
    assert.deepEqual(ben.conflicts(), ana.conflicts());
    assert.equal(more.length, 0);
    const chosen = conflict?.candidates.find(({ value }) => value === 'entry');
    ana.engine.edit(resolveConflicts(DB, [{ conflict: conflict?.id ?? '', candidate: chosen?.id ?? '' }]));
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT count(*) FROM line'), [[2n]]);
    assert.deepEqual(listed(ben)[1], ['line', 'entry', 'refers', 'entry']);
    assert.deepEqual(ben.conflicts(), []);
  });
});

test('SET12 what cannot be is refused, and nothing is set', () => {
  const sql = `CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE, must TEXT NOT NULL, size INTEGER);
    CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, of INTEGER REFERENCES parent, free INTEGER);
    CREATE TABLE pair (a INTEGER, b INTEGER, PRIMARY KEY (a, b));
    CREATE TABLE detail (id INTEGER PRIMARY KEY REFERENCES parent, text TEXT); CREATE TABLE loose (x INTEGER);`;
  copies(sql, (_, ana) => {
    const wrong: SettingChange[] = [
      leftOut('nothing'),
      leftOut('parent'),
      leftOut('parent.id'),
      leftOut('parent.code'),
      leftOut('parent.must'),
      leftOut('child.of'),
      { place: 'child.of', set: 'refers', value: 'pair' },
      { place: 'child.free', set: 'refers', value: 'pair' },
      { place: 'child.free', set: 'refers', value: 'loose' },
      { place: 'child.free', set: 'refers', value: 'nothing' },
      { place: 'child', set: 'refers', value: 'parent' },
      { place: 'pair.a', set: 'refers', value: 'parent' },
      { place: 'parent.size', set: 'number', value: true },
      { place: 'parent.code', set: 'number', value: true },
      { place: 'parent', set: 'number', value: false },
      { place: 'pair', set: 'number', value: true },
      { place: 'detail', set: 'number', value: true },
      { place: 'child.free', set: 'deletion-wins', value: true },
    ];
    for (const change of wrong) {
      assert.throws(
        () => ana.engine.edit(changingSettings([leftOut('child.free'), change])),
        { name: 'ProblemError' },
        JSON.stringify(change),
      );
    }
    assert.equal(ana.capture(), false);
  });
});

test('SET13 the lock table of GnuCash is left out by itself, and taken in where somebody wants it', () => {
  const sql =
    "CREATE TABLE gnclock (Hostname varchar(255), PID int); CREATE TABLE book (guid TEXT PRIMARY KEY NOT NULL); INSERT INTO book VALUES ('b')";
  copies(sql, (office, ana, ben) => {
    ana.run("INSERT INTO gnclock VALUES ('ana', 1)");
    office.settle();
    assert.deepEqual(ben.query('SELECT * FROM gnclock'), []);
    assert.deepEqual(listSettings(ana.engine.shown()), [
      { table: 'gnclock', column: null, set: 'left-out', value: true, by: null },
    ]);
    set(ben, leftOut('gnclock', false));
    office.settle();
    assert.deepEqual(ben.query('SELECT * FROM gnclock'), [['ana', 1n]]);
  });
});
