/** Tables of a followed database that speak of a collation or function which only their own program has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeStrange, STRANGE, type Strange } from '../fixtures/strange-databases.ts';
import { type Copy, everywhere, Office } from './copies.ts';

const ACCOUNTS = "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'one')";

for (const kind of Object.keys(STRANGE).filter((each) => each !== 'plain') as Strange[]) {
  test(`SCH9 a table with a strange ${kind} stays as its maker made it, is named to him, and keeps nothing else back`, () => {
    copies((office, ana, ben) => {
      makeStrange(ana.path, kind);
      ana.run("UPDATE account SET name = 'first'");
      ben.run("INSERT INTO account VALUES ('2', 'two')");
      const made = schemaOf(ana);
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT name FROM account ORDER BY code'), [['first'], ['two']]);
      assert.deepEqual(schemaOf(ana), made);
      assert.deepEqual(problemsOf(ana), [['table-not-followed', 'card']]);
      assert.deepEqual(problemsOf(ben), [['table-not-altered', 'card']]);
      ana.run("UPDATE account SET name = 'again'; DELETE FROM account WHERE code = '2'");
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT name FROM account'), [['again']]);
      assert.deepEqual(schemaOf(ana), made);
    });
  });
}

test('SCH9 what speaks of a strange table stays as its maker made it, too', () => {
  copies((office, ana, ben) => {
    makeStrange(ana.path, 'unique');
    ana.run(`CREATE TABLE use (id INTEGER PRIMARY KEY AUTOINCREMENT, card INTEGER REFERENCES card (id));
      CREATE TABLE called (id INTEGER PRIMARY KEY AUTOINCREMENT, card TEXT REFERENCES card (name));
      CREATE VIEW names AS SELECT upper(name) FROM card;`);
    const made = schemaOf(ana);
    office.settle();
    assert.deepEqual(schemaOf(ana), made);
    assert.deepEqual(problemsOf(ana), [['table-not-followed', 'card']]);
    ana.run("PRAGMA foreign_keys = OFF; INSERT INTO use (card) VALUES (1); INSERT INTO called (card) VALUES ('ace')");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT card FROM called'), [['ace']]);
      assert.deepEqual(copy.query('SELECT card FROM use'), [[1n]]);
    }
    assert.deepEqual(problemsOf(ben), [['table-not-altered', 'card']]);
  });
});

test('SCH9 a strange table is followed once its program makes it readable to all', () => {
  copies((office, ana) => {
    makeStrange(ana.path, 'index');
    office.settle();
    assert.deepEqual(problemsOf(ana), [['table-not-followed', 'card']]);
    ana.run("DROP INDEX by_name; INSERT INTO card (name) VALUES ('king')");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT name FROM card ORDER BY name'), [['ace'], ['king']]);
    for (const copy of office.copies) assert.deepEqual(problemsOf(copy), []);
  });
});

function copies(work: (office: Office, ana: Copy, ben: Copy) => void): void {
  const office = new Office(ACCOUNTS, 2);
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    work(office, ana, ben);
  } finally {
    office.close();
  }
}

/** What its programs made. */
function schemaOf(copy: Copy): unknown {
  return copy.query("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE '%tieout%' ORDER BY name");
}

function problemsOf({ engine }: Copy): unknown {
  return engine.problems.map(({ code, text }) => [code, / table (\w+)/.exec(text)?.[1]]);
}
