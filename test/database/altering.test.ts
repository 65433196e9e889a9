import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Office, withDatabase } from './copies.ts';

const SCHEMA = `CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, a, b, c);
  CREATE TABLE child (k TEXT PRIMARY KEY, t INTEGER REFERENCES t (id) ON DELETE SET NULL, n INTEGER, UNIQUE (t, n));
  CREATE VIEW v AS SELECT a, b FROM t; CREATE INDEX by_b ON t (b);
  INSERT INTO t VALUES (1, 'x', 1, 2, 3); INSERT INTO child VALUES ('one', 1, 1);`;

/** What an application may do between two looks of ours, in this order, with edits in between. */
const STATEMENTS = [
  // Under legacy_alter_table a view that names a renamed table is in the way of an application's next ALTER itself.
  'DROP VIEW v',
  'ALTER TABLE t RENAME TO u',
  "INSERT OR REPLACE INTO u VALUES (2, 'y', 1, 2, 3)",
  'ALTER TABLE u RENAME COLUMN code TO kode',
  "INSERT OR REPLACE INTO u VALUES (3, 'y', 4, 5, 6)",
  'ALTER TABLE u RENAME COLUMN id TO nr',
  'ALTER TABLE u DROP COLUMN c',
  'ALTER TABLE u ADD COLUMN d DEFAULT 7',
  "UPDATE OR REPLACE u SET kode = 'x' WHERE nr = 3",
  'ALTER TABLE child RENAME TO kid',
  "UPDATE kid SET n = 2; INSERT OR REPLACE INTO kid VALUES ('two', 3, 2)",
  'DROP INDEX by_b',
  'ALTER TABLE u DROP COLUMN b',
  'CREATE TABLE new_u (nr INTEGER PRIMARY KEY, kode TEXT, a, d, e)',
  'INSERT INTO new_u SELECT nr, kode, a, d, 9 FROM u',
  'DROP TABLE u',
  'ALTER TABLE new_u RENAME TO u',
  'DELETE FROM kid',
  'DROP TABLE kid',
];
const LEFT = [[3n, 'x', 4n, 7n, 9n]];

test('CAP8 no ALTER and no statement after it fails because of the marks, with legacy_alter_table or without, of any SQLite', () => {
  for (const legacy of ['OFF', 'ON']) {
    for (const keys of ['OFF', 'ON']) {
      const pragmas = `PRAGMA legacy_alter_table = ${legacy}; PRAGMA foreign_keys = ${keys};`;
      // Rebuilding with foreign keys on means deleting what refers to the rows: an application switches them off.
      const statements = STATEMENTS.map((sql) =>
        keys === 'ON' && sql === 'DROP TABLE u' ? 'PRAGMA foreign_keys = OFF; DROP TABLE u' : sql,
      );
      for (const writer of ['cli', 'node'] as const) {
        const office = new Office(SCHEMA, 1);
        const [ana] = office.copies;
        try {
          if (writer === 'cli') ana!.cli(`${pragmas} ${statements.join(';\n')};`);
          else {
            withDatabase(ana!.path, (db) => {
              db.exec(pragmas);
              for (const sql of statements) db.exec(sql);
            });
          }
          assert.deepEqual(ana!.query('SELECT * FROM u'), LEFT, `${writer}, ${pragmas}`);
        } finally {
          office.close();
        }
      }
    }
  }
});
