import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatabasePlacing } from '../../src/agent/database-placing.ts';
import { PlacedDatabases } from '../../src/agent/placed-databases.ts';
import { Problems } from '../../src/agent/problems.ts';
import { STORE_SCHEMA, type SyncFolder } from '../../src/agent/sync-folder.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { allWrites, contentCell, DATABASES, removeOp, setOp } from '../../src/core/registry.ts';
import type { Databases } from '../../src/database/host.ts';
import { systemClock } from '../../src/platform/system.ts';
import { ChunkStore } from '../../src/store/chunks.ts';
import { Registry } from '../../src/store/registry.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes, SimFiles } from '../sim/disk-files.ts';
import { PlainContents } from './plain-contents.ts';

type Renamed = { readonly from: string; readonly to: string; readonly after: number };

/** Databases of a file by their paths, of which nothing is here yet; `again` counts the looks that were asked for. */
function toPlace(disk: SimDisk, paths: readonly string[], renamings: readonly Renamed[] = []) {
  const db = openStore(':memory:', { schema: STORE_SCHEMA, synchronous: 'NORMAL' });
  const files = new SimFiles(disk, '/file');
  const registry = new Registry(db);
  const chunks = new ChunkStore(db, '/packs', new SimBytes(disk));
  const base = Buffer.from('SQLite format 3\0');
  chunks.append([encodeChunk(base)]);
  const content = {
    size: base.length,
    mtimeNs: 1n,
    hash: sha256(base),
    chunks: [{ id: sha256(base), size: base.length }],
  };
  for (const [seq, path] of paths.entries()) {
    const cells = { path: { value: path, over: [] }, content: contentCell(content, []) };
    const op = setOp(DATABASES, String(seq + 1).repeat(16), cells);
    transaction(db, () => registry.fold({ copy: 'a'.repeat(32), seq: seq + 1, stamp: 1 }, { ops: [op] }));
  }
  for (const folder of ['.tieout', '.tieout/base', '.tieout/incoming']) files.makeFolder(folder);
  const problems = new Problems(systemClock);
  const asked = { again: 0 };
  const program = { isLocking: false };
  const opened: string[] = [];
  const placing = new DatabasePlacing({
    folder: { basePath: (id: string) => files.native(`.tieout/base/${id}.db`), renamings } as unknown as SyncFolder,
    files,
    registry,
    placed: new PlacedDatabases(db),
    contents: new PlainContents(chunks, new SimBytes(disk)),
    source: { fetch: async (ids) => ids },
    problems,
    databases: {
      adopt: async () => {},
      open: async ({ path }: { path: string }) => void opened.push(path),
      close: async () => {},
      idOf: async () => null,
      settle: async () => !program.isLocking,
    } as unknown as Databases,
    again: () => {
      asked.again += 1;
    },
    tell: () => {},
    signal: new AbortController().signal,
  });
  let renamed = 0;
  const place = async () => {
    for (const entry of registry.entries('database')) await placing.place(entry);
  };
  const remove = () => {
    for (const { id } of registry.entries('database')) {
      const op = removeOp(DATABASES, id, allWrites(registry.row(DATABASES, id)));
      transaction(db, () => registry.fold({ copy: 'b'.repeat(32), seq: 1, stamp: 2 }, { ops: [op] }));
    }
  };
  const rename = (from: string, to: string) => {
    const id = registry.entryAt(from)!.id;
    const op = setOp(DATABASES, id, { path: { value: to, over: registry.row(DATABASES, id).cells.get('path') ?? [] } });
    transaction(db, () => registry.fold({ copy: 'b'.repeat(32), seq: ++renamed, stamp: 2 + renamed }, { ops: [op] }));
  };
  const removeDead = () =>
    placing.removeDead(
      async () => false,
      () => {},
    );
  const close = () => db.close();
  return { files, problems, asked, program, opened, placing, registry, place, rename, remove, removeDead, close };
}

test('DBS15 a database is not put beside a document that is called like its journal, and what SQLite left there goes', async () => {
  const { files, problems, place, close } = toPlace(new SimDisk(), ['general', 'left.db']);
  const write = (path: string, bytes: Uint8Array): void => {
    const file = files.open(path, 'create');
    assert(typeof file !== 'string');
    file.write(bytes, 0);
    file.close();
  };
  write('general-journal', Buffer.from('what I posted in March'));
  write('left.db-journal', Buffer.from('d9d505f920a163d7', 'hex'));
  write('left.db-shm', Buffer.alloc(16));
  await place();
  assert.equal(files.facts('general-journal')?.size, 22);
  assert.equal(files.facts('general'), undefined);
  assert.match(problems.list()[0]?.text ?? '', /general/);
  assert.ok(files.facts('left.db'));
  assert.deepEqual([files.facts('left.db-journal'), files.facts('left.db-shm')], [undefined, undefined]);
  close();
});

test('DBS16 a database that was fetched and that a virus scanner holds is asked for again', async () => {
  const disk = new SimDisk();
  const { files, asked, place, close } = toPlace(disk, ['ledger.db']);
  disk.fault = (call, path) => (call === 'rename' && path.endsWith('.part') ? 'EBUSY' : undefined);
  await place();
  assert.equal(files.facts('ledger.db'), undefined);
  assert.equal(asked.again, 1);
  disk.fault = () => undefined;
  await place();
  assert.ok(files.facts('ledger.db'));
  close();
});

test('DBS22 a base that the disk has damaged or lost is fetched again, and told until then', async () => {
  const disk = new SimDisk();
  const { files, problems, opened, placing, registry, place, close } = toPlace(disk, ['ledger.db']);
  await place();
  const id = '1'.repeat(16);
  const base = `.tieout/base/${id}.db`;
  const content = Buffer.from('SQLite format 3\0');
  const bytes = new SimBytes(disk);
  const file = bytes.open(files.native(base), 'extend');
  file.writeAll([Buffer.from('garbage')], 0);
  file.close();
  const lying = (): Buffer => {
    const there = bytes.open(files.native(base), 'read');
    const into = Buffer.alloc(content.length + 1);
    const size = there.read(into, 0);
    there.close();
    return into.subarray(0, size);
  };
  placing.bases.doubt(id);
  assert.equal(await placing.bases.prove(registry.entry(id)!), false);
  // The rows that were read do not lie where it is damaged.
  placing.bases.trust(id);
  disk.fault = (call, path) => (call === 'write' && path.includes('base/') ? 'ENOSPC' : undefined);
  await place();
  assert.deepEqual(
    problems
      .list()
      .map(({ code }) => code)
      .sort(),
    ['damaged-base', 'disk-full'],
  );
  assert.equal(opened.length, 1);
  disk.fault = () => undefined;
  await place();
  assert.deepEqual(problems.list(), []);
  assert.equal(opened.length, 2);
  assert.deepEqual(lying(), content);
  assert.equal(await placing.bases.prove(registry.entry(id)!), true);

  files.remove(base);
  placing.bases.doubt(id);
  await place();
  assert.deepEqual(lying(), content);
  await place();
  assert.deepEqual(opened, Array(3).fill(files.native('ledger.db')));
  close();
});

test('DBS23 a database whose new name another one has here still says so, and not that a program has it open', async () => {
  const { files, problems, place, rename, close } = toPlace(new SimDisk(), ['a.db', 'b.db']);
  const told = () => problems.list().map(({ text, remedy }) => `${text} ${remedy}`);
  await place();
  for (const [from, to] of ['a.db t.db', 'b.db a.db', 't.db b.db'].map((both) => both.split(' '))) rename(from!, to!);
  await place();
  assert.match(told().sort()[0]!, /a\.db was renamed to b\.db.*another database.*rename/);
  assert.equal(told().length, 2);
  rename('b.db', 'elsewhere.db');
  await place();
  await place();
  assert.deepEqual(told(), []);
  assert.ok(files.facts('a.db') && files.facts('elsewhere.db') && !files.facts('b.db'));
  close();
});

test('DBS20 a database that a colleague has deleted stays while a program keeps it locked: what that has committed may keep it', async () => {
  const { files, asked, program, place, remove, removeDead, close } = toPlace(new SimDisk(), ['ledger.db']);
  await place();
  remove();
  program.isLocking = true;
  await removeDead();
  assert.ok(files.facts('ledger.db'));
  assert.equal(asked.again, 1);
  program.isLocking = false;
  await removeDead();
  assert.equal(files.facts('ledger.db'), undefined);
  close();
});

test('DBS21 a database that a copy made under an id that it had before, and did not follow yet when its machine was put back, is that one', async () => {
  for (const [from, problems] of [
    ['a'.repeat(32), []],
    ['c'.repeat(32), ['in-the-way']],
  ] as const) {
    const placing = toPlace(new SimDisk(), ['ledger.db'], [{ from, to: 'b'.repeat(32), after: 0 }]);
    placing.files.open('ledger.db', 'create');
    await placing.place();
    assert.deepEqual(
      placing.problems.list().map(({ code }) => code),
      problems,
    );
    placing.close();
  }
});
