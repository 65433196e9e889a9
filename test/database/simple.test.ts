import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Office } from './copies.ts';

const LEDGER = `
  CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, balance REAL);
  INSERT INTO account VALUES ('1000', 'Cash', 12.5), ('2000', 'Debt', -7.25);
  CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT, account TEXT REFERENCES account (code));
  INSERT INTO entry VALUES (1, 'open', '1000'), (2, 'more', '2000'), (3, 'third', NULL);
  CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), amount INTEGER);
  INSERT INTO line VALUES (1, 1, 100), (2, 2, 200);
`;

test('CAP1 what one program edits is in the database of the other copy', () => {
  const office = new Office(LEDGER);
  const [ana, ben] = office.copies as [any, any];
  ana.cli(
    "UPDATE account SET name = 'Petty cash' WHERE code = '1000'; INSERT INTO account VALUES ('3000', 'New', NULL); DELETE FROM account WHERE code='2000'; INSERT INTO entry(text,account) VALUES('x','3000'); INSERT INTO line(entry,amount) VALUES (4,7)",
  );
  office.settle();
  for (const t of ['account', 'entry', 'line']) {
    assert.deepEqual(ben.query(`SELECT * FROM ${t}`), ana.query(`SELECT * FROM ${t}`));
  }
  console.log(ben.query('SELECT * FROM account'), ana.conflicts(), ana.log.ops());
  // two rows, one number
  ana.run(
    "INSERT INTO entry(text) VALUES ('ana'); INSERT INTO line(entry, amount) SELECT id, 1 FROM entry WHERE text='ana'",
  );
  ben.run(
    "INSERT INTO entry(text) VALUES ('ben'); INSERT INTO line(entry, amount) SELECT id, 2 FROM entry WHERE text='ben'; UPDATE account SET name='B' WHERE code='1000'",
  );
  ana.run("UPDATE account SET name='A' WHERE code='1000'; DELETE FROM entry WHERE id=1");
  ben.run("UPDATE entry SET text='kept' WHERE id=1");
  office.settle();
  for (const t of ['account', 'entry', 'line']) {
    assert.deepEqual(ben.query(`SELECT * FROM ${t} order by 1`), ana.query(`SELECT * FROM ${t} order by 1`));
    console.log(t, ben.query(`SELECT * FROM ${t} order by 1`));
  }
  assert.deepEqual(ana.conflicts(), ben.conflicts());
  console.dir(ana.conflicts(), { depth: 9 });
  console.dir(ana.log.ops().slice(1), { depth: 9 });
  office.close();
});
