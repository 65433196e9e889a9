import assert from 'node:assert/strict';
import { test } from 'node:test';
import { body } from '../../src/core/body.ts';
import { decode, MalformedError } from '../../src/core/codec.ts';
import { type Copy, everywhere, Office } from './copies.ts';

const ROWS = 400;
const ROOM = 20;
/** What is about one row goes together, and so do both rows of a reference that has just been met. */
const SLACK = 8;

const SCHEMA = `
  CREATE TABLE account (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT);
  CREATE TABLE entry (id INTEGER PRIMARY KEY, account TEXT REFERENCES account (code), text TEXT, no INTEGER UNIQUE);
  CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), amount REAL);
  CREATE TABLE tag (entry INTEGER REFERENCES entry (id), word TEXT, PRIMARY KEY (entry, word)) WITHOUT ROWID;
  CREATE TABLE note (text);
  CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT);
  CREATE UNIQUE INDEX by_word ON label (word);
  ${numbers(`INSERT INTO account SELECT printf('A%05d', i), 'name ' || i FROM n`)}
  ${numbers(`INSERT INTO entry SELECT i, printf('a%05d', i), 'text ' || i, i FROM n`)}
  ${numbers(`INSERT INTO line SELECT i, 1 + i / 2, i * 1.5 FROM n`)}
  ${numbers(`INSERT INTO tag SELECT i, 'x' FROM n`)}
  ${numbers(`INSERT INTO note SELECT 'note ' || i FROM n`)}
  ${numbers(`INSERT INTO label SELECT i, 'word ' || i FROM n`)}
`;
const TABLES = ['account', 'entry', 'line', 'tag', 'note', 'label'];

function numbers(insert: string): string {
  return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS}) ${insert};`;
}

/** Ana and Ben hold few rows at a time, Cleo as many as it takes. */
function office(): { all: Office; ana: Copy; ben: Copy; cleo: Copy } {
  const all = new Office(SCHEMA, 3, [ROOM, ROOM]);
  const [ana, ben, cleo] = all.copies as [Copy, Copy, Copy];
  return { all, ana, ben, cleo };
}

function same(all: Office): void {
  all.settle();
  for (const table of TABLES) everywhere(all, `SELECT * FROM ${table} ORDER BY 1`);
}

function assertRoom(...copies: Copy[]): void {
  for (const { engine } of copies) {
    assert.ok(engine.room.most > 0, 'rows were held');
    assert.ok(engine.room.most <= ROOM + SLACK, `${engine.room.most} rows were held at once`);
  }
}

const BULKS = {
  'an update of every row': `UPDATE entry SET text = text || '!'; UPDATE account SET name = upper(name);`,
  'new rows that refer to each other': `
    ${numbers(`INSERT INTO entry (account, text, no) SELECT 'a00001', 'new ' || i, m + i FROM n, (SELECT max(no) AS m FROM entry)`)}
    INSERT INTO line (entry, amount) SELECT id, 7 FROM entry WHERE id > ${ROWS};
    INSERT OR IGNORE INTO tag SELECT id, 'new' FROM entry WHERE id > ${ROWS};
    ${numbers(`INSERT INTO note SELECT 'more ' || i FROM n`)}`,
  'deletions, and numbers used again': `
    DELETE FROM line WHERE id % 2 = 0;
    ${numbers('INSERT INTO line SELECT i, NULL, -i FROM n WHERE i % 2 = 0 AND i % 3 = 0')}
    DELETE FROM note; DELETE FROM tag WHERE entry > 10;`,
  'rows replaced over unique values': `
    DELETE FROM tag; DELETE FROM line;
    ${numbers(`INSERT OR REPLACE INTO entry (id, text, no) SELECT ${ROWS} + i, 'taker ' || i, i FROM n WHERE i % 2 = 0`)}
    ${numbers(`INSERT OR REPLACE INTO label SELECT ${ROWS} + i, 'word ' || i FROM n WHERE i % 3 = 0`)}
    UPDATE entry SET no = no + 100000;`,
  'keys in another case, and exchanged values': `
    UPDATE account SET code = lower(code);
    UPDATE entry SET no = -no; UPDATE entry SET no = ${ROWS} + 1 + no WHERE no < 0;
    UPDATE label SET word = 'word ' || (${ROWS} + 1 - id) || '.'; UPDATE label SET word = rtrim(word, '.');`,
  'numbers that move': 'UPDATE line SET id = id + 10000; UPDATE note SET text = text || rowid;',
};

for (const [what, sql] of Object.entries(BULKS)) {
  test(`BLK1 BLK2 ${what}: some rows at a time, and the same as held whole`, () => {
    const { all, ana, ben, cleo } = office();
    try {
      ana.run(sql);
      cleo.run("UPDATE entry SET text = 'meanwhile' WHERE id % 100 = 0; DELETE FROM line WHERE id % 90 = 0");
      same(all);
      // Where each of many rows is that got other numbers is known only from all of them.
      if (!what.startsWith('numbers')) assertRoom(ana, ben);
      // The other way round.
      cleo.run(sql.replaceAll('entry SET no = no + 100000', 'entry SET no = no + 200000'));
      ben.run("UPDATE entry SET text = 'again' WHERE id % 70 = 0");
      same(all);
    } finally {
      all.close();
    }
  });
}

test('BLK3 what nobody marked in many rows is found some rows at a time', () => {
  const { all, ana, ben } = office();
  try {
    ana.work();
    const triggers = ana.query("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '_tieout_*'");
    ana.run(triggers.map(([name]) => `DROP TRIGGER "${name}";`).join(' '));
    ana.run(`UPDATE entry SET text = 'unmarked'; DELETE FROM label WHERE id % 3 = 0;`);
    same(all);
    assert.deepEqual(ben.query("SELECT count(*) FROM entry WHERE text = 'unmarked'"), [[BigInt(ROWS)]]);
    assertRoom(ana, ben);
  } finally {
    all.close();
  }
});

test('BLK4 a crash in the middle leaves all of a bulk change or nothing, and it is gone on with', () => {
  const { all, ana, ben } = office();
  try {
    ana.run(BULKS['an update of every row']);
    assert.ok(ana.capture());
    ben.log.pull(ana.log);
    ben.failNextCommit();
    assert.throws(() => ben.work(), /injected/);
    ben.restart();
    ben.work();
    assert.deepEqual(ben.query("SELECT count(*) FROM entry WHERE text LIKE '%!'"), [[BigInt(ROWS)]]);
    // Captured and in the log, and nobody has heard of it: rows.db is gone as well.
    ana.restart(true);
    same(all);
    assert.equal(all.copies.flatMap(({ log }) => log.changes).length, 3, 'one change, on three copies');
    assertRoom(ana, ben);
  } finally {
    all.close();
  }
});

test('BLK5 a large body that cannot be read to its end has no effect, and the next changes are applied', () => {
  const { all, ana, ben } = office();
  try {
    ana.run(BULKS['an update of every row']);
    assert.ok(ana.capture());
    const [change] = ana.log.changes;
    assert.ok(change !== undefined && change.size > ben.log.wholeBytes);
    const short = { ...change, bytes: change.bytes.subarray(0, change.bytes.byteLength - 5) };
    assert.throws(() => decode(body, short.bytes), MalformedError);
    ben.log.add(short);
    ben.work();
    assert.deepEqual(ben.query("SELECT count(*) FROM entry WHERE text LIKE '%!'"), [[0n]]);
    assert.deepEqual(
      ben.engine.problems.map(({ code }) => code),
      ['unreadable-change'],
    );
    ana.run("UPDATE entry SET text = 'after' WHERE id = 1");
    assert.ok(ana.capture());
    ben.log.add(ana.log.changes[1] as (typeof ana.log.changes)[0]);
    ben.work();
    assert.deepEqual(ben.query('SELECT text FROM entry WHERE id = 1'), [['after']]);
  } finally {
    all.close();
  }
});

test('BLK9 the marks of a bulk change are cleared some at a time, so that nobody waits for all of them', () => {
  const { all, ana } = office();
  try {
    ana.run(BULKS['an update of every row']);
    assert.ok(ana.capture());
    const marks = (): number => Number(ana.query('SELECT count(*) FROM _tieout_marks')[0]?.[0]);
    const [first] = [marks()];
    let turns = 0;
    for (let isTidy = false; !isTidy; turns += 1) {
      const before = marks();
      isTidy = ana.engine.tidy();
      assert.ok(before - marks() <= ROOM, `${before - marks()} at once`);
    }
    assert.ok(first >= 2 * ROWS && turns >= first / ROOM - 1, `${turns} turns for ${first} marks`);
    assert.equal(marks(), 1);
    ana.restart(true);
    same(all);
  } finally {
    all.close();
  }
});
