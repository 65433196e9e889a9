import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { stampAt } from '../../src/core/clock.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { LocalDatabases } from '../../src/database/databases.ts';
import type { DatabaseEvents, DatabaseProblem } from '../../src/database/host.ts';
import type { Clock } from '../../src/platform/ports.ts';
import { systemClock, systemRandom } from '../../src/platform/system.ts';
import { ROWS } from '../../src/store/row-state.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { type Copy, copyId, DB, factsOf, Office, withDatabase } from './copies.ts';

const SQL =
  "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'Cash'), ('2', 'Bank');";

const problem = (code: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === code;

/** Whoever has it open reads these pages from the disk again. */
function damagePages(path: string): void {
  const pages = 20;
  withDatabase(path, (db) => {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const bytes = readFileSync(path);
    assert.ok(bytes.length > 2 * pages * 4096, `${bytes.length} bytes`);
    writeFileSync(path, bytes.fill('garbage', pages * 4096));
    db.exec('UPDATE source SET num = num');
  });
}

/** One copy under a follower, on the real clock; the other copies of the office are driven by hand. */
class Followed {
  readonly office = new Office(SQL, 2);
  readonly copy = this.office.copies[0] as Copy;
  readonly other = this.office.copies[1] as Copy;
  problems: readonly DatabaseProblem[] = [];
  readonly #waiting = new Set<() => void>();
  readonly databases: LocalDatabases;

  constructor(clock: Clock = systemClock) {
    this.copy.engine.close();
    const events: DatabaseEvents = {
      append: async (request) =>
        this.#noticed(this.copy.log.append(this.copy.id, stampAt(++this.office.clock), request)),
      applied: () => this.#noticed(undefined),
      problems: (_id, problems) => {
        this.problems = problems;
        this.#noticed(problems);
      },
    };
    const { log } = this.copy;
    const options = { copy: copyId(0), rowsPath: join(this.office.folder, 'rows.db'), source: log, events };
    this.databases = new LocalDatabases({ ...options, clock, random: systemRandom, facts: factsOf });
  }

  open(): Promise<void> {
    const { settings, basePath } = this.office;
    return this.databases.open({ id: DB, path: this.copy.path, basePath, settings });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async close(): Promise<void> {
    await this.databases.stop();
    this.office.close();
  }

  #noticed<T>(value: T): T {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    return value;
  }
}

test('DBS2 a commit is noticed when it is hinted at, and also when it is not', async () => {
  const followed = new Followed();
  const { copy, databases } = followed;
  await followed.open();
  await databases.settle();
  copy.cli("UPDATE account SET name = 'hinted' WHERE code = '1'");
  databases.poke(DB);
  await followed.until(() => copy.log.changes.length === 1);
  copy.cli("UPDATE account SET name = 'not hinted' WHERE code = '1'");
  await followed.until(() => copy.log.changes.length === 2);
  await followed.close();
});

test('DBS3 while a program holds the database nothing is lost, and it goes on when the lock is free', async () => {
  const followed = new Followed();
  const { copy, other, databases } = followed;
  await followed.open();
  await databases.settle();
  other.run("UPDATE account SET name = 'by another' WHERE code = '2'");
  other.work();
  copy.log.pull(other.log);
  let settled: Promise<boolean> = Promise.resolve(false);
  withDatabase(copy.path, (db) => {
    db.exec("BEGIN IMMEDIATE; UPDATE account SET name = 'open' WHERE code = '1'");
    databases.forward();
    settled = databases.settle();
    db.exec('COMMIT');
  });
  assert.equal(await settled, true);
  assert.deepEqual(copy.query('SELECT name FROM account ORDER BY code'), [['open'], ['by another']]);
  assert.equal(copy.log.changes.length, 2);
  await followed.close();
});

test('DBS4 a file replaced by rename is captured as what it is', async () => {
  const followed = new Followed();
  const { copy, databases } = followed;
  await followed.open();
  await databases.settle();
  execFileSync('sqlite3', [copy.path, `VACUUM INTO '${copy.path}.new'`]);
  withDatabase(`${copy.path}.new`, (db) => db.exec("UPDATE account SET name = 'in the new file' WHERE code = '2'"));
  renameSync(`${copy.path}.new`, copy.path);
  await databases.settle();
  assert.deepEqual(copy.log.ops().flat().length, 1);
  // And it is this file that is followed now.
  copy.cli("DELETE FROM account WHERE code = '1'");
  await databases.settle();
  assert.equal(copy.log.changes.length, 2);
  await followed.close();
});

test('DBS4 a file replaced by another database is captured as what it is, its tables included, followed before or not, unless it lacks a large one', async () => {
  const followed = new Followed();
  const { copy, other, databases, office } = followed;
  const replaceBy = async (id: string | null, sql: string): Promise<void> => {
    const path = join(office.folder, 'another.db');
    withDatabase(path, (db) => db.exec(sql));
    if (id !== null) await databases.makeBase({ id, path, basePath: join(office.folder, `${id}.db`) });
    renameSync(path, copy.path);
    await databases.settle();
    other.log.pull(copy.log);
    other.work();
  };
  await followed.open();
  await databases.settle();
  // Its own backup from before it was followed, in which nothing was edited.
  copy.cli("UPDATE account SET name = 'edited' WHERE code = '1'; INSERT INTO account VALUES ('3', 'new')");
  await databases.settle();
  await replaceBy(null, SQL);
  for (const each of [copy, other]) {
    assert.deepEqual(each.query('SELECT name FROM account ORDER BY code'), [['edited'], ['Bank'], ['new']]);
  }
  assert.deepEqual(other.conflicts(), []);
  await replaceBy(
    'b'.repeat(16),
    "CREATE TABLE client (code TEXT PRIMARY KEY, name TEXT); INSERT INTO client VALUES ('c', 'Miller')",
  );
  for (const each of [copy, other]) {
    assert.deepEqual(each.query('SELECT * FROM client'), [['c', 'Miller']]);
    assert.throws(() => each.query('SELECT * FROM account'), /no such table/);
  }
  await replaceBy(null, "CREATE TABLE staff (name TEXT PRIMARY KEY); INSERT INTO staff VALUES ('Ana')");
  for (const each of [copy, other]) {
    assert.deepEqual(each.query('SELECT * FROM staff'), [['Ana']]);
    assert.throws(() => each.query('SELECT * FROM client'), /no such table/);
  }
  const numbered = 'WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)';
  copy.cli(`INSERT INTO staff ${numbered} SELECT 'Ben ' || i FROM n`);
  await databases.settle();
  await replaceBy(null, 'CREATE TABLE empty (a)');
  assert.deepEqual(
    followed.problems.map(({ code }) => code),
    ['rows-missing'],
  );
  assert.deepEqual(other.query('SELECT count(*) FROM staff'), [[61n]]);
  await followed.close();
});

test('DBS4 a file without our marks that lacks a column of many rows drops it for nobody; of few rows it is an edit', async () => {
  for (const [rows, codes] of [
    [60, ['rows-missing']],
    [10, []],
  ] as const) {
    const followed = new Followed();
    const { copy, other, databases, office } = followed;
    await followed.open();
    const numbered = `WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})`;
    copy.cli(`DELETE FROM account; INSERT INTO account ${numbered} SELECT 'a' || i, 'name ' || i FROM n`);
    await databases.settle();
    const path = join(office.folder, 'old.db');
    withDatabase(path, (db) =>
      db.exec(`CREATE TABLE account (code TEXT PRIMARY KEY); INSERT INTO account ${numbered} SELECT 'a' || i FROM n`),
    );
    renameSync(path, copy.path);
    await databases.settle();
    other.log.pull(copy.log);
    other.work();
    assert.deepEqual(
      followed.problems.map(({ code }) => code),
      codes,
    );
    const columns = other.query("SELECT name FROM pragma_table_info('account')").flat();
    assert.deepEqual(columns, rows > 50 ? ['code', 'name'] : ['code']);
    await followed.close();
  }
});

test('DBS5 a conflict is settled for everybody by a choice, also by one for what is shown anyway', async () => {
  const followed = new Followed();
  const { copy, other, databases, office } = followed;
  await followed.open();
  const exchange = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      other.work();
      copy.log.pull(other.log);
      databases.forward();
      await databases.settle();
      other.log.pull(copy.log);
    }
    other.work();
  };
  for (const [shown, rest] of [
    [true, []],
    [false, []],
  ] as const) {
    other.run("UPDATE account SET name = 'other ' || name WHERE code = '1'; DELETE FROM account WHERE code = '2'");
    copy.run(
      "UPDATE account SET name = 'own ' || name WHERE code = '1'; INSERT OR REPLACE INTO account VALUES ('2', 'kept' || random())",
    );
    await databases.settle();
    other.capture();
    await exchange();
    const found = await databases.conflicts(DB);
    assert.deepEqual(found, other.conflicts());
    assert.deepEqual(found.map(({ kind }) => kind).sort(), ['cell', 'row']);
    const wanted = new Map<string, unknown>();
    const choices = found.map(({ id, kind, candidates }) => {
      const chosen = candidates.find((candidate) => candidate.shown === shown)!;
      wanted.set(kind, chosen.value);
      return { conflict: id, candidate: chosen.id };
    });
    const none = { conflict: 'none', candidate: 'keep' };
    await assert.rejects(databases.resolve(DB, [...choices, none]), /settled already/);
    assert.deepEqual(await databases.conflicts(DB), found, 'all or none');
    await databases.resolve(DB, choices);
    await exchange();
    assert.deepEqual(await databases.conflicts(DB), rest);
    assert.deepEqual(other.conflicts(), rest);
    const names = "SELECT name FROM account WHERE code = '1'";
    assert.deepEqual(copy.query(names), [[wanted.get('cell')]]);
    assert.deepEqual(other.query(names), copy.query(names));
    const rows = 'SELECT count(*) FROM account';
    assert.deepEqual(copy.query(rows), [[shown ? 2n : 1n]]);
    assert.deepEqual(other.query(rows), copy.query(rows));
  }
  office.clock += 1;
  await followed.close();
});

test('DBS8 a program that commits again and again does not keep the edits of others out', async () => {
  const followed = new Followed();
  const { copy, other, databases } = followed;
  await followed.open();
  await databases.settle();
  other.run("UPDATE account SET name = 'by another' WHERE code = '2'");
  other.work();
  let commits = 0;
  // Between each capture and the apply after it the program has committed once more.
  const { append } = copy.log;
  copy.log.append = (...args) => {
    if (commits++ < 40) {
      try {
        withDatabase(copy.path, (db) =>
          db.exec(`PRAGMA busy_timeout = 0; UPDATE account SET name = '${commits}' WHERE code = '1'`),
        );
      } catch (error) {
        assert.match(String(error), /locked/);
      }
    }
    return append.apply(copy.log, args);
  };
  copy.run("UPDATE account SET name = 'first' WHERE code = '1'");
  copy.log.pull(other.log);
  databases.forward();
  await databases.settle();
  assert.deepEqual(copy.query("SELECT name FROM account WHERE code = '2'"), [['by another']]);
  assert.ok(commits < 20, `${commits} captures`);
  await followed.close();
});

test('DBS9 a damaged rows.db is thrown away and folded anew; rows without a name are told', async () => {
  const followed = new Followed();
  const { copy, databases, office } = followed;
  await followed.open();
  copy.run("UPDATE account SET name = 'edited' WHERE code = '1'; INSERT INTO account VALUES (NULL, 'nameless')");
  await databases.settle();
  assert.deepEqual(
    followed.problems.map(({ code }) => code),
    ['rows-not-followed'],
  );
  await databases.stop();
  const rowsPath = join(office.folder, 'rows.db');
  for (const suffix of ['-wal', '-shm']) rmSync(rowsPath + suffix, { force: true });
  writeFileSync(rowsPath, Buffer.alloc(20_000, 'garbage'));
  const removeFile = (path: string): void => rmSync(path, { force: true });
  const events = { append: () => Promise.reject(new Error('nothing is new')), applied: () => {}, problems: () => {} };
  const outside = { clock: systemClock, random: systemRandom, facts: factsOf, removeFile };
  const again = new LocalDatabases({ copy: copy.id, rowsPath, source: copy.log, events, ...outside });
  const { settings, basePath } = office;
  await again.open({ id: DB, path: copy.path, basePath, settings });
  await again.settle();
  const [entry] = await again.history(DB, { table: 'account' });
  assert.deepEqual([entry?.from, entry?.to], ['Cash', 'edited']);
  await again.stop();
  office.close();
});

test('DBS9 a rows.db with damaged pages is folded anew when they are met, and what was asked for goes on', async () => {
  const followed = new Followed();
  const { copy, other, databases, office } = followed;
  await followed.open();
  copy.run(`INSERT INTO account
            WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
            SELECT i, 'a name that takes some room ' || i FROM n`);
  await databases.settle();
  await databases.stop();
  const rowsPath = join(office.folder, 'rows.db');
  damagePages(rowsPath);

  const told: string[] = [];
  const removeFile = (path: string): void => rmSync(path, { force: true });
  const events = {
    append: (request: Parameters<DatabaseEvents['append']>[0]) =>
      Promise.resolve(copy.log.append(copy.id, stampAt(++office.clock), request)),
    applied: () => {},
    problems: (_: string, problems: readonly DatabaseProblem[]) => void told.push(...problems.map(({ code }) => code)),
  };
  const outside = { clock: systemClock, random: systemRandom, facts: factsOf, removeFile };
  const again = new LocalDatabases({ copy: copy.id, rowsPath, source: copy.log, events, ...outside });
  const { settings, basePath } = office;
  await again.open({ id: DB, path: copy.path, basePath, settings });
  await again.settle();
  const digest = await again.digest(DB, copy.log.vector());
  assert.notEqual(digest, null);

  damagePages(rowsPath);
  await assert.rejects(again.digest(DB, copy.log.vector()), problem('rows-damaged'));
  assert.equal(await again.digest(DB, copy.log.vector()), digest);
  damagePages(rowsPath);
  other.log.pull(copy.log);
  other.work();
  other.run("UPDATE account SET name = 'by another' WHERE length(code) = 4");
  other.work();
  copy.log.pull(other.log);
  again.forward();
  assert.equal(await again.settle(), true);
  assert.deepEqual(copy.query("SELECT count(*) FROM account WHERE name = 'by another'"), [[2001n]]);
  assert.deepEqual(told, []);
  await again.stop();
  const rows = openStore(rowsPath, { ...ROWS, readOnly: true });
  assert.equal(rows.prepare('PRAGMA quick_check').get()?.quick_check, 'ok');
  rows.close();
  office.close();
});

test('DBS6 a database that is missing or damaged is told as a problem, and followed again when it is back', async () => {
  const followed = new Followed();
  const { copy, databases } = followed;
  renameSync(copy.path, `${copy.path}.away`);
  await followed.open();
  await databases.settle();
  assert.deepEqual(
    followed.problems.map(({ code }) => code),
    ['database-missing'],
  );
  renameSync(`${copy.path}.away`, copy.path);
  databases.poke(DB);
  await databases.settle();
  assert.deepEqual(followed.problems, []);
  copy.cli("UPDATE account SET name = 'back' WHERE code = '1'");
  await databases.settle();
  assert.equal(copy.log.changes.length, 1);
  await followed.close();
});

test('DBS13 a database that is opened again while it is being opened is followed once', async () => {
  const followed = new Followed();
  const { copy, databases } = followed;
  copy.cli("UPDATE account SET name = 'edited' WHERE code = '1'");
  await Promise.all([followed.open(), followed.open(), followed.open()]);
  await databases.settle();
  copy.cli("UPDATE account SET name = 'edited again' WHERE code = '1'");
  await followed.until(() => copy.log.changes.length > 1);
  await databases.settle();
  assert.equal(copy.log.changes.length, 2);
  assert.deepEqual(followed.problems, []);
  await followed.close();
});

test('DBS7 of two databases made on one path the rows of the other become edits', async () => {
  const followed = new Followed();
  const { copy, other, databases, office } = followed;
  await followed.open();
  const aside = join(office.folder, 'aside.db');
  withDatabase(aside, (db) => {
    db.exec(
      "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'Cash'), ('2', 'Other bank'), ('9', 'New')",
    );
  });
  other.run("UPDATE account SET name = 'Edited' WHERE code = '2'");
  other.work();
  copy.log.pull(other.log);
  databases.forward();
  await databases.settle();
  await databases.enterRows(DB, aside);
  await databases.settle();
  other.log.pull(copy.log);
  other.work();
  const all = 'SELECT * FROM account ORDER BY code';
  assert.deepEqual(
    copy.query(all).map(([code]) => code),
    ['1', '2', '9'],
  );
  assert.deepEqual(other.query(all), copy.query(all));
  const [conflict, ...others] = await databases.conflicts(DB);
  assert.deepEqual(others, []);
  assert.deepEqual(conflict?.candidates.map(({ value }) => value).sort(), ['Edited', 'Other bank']);
  assert.deepEqual(other.conflicts(), await databases.conflicts(DB));
  await followed.close();
});

test('DBS10 a program that commits all the time meets our lock rarely, and what waited comes when it pauses', async () => {
  // Its time goes slowly, so that the program is hot on a busy machine too.
  const followed = new Followed({ ...systemClock, monotonic: () => systemClock.monotonic() / 10 });
  const { copy, other, databases } = followed;
  await followed.open();
  await databases.settle();
  const edits = 120;
  let applied = 0;
  await withWriter(copy.path, async (db) => {
    for (let count = 1; count <= edits; count++) {
      const before = copy.log.changes.length;
      while (!commits(db, `UPDATE account SET name = 'edit ${count}' WHERE code = '1'`)) await setImmediate();
      databases.poke(DB);
      await followed.until(() => copy.log.changes.length > before);
      other.run(`UPDATE account SET name = 'theirs ${count}' WHERE code = '2'`);
      other.work();
      copy.log.pull(other.log);
      databases.forward();
    }
    applied = (await databases.describe(DB)).figures.applies;
  });
  // Until it was known to be hot every look brought the other's edit.
  assert.ok(applied < edits / 2, `${applied} applied beside ${edits} commits`);
  await followed.until(() => copy.query("SELECT name FROM account WHERE code = '2'")[0]?.[0] === `theirs ${edits}`);
  await followed.close();
});

async function withWriter(path: string, work: (db: DatabaseSync) => Promise<void>): Promise<void> {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    await work(db);
  } finally {
    db.close();
  }
}

/** False: somebody holds the lock. In this process nobody can let go of it while we wait. */
function commits(db: DatabaseSync, sql: string): boolean {
  try {
    db.exec(sql);
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== 5) throw error;
    return false;
  }
}
