/** A power cut that takes a change of the schema from a file, and from what is derived from the log. */
import assert from 'node:assert/strict';
import { copyFileSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { type Copy, everywhere, Office } from './copies.ts';

const SQL = `CREATE TABLE client (code TEXT PRIMARY KEY, name TEXT);
  INSERT INTO client VALUES ('c', 'Miller'), ('d', 'Smith');`;

/** What happens, and what Ana then loses from her file and from rows.db; Ben has had it. */
function losing(
  happens: (ana: Copy, ben: Copy, office: Office) => void,
  then: (ana: Copy, ben: Copy, office: Office) => void,
): void {
  const office = new Office(SQL, 2);
  const [ana, ben] = office.copies as [Copy, Copy];
  try {
    ana.run("UPDATE client SET name = 'Mills' WHERE code = 'c'");
    office.settle();
    const [file, rows] = [`${ana.path}.kept`, `${ana.path}.rows`];
    copyFileSync(ana.path, file);
    ana.rows.exec(`VACUUM INTO '${rows}'`);
    happens(ana, ben, office);
    office.settle();
    renameSync(file, ana.path);
    ana.rows = new DatabaseSync(rows) as Copy['rows'];
    ana.restart();
    then(ana, ben, office);
  } finally {
    office.close();
  }
}

test('POS7 a table that a power cut took from the file and from rows.db comes back with its rows, which come once', () => {
  losing(
    (ana) => ana.run("CREATE TABLE label (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO label (text) VALUES ('one')"),
    (ana, ben, office) => {
      const { length } = ana.log.changes;
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT id, text FROM label'), [[1n, 'one']]);
      assert.equal(ana.log.changes.length, length);
      ben.run("INSERT INTO label (text) VALUES ('two')");
      ana.run("INSERT INTO label (text) VALUES ('three'); UPDATE label SET text = 'uno' WHERE id = 1");
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT text FROM label ORDER BY text'), [['three'], ['two'], ['uno']]);
    },
  );
});

test('POS7 an index that a power cut took from the file and from rows.db keeps values apart again', () => {
  const all = 'SELECT code, name FROM client ORDER BY code';
  let before: unknown[][] = [];
  losing(
    (ana, ben, office) => {
      ana.run("CREATE UNIQUE INDEX client_name ON client (name); UPDATE client SET name = 'Same' WHERE code = 'c'");
      ben.run("UPDATE client SET name = 'Same' WHERE code = 'd'");
      office.settle();
      ana.run("INSERT INTO client VALUES ('e', 'Last')");
      office.settle();
      before = everywhere(office, all);
      assert.equal(ana.conflicts().length, 1);
    },
    (ana, _ben, office) => {
      office.settle();
      assert.deepEqual(everywhere(office, all), before);
      assert.equal(ana.conflicts().length, 1);
    },
  );
});

test('POS7 no number is given twice that was taken in a table which a power cut took from the file and from rows.db', () => {
  losing(
    (ana, _ben, office) => {
      ana.run('CREATE TABLE label (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO label VALUES (1, NULL), (9, NULL)');
      office.settle();
      ana.run('DELETE FROM label WHERE id = 9');
    },
    (ana, ben, office) => {
      ana.work();
      for (const copy of [ben, ana]) {
        copy.run(`INSERT INTO label (text) VALUES ('${copy.id.slice(0, 2)}')`);
        copy.capture();
      }
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT id, text FROM label ORDER BY id'), [
        [1n, null],
        [2n, '01'],
        [10n, '00'],
      ]);
    },
  );
});
