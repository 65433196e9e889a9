import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHistory } from '../../src/database/history/history.ts';
import { type Copy, DB, Office } from './copies.ts';

const SQL = `CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT);
  INSERT INTO account VALUES ('1', 'Cash'), ('2', 'Bank');`;

const told = (copy: Copy): string[] =>
  readHistory(DB, copy.log, copy.engine.shown(), {})
    .map(({ kind, from, to }) => `${kind} ${JSON.stringify(from)} ${JSON.stringify(to)}`)
    .sort();

test('DBS1 history tells each write over what its maker had in front of them, the same on all copies', () => {
  const office = new Office(SQL, 2);
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run("UPDATE account SET name = 'Petty cash' WHERE code = '1'");
    ben.run("UPDATE account SET name = 'Till' WHERE code = '1'");
    ben.capture();
    ben.run("UPDATE account SET name = 'Till 2' WHERE code = '1'");
    ana.run("DELETE FROM account WHERE code = '2'");
    ben.capture();
    ben.run("UPDATE account SET name = 'Savings' WHERE code = '2'");
    office.settle();
    const shown = ana.query("SELECT name FROM account WHERE code = '1'");
    ana.run("UPDATE account SET name = 'Cash again' WHERE code = '1'");
    office.settle();
    assert.deepEqual(told(ana), told(ben));
    assert.deepEqual(
      told(ana),
      [
        'delete {"code":"2","name":"Bank"} null',
        'update "Bank" "Savings"',
        'update "Cash" "Petty cash"',
        'update "Cash" "Till"',
        'update "Till" "Till 2"',
        `update ${JSON.stringify(shown[0]?.[0])} "Cash again"`,
      ].sort(),
    );
  } finally {
    office.close();
  }
});
