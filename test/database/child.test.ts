import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { body as bodyCodec, subjectOf, withSeen } from '../../src/core/body.ts';
import type { ChangeId } from '../../src/core/change.ts';
import { decode, encode } from '../../src/core/codec.ts';
import { rowOfKey } from '../../src/core/tables.ts';
import { childDatabases } from '../../src/database/child-databases.ts';
import type { DatabaseEvents } from '../../src/database/host.ts';
import { BodyCutter } from '../../src/store/body-parts.ts';
import { author, copyId, makeStore } from '../store/stores.ts';
import { DB, withDatabase } from './copies.ts';

test('DBS11 copies without databases need no database process', async (t) => {
  const processes = () => process.getActiveResourcesInfo().filter((each) => each === 'ProcessWrap').length;
  const folder = mkdtempSync(join(tmpdir(), 'tieout-child-'));
  const host = childDatabases({ log: () => undefined });
  t.after(async () => {
    await host.end();
    rmSync(folder, { recursive: true });
  });
  const { store, close } = makeStore({ folder });
  t.after(close);
  const before = processes();
  const events = { append: () => assert.fail(), applied: () => undefined, problems: () => undefined };
  const databases = host.make(copyId('a'), { path: (name) => join(folder, name), renamings: [] }, events);
  databases.forward();
  await databases.settle();
  assert.equal(processes(), before);

  const path = join(folder, 'ledger.db');
  withDatabase(path, (db) => db.exec('CREATE TABLE account (code TEXT PRIMARY KEY)'));
  const { tables } = await databases.makeBase({ id: DB, path, basePath: join(folder, 'base.db') });
  assert.equal(tables, 1);
  assert.equal(processes(), before + 1);
  await databases.stop();
  assert.equal(store.vector().size, 0);
});

test('DBS14 a followed file says which database of this copy it is, and nothing else does', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-child-'));
  const at = (name: string): string => join(folder, name);
  const { close } = makeStore({ folder });
  const events = { append: () => assert.fail(), applied: () => undefined, problems: () => undefined };
  const host = childDatabases({ log: () => undefined });
  t.after(async () => {
    await host.end();
    close();
    rmSync(folder, { recursive: true });
  });
  const from = copyId('a');
  const databases = host.make(from, { path: at, renamings: [] }, events);
  withDatabase(at('ledger.db'), (db) => db.exec('CREATE TABLE account (code TEXT PRIMARY KEY)'));
  assert.equal(await databases.idOf(at('ledger.db')), null);
  await databases.makeBase({ id: DB, path: at('ledger.db'), basePath: at('base.db') });
  renameSync(at('ledger.db'), at('moved.db'));
  assert.equal(await databases.idOf(at('moved.db')), DB);
  assert.equal(await databases.idOf(at('base.db')), null);
  assert.equal(await databases.idOf(at('missing.db')), null);
  writeFileSync(at('text.db'), 'no database at all');
  assert.equal(await databases.idOf(at('text.db')), null);

  const other = host.make(copyId('b'), { path: at, renamings: [] }, events);
  assert.equal(await other.idOf(at('moved.db')), null);
  const renamed = host.make(copyId('c'), { path: at, renamings: [{ from, to: copyId('c'), after: 0 }] }, events);
  assert.equal(await renamed.idOf(at('moved.db')), DB);
});

test('DBS1 the database process captures, applies and answers for history and content', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-child-'));
  const path = join(folder, 'ledger.db');
  withDatabase(path, (db) =>
    db.exec("CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'Cash')"),
  );
  const { store, close } = makeStore({ folder, hooks: { stored: (_change, bytes) => subjectOf(bytes) } });
  const [ana, ben] = [await author('a'), await author('b', 'ben')];
  let notice: () => void = () => undefined;
  const events: DatabaseEvents & { applied: (event: unknown) => void } = {
    append: async ({ bytes, seen, database }) => {
      const [made] = store.append(ana, [store.log.concerns(seen, database) ? withSeen(bytes, seen) : bytes]);
      notice();
      return made!;
    },
    applied: () => notice(),
    problems: () => notice(),
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => (notice = resolve));
  };
  const host = childDatabases({ log: () => undefined });
  t.after(() => host.end());
  const databases = host.make(copyId('a'), { path: (name) => join(folder, name), renamings: [] }, events);
  const basePath = join(folder, 'base.db');
  const { settings } = await databases.makeBase({ id: DB, path, basePath });
  await databases.open({ id: DB, path, basePath, settings });

  execFileSync('sqlite3', [path, "UPDATE account SET name = 'Petty cash'"]);
  databases.poke(DB);
  await until(() => store.vector().get(copyId('a')) === 1);

  const op = { kind: 'update', use: 0, row: rowOfKey(['1']), cells: [{ column: 0, value: 'Bank' }] } as const;
  const uses = [{ table: 'account', columns: ['name'] }];
  store.append(ben, [encode(bodyCodec, { kind: 'database', database: DB, seen: null, mark: null, uses, ops: [op] })]);
  databases.forward();
  await databases.settle();
  assert.deepEqual(
    withDatabase(path, (db) => db.prepare('SELECT name FROM account').get()?.name),
    'Bank',
  );

  const history = await databases.history(DB, { table: 'account', key: { code: '1' } });
  assert.deepEqual(
    history.map(({ from, to }) => [from, to]),
    [
      ['Petty cash', 'Bank'],
      ['Cash', 'Petty cash'],
    ],
  );
  const { tables } = await databases.describe(DB);
  assert.deepEqual(tables, [{ name: 'account', key: 'name', columns: ['code', 'name'], rows: 1 }]);
  await databases.stop();
  close();
  rmSync(folder, { recursive: true });
});

test('DBS19 what is being captured while a copy stops is in the log, and keeps nobody waiting', {
  timeout: 20_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-child-'));
  const at = (name: string): string => join(folder, name);
  withDatabase(at('ledger.db'), (db) =>
    db.exec("CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'Cash')"),
  );
  const { store, close } = makeStore({ folder, hooks: { stored: (_change, bytes) => subjectOf(bytes) } });
  const ana = await author('a');
  const events: DatabaseEvents = {
    append: async ({ bytes }) => store.append(ana, [bytes])[0]!,
    applied: () => undefined,
    problems: () => undefined,
  };
  const host = childDatabases({ log: () => undefined });
  t.after(async () => {
    await host.end();
    close();
    rmSync(folder, { recursive: true });
  });
  const databases = host.make(copyId('a'), { path: at, renamings: [] }, events);
  const [path, basePath] = [at('ledger.db'), at('base.db')];
  const { settings } = await databases.makeBase({ id: DB, path, basePath });
  await databases.open({ id: DB, path, basePath, settings });
  await databases.settle();

  execFileSync('sqlite3', [path, "UPDATE account SET name = 'Petty cash'"]);
  // The capture begins before the database process hears that it is to stop, and its answer comes after.
  const settled = databases.settle();
  await Promise.all([databases.stop(), databases.stop()]);
  await settled;
  assert.equal(store.vector().get(copyId('a')), 1);
});

test('BLK6 a large body goes from the database process into chunks a piece at a time, and is asked for, not pushed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-child-'));
  const path = join(folder, 'many.db');
  const rows = 21_000;
  withDatabase(path, (db) =>
    db.exec(`CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO item SELECT i, 'a' FROM n`),
  );
  const { store, close } = makeStore({ folder, hooks: { stored: (_change, bytes) => subjectOf(bytes) } });
  const ana = await author('a');
  const sizes: number[] = [];
  let made: (change: ChangeId) => void = () => undefined;
  const appended = new Promise<ChangeId>((resolve) => (made = resolve));
  const events: DatabaseEvents = {
    append: async ({ bytes, rest }) => {
      assert.ok(rest !== undefined);
      const cutter = new BodyCutter(store.chunks);
      cutter.add(bytes);
      for await (const piece of rest) {
        sizes.push(piece.byteLength);
        cutter.add(piece);
      }
      const [change] = store.append(ana, [cutter.finish()]);
      made(change!);
      return change!;
    },
    applied: () => undefined,
    problems: () => undefined,
  };
  const host = childDatabases({ log: () => undefined });
  t.after(() => host.end());
  const databases = host.make(copyId('a'), { path: (name) => join(folder, name), renamings: [] }, events);
  const basePath = join(folder, 'base.db');
  const { settings } = await databases.makeBase({ id: DB, path, basePath });
  await databases.open({ id: DB, path, basePath, settings });

  execFileSync('sqlite3', [path, `UPDATE item SET name = '${'long '.repeat(10)}'`]);
  databases.poke(DB);
  const stored = store.log.get(await appended);
  assert.ok(sizes.length > 1 && Math.max(...sizes) < 512 * 1024, `pieces of ${sizes}`);
  const read = decode(bodyCodec, store.body(stored!));
  assert.ok(read.kind === 'database' && read.ops.length === rows);
  await databases.stop();
  close();
  rmSync(folder, { recursive: true });
});
