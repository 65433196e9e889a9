import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RegistryOp } from '../../src/core/body.ts';
import { sha256 } from '../../src/core/bytes.ts';
import type { DocumentContent } from '../../src/core/content.ts';
import { foldPath } from '../../src/core/paths.ts';
import {
  baseDocumentId,
  COPIES,
  contentCell,
  DATABASES,
  DOCUMENTS,
  removeOp,
  setOp,
  versionName,
} from '../../src/core/registry.ts';
import type { Origin } from '../../src/core/rows.ts';
import { type Claim, shownPaths } from '../../src/core/shown-paths.ts';
import { observationOf } from '../../src/store/observations.ts';
import { REGISTRY_SCHEMA, Registry } from '../../src/store/registry.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';

type Change = { readonly by: Origin; readonly ops: readonly RegistryOp[] };

const COPY = ['a', 'b', 'c'].map((letter) => letter.repeat(32));

function content(text: string): DocumentContent {
  const bytes = Buffer.from(text);
  const hash = sha256(bytes);
  return { size: bytes.length, mtimeNs: 1n, hash, chunks: bytes.length > 0 ? [{ id: hash, size: bytes.length }] : [] };
}

const BASE = ['x', 'y', 'f/z'];

function open(paths: readonly string[] = BASE) {
  const db = openStore(':memory:', { schema: REGISTRY_SCHEMA, synchronous: 'NORMAL' });
  const registry = new Registry(db);
  const listed = paths.map((path) => ({ path, content: content(path), registered: true }));
  transaction(db, () => registry.loadBase(listed, []));
  const fold = ({ by, ops }: Change) => transaction(db, () => registry.fold(by, { ops }));
  return { db, registry, fold };
}

function dump(registry: Registry): unknown {
  const ids = [...registry.entries('document'), ...registry.entries('database')];
  return ids.map((entry) => ({
    ...entry,
    merged: entry.kind === 'document' ? registry.document(entry.id) : null,
    versions: registry.versions(entry.id),
  }));
}

/** What a copy can do to documents it knows of, and to new ones. `over` is what it wrote itself before. */
const anyOp = fc.record({
  copy: fc.nat(2),
  target: fc.nat(5),
  what: fc.constantFrom('save', 'move', 'remove', 'database'),
  to: fc.constantFrom('x', 'X', 'y', 'x/q', 'f', 'f/z', 'n'),
  text: fc.constantFrom('1', '2'),
  stamp: fc.nat(5),
});

function changesOf(
  list: readonly { copy: number; target: number; what: string; to: string; text: string; stamp: number }[],
): Change[] {
  const ids = [...BASE, 'n1', 'n2', 'n3'].map(baseDocumentId);
  const written = new Map<string, Origin[]>();
  const seqs = [0, 0, 0];
  return list.map(({ copy, target, what, to, text, stamp }) => {
    const by = { copy: COPY[copy]!, seq: ++seqs[copy]!, stamp };
    const id = ids[target]!;
    const over = written.get(`${copy} ${id}`) ?? [];
    written.set(`${copy} ${id}`, [...over, by]);
    const path = { value: to, over };
    if (what === 'remove') return { by, ops: [removeOp(DOCUMENTS, id, over)] };
    if (what === 'move') return { by, ops: [setOp(DOCUMENTS, id, { path })] };
    const cells = { path, content: contentCell(content(text), over) };
    if (what === 'database') return { by, ops: [setOp(DATABASES, id.slice(0, 16), cells)] };
    return { by, ops: [setOp(DOCUMENTS, id, target < 3 ? { content: cells.content } : cells)] };
  });
}

test('REG11 whatever order changes are folded in, the registry and what it shows are the same', () => {
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 14 }), fc.infiniteStream(fc.nat(2)), (list, picks) => {
      const changes = changesOf(list);
      const first = open();
      for (const change of changes) first.fold(change);
      const second = open();
      const left = COPY.map((copy) => changes.filter(({ by }) => by.copy === copy));
      for (let count = 0; count < changes.length; ) {
        const change = left[picks.next().value]!.shift();
        if (change === undefined) continue;
        second.fold(change);
        count += 1;
      }
      assert.deepEqual(dump(second.registry), dump(first.registry));
      first.db.close();
      second.db.close();
    }),
    { numRuns: 12 * Number(process.env.RUNS ?? 12) },
  );
});

test('REG12 a derived name says whose a thing is, whenever that becomes known', () => {
  const [ana, ben] = COPY as [string, string];
  const move = (copy: string, path: string, seq: number): Change => ({
    by: { copy, seq, stamp: seq },
    ops: [setOp(DOCUMENTS, baseDocumentId(path), { path: { value: 'n', over: [] } })],
  });
  const named = (copy: string, seq: number): Change => {
    const cells = { user: { value: 'Ben', over: [] }, device: { value: 'laptop', over: [] } };
    return { by: { copy, seq, stamp: seq }, ops: [setOp(COPIES, copy, cells)] };
  };
  const shown = (changes: readonly Change[]): string[] => {
    const { registry, fold } = open();
    for (const change of changes) fold(change);
    return [...registry.entries('document')].map((entry) => entry.shown).sort();
  };
  const [first, second] = [move(ana, 'x', 1), move(ben, 'y', 2)];
  assert.deepEqual(shown([first, second, named(ben, 3)]), shown([named(ben, 3), first, second]));
  assert.ok(shown([first, second, named(ben, 3)]).some((path) => path.includes('Ben')));
});

test('REG12 the paths that are kept shown are those that all claims together give', () => {
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 14 }), (list) => {
      const { registry, fold, db } = open();
      for (const change of changesOf(list)) {
        fold(change);
        const all = [...registry.entries('document'), ...registry.entries('database')];
        const claims = all.map(({ id, path, kind }): Claim => {
          const merged = registry.document(id, kind);
          return { id, path, by: merged!.pathBy, database: kind === 'database' };
        });
        const shown = shownPaths(claims, (copy) => registry.user(copy));
        for (const entry of all) assert.equal(entry.shown, shown.get(entry.id));
        for (const entry of all) assert.equal(registry.entryAt(entry.shown)?.id, entry.id);
      }
      db.close();
    }),
    { numRuns: 12 * Number(process.env.RUNS ?? 12) },
  );
});

test('REG13 a path that was left is free for another document, made alike by all who know of it', () => {
  const { registry, fold } = open();
  const id = baseDocumentId('x');
  assert.equal(registry.newId('n', 'document'), baseDocumentId('n'));
  fold({ by: { copy: COPY[0]!, seq: 1, stamp: 1 }, ops: [removeOp(DOCUMENTS, id, [])] });
  assert.equal(registry.entryAt('x'), undefined);
  const again = registry.newId('X', 'document');
  assert.notEqual(again, id);
  assert.equal(registry.newId('x', 'document'), again);
  fold({
    by: { copy: COPY[0]!, seq: 2, stamp: 2 },
    ops: [setOp(DOCUMENTS, again, { path: { value: 'x', over: [] }, content: contentCell(content('2'), []) })],
  });
  assert.equal(registry.entryAt('x')?.id, again);
  assert.equal(registry.newId('f/z', 'database').length, 16);
});

test('REG14 every content that a document had stays listed and named', () => {
  const { registry, fold } = open();
  const id = baseDocumentId('x');
  const one = { copy: COPY[0]!, seq: 1, stamp: 1 };
  const two = { copy: COPY[0]!, seq: 2, stamp: 2 };
  fold({ by: one, ops: [setOp(DOCUMENTS, id, { content: contentCell(content('1'), []) })] });
  fold({ by: two, ops: [setOp(DOCUMENTS, id, { content: contentCell(content('2'), [one]) })] });
  assert.deepEqual(
    registry.versions(id).map(({ by }) => versionName(by)),
    [versionName(two), versionName(one), 'base'],
  );
  assert.equal(registry.content(id, one)?.hash, content('1').hash);
  assert.equal(registry.contentByHash(id, content('x').hash)?.size, 1);
  fold({ by: { ...two, seq: 3 }, ops: [setOp(COPIES, COPY[0]!, { user: { value: 'Ana', over: [] } })] });
  assert.equal(registry.user(COPY[0]!), 'Ana');
});

test('REG15 what differs between this disk and the registry is found without a list of what to do', () => {
  const { registry, fold, db } = open();
  const facts = { kind: 'file', size: 1, mtimeNs: 1n, changedNs: 1n, inode: '1', device: '1' } as const;
  const see = (path: string, hash: string) =>
    registry.observations.put(observationOf(path, baseDocumentId(path), hash, facts));
  assert.equal(registry.observations.unplaced().length, 3);
  transaction(db, () => {
    for (const path of BASE) see(path, content(path).hash);
  });
  assert.deepEqual(registry.observations.unplaced(), []);
  const change = (seq: number, op: RegistryOp) => fold({ by: { copy: COPY[0]!, seq, stamp: seq }, ops: [op] });
  change(1, setOp(DOCUMENTS, baseDocumentId('x'), { content: contentCell(content('new'), []) }));
  change(2, setOp(DOCUMENTS, baseDocumentId('y'), { path: { value: 'Y2', over: [] } }));
  change(3, removeOp(DOCUMENTS, baseDocumentId('f/z'), []));
  const unplaced = registry.observations.unplaced().map(({ id }) => id);
  assert.deepEqual(unplaced.sort(), BASE.map(baseDocumentId).sort());
  assert.deepEqual([...registry.takeTouched()].sort(), BASE.map(baseDocumentId).sort());
  assert.equal(registry.takeTouched().size, 0);
});

test('REG16 spellings of one path are one path', () => {
  const { registry } = open(['Größe.txt']);
  assert.equal(registry.entryAt('GRÖSSE.TXT')?.path, 'Größe.txt');
  assert.equal(registry.entryAt('Gro\u0308ße.txt')?.id, registry.entryAt('größe.txt')?.id);
  assert.equal(foldPath('Größe.txt'), foldPath('GRÖSSE.txt'));
});

test('REG17 whose a copy is nobody else says, and the certificates in the log before itself', () => {
  const { registry, fold, db } = open();
  const [ana, ben] = COPY as [string, string];
  const says = (by: string, of: string, user: string): void => {
    const cells = { user: { value: user, over: [] }, retired: { value: 1n, over: [] } };
    fold({ by: { copy: by, seq: 1, stamp: 1 }, ops: [setOp(COPIES, of, cells)] });
  };
  says(ana, ana, 'Ana');
  says(ben, ana, 'Ben');
  assert.equal(registry.user(ana), 'Ana');
  assert.equal(registry.row(COPIES, ana).cells.get('retired')?.length, 2);
  says(ben, ben, 'Chloe');
  const certified = new Registry(db, (copy) => (copy === ben ? 'Ben' : undefined));
  assert.deepEqual([certified.user(ana), certified.user(ben)], ['Ana', 'Ben']);
});
