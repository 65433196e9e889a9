/** A newer program on one machine alters the database while a colleague works offline with the old one. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { arrives, type Copy, conflictsOf, engagement, meet } from './engagement.ts';
import { Office } from './office.ts';

/** What the newer program runs when it opens a database of the old version. */
const MIGRATION = `BEGIN;
  CREATE TABLE new_account (no INTEGER PRIMARY KEY, title TEXT, comment TEXT, checked INTEGER NOT NULL DEFAULT 0);
  INSERT INTO new_account (no, title, comment) SELECT no, upper(name), comment FROM account;
  DROP TABLE account;
  ALTER TABLE new_account RENAME TO account;
  CREATE INDEX by_title ON account (title);
  CREATE TABLE tick (id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER REFERENCES account (no), at TEXT);
  INSERT INTO tick (account, at) VALUES (1000, 'at the upgrade');
  PRAGMA user_version = 2;
COMMIT;`;

suite('an upgrade while a colleague is away', { timeout: 200_000 }, () => {
  let office: Office;
  let all: Copy[];

  before(async () => {
    office = await Office.begin();
    all = await engagement(office, ['ana', 'ben']);
  });
  after(() => office.close());

  test('SCH6 one upgrades by a script, the other edits offline with the old program: both have the new schema and all edits', async () => {
    const [ana, ben] = all as [Copy, Copy];
    await ben.machine.ask('offline', { folder: ben.folder });
    await ana.sql(MIGRATION);
    await ana.sql(
      "INSERT INTO tick (account, at) VALUES (1010, 'by Ana'); UPDATE account SET checked = 1 WHERE no = 1000",
    );
    await ben.sql("UPDATE account SET comment = 'by Ben, away' WHERE no = 1000");
    await ben.machine.ask('online', { folder: ben.folder });
    await arrives(all, 'SELECT at FROM tick ORDER BY id', 'at the upgrade\nby Ana');
    await arrives(all, 'SELECT comment, checked FROM account WHERE no = 1000', 'by Ben, away|1');
    await arrives(all, 'PRAGMA user_version', '2');
    await meet(all);
    assert.deepEqual(await conflictsOf(all), []);
    // The upgraded database is worked on by both.
    await ben.sql("INSERT INTO tick (account, at) VALUES (1000, 'by Ben')");
    await arrives(all, 'SELECT count(*) FROM tick', '3');
  });
});
