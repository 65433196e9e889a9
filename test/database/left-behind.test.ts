import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, Office } from './copies.ts';
import { assertAtRest } from './histories.ts';

const SQL = `CREATE TABLE client (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
  INSERT INTO client VALUES (1, 'Meier'), (2, 'Huber'), (3, 'Keller');
  CREATE TABLE tagged (client INTEGER REFERENCES client (id) ON UPDATE CASCADE, tag TEXT, note, PRIMARY KEY (client, tag));
  INSERT INTO tagged VALUES (2, 'new', NULL);
  CREATE TABLE mail (id TEXT PRIMARY KEY, client, tag, FOREIGN KEY (client, tag) REFERENCES tagged (client, tag))`;
const WITH_KEYS = 'PRAGMA foreign_keys = ON;';

function played(play: (office: Office, ana: Copy, ben: Copy) => void): void {
  const office = new Office(SQL, 3);
  try {
    const [ana, ben] = office.copies as [Copy, Copy, Copy];
    play(office, ana, ben);
    assertAtRest(office, (copy) => [
      copy.query('SELECT * FROM client'),
      copy.query('SELECT * FROM tagged'),
      copy.query('SELECT * FROM mail'),
    ]);
    for (const copy of office.copies) assert.deepEqual(copy.query('PRAGMA foreign_key_check'), []);
  } finally {
    office.close();
  }
}

test('MND5 a row whose key names one that got another number meanwhile is withheld with what refers to it, until the number is back', () => {
  played((office, ana, ben) => {
    ana.run(`${WITH_KEYS} INSERT INTO tagged VALUES (1, 'late', 'by Ana'); INSERT INTO mail VALUES ('m', 1, 'late')`);
    ana.capture(1_000_001);
    ben.run(`${WITH_KEYS} UPDATE client SET id = 6 WHERE id = 1; INSERT INTO client VALUES (1, 'Somebody else')`);
    ben.capture(1_000_002);
    office.settle();
    for (const copy of office.copies) {
      assert.deepEqual(copy.query('SELECT client, tag FROM tagged'), [[2n, 'new']]);
      assert.deepEqual(copy.query('SELECT * FROM mail'), []);
      const about = copy.conflicts().find(({ table }) => table === 'tagged');
      assert.equal(about?.note, 'FOREIGN KEY of tagged: client 1 is 6 now, and its key does not follow');
      assert.deepEqual(about?.candidates[0]?.value, { client: 1, tag: 'late', note: 'by Ana' });
    }
    ben.run('DELETE FROM client WHERE id = 1; UPDATE client SET id = 1 WHERE id = 6');
    office.settle();
    for (const copy of office.copies) {
      assert.deepEqual(copy.query("SELECT client, note FROM tagged WHERE tag = 'late'"), [[1n, 'by Ana']]);
      assert.deepEqual(copy.query('SELECT id FROM mail'), [['m']]);
      assert.deepEqual(copy.conflicts(), []);
    }
  });
});

test('MND5 keys that were changed with the number that they name stay, and an edit of one by who did not know is withheld and kept', () => {
  played((office, ana, ben) => {
    ana.run("UPDATE tagged SET note = 'by Ana'");
    ana.capture(1_000_001);
    ben.run(`${WITH_KEYS} UPDATE client SET id = 7 WHERE id = 2`);
    ben.capture(1_000_002);
    office.settle();
    for (const copy of office.copies) {
      assert.deepEqual(copy.query('SELECT * FROM tagged'), [[7n, 'new', null]]);
      const about = copy.conflicts().find(({ kind }) => kind === 'constraint');
      assert.deepEqual(about?.candidates[0]?.value, { client: 2, tag: 'new', note: 'by Ana' });
    }
  });
});
