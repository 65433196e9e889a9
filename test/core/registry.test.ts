import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RegistryOp } from '../../src/core/body.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { MalformedError } from '../../src/core/codec.ts';
import { type DocumentContent, decodeContent, encodeContent } from '../../src/core/content.ts';
import { decodeManifest, encodeManifest, type ManifestDocument } from '../../src/core/manifest.ts';
import { foldPath, pathFault } from '../../src/core/paths.ts';
import {
  baseDocumentId,
  contentCell,
  DOCUMENTS,
  foldRegistryOp,
  mergedDocument,
  newDocumentId,
  removeOp,
  setOp,
  versionName,
  versionOf,
} from '../../src/core/registry.ts';
import { ABSENT, type Origin, type Row } from '../../src/core/rows.ts';
import { type Claim, foldersOf, shownPaths } from '../../src/core/shown-paths.ts';

const COPY = { a: 'a'.repeat(32), b: 'b'.repeat(32), c: 'c'.repeat(32) };
const by = (copy: keyof typeof COPY, seq: number, stamp = seq): Origin => ({ copy: COPY[copy], seq, stamp });

function content(text: string, mtimeNs = 1n): DocumentContent {
  const bytes = Buffer.from(text);
  const hash = sha256(bytes);
  return { size: bytes.length, mtimeNs, hash, chunks: bytes.length > 0 ? [{ id: hash, size: bytes.length }] : [] };
}

const base = { path: 'letter.txt', content: content('base'), registered: true };
const save = (text: string, over: readonly Origin[], mtimeNs = 1n) =>
  setOp(DOCUMENTS, 'd', { content: contentCell(content(text, mtimeNs), over) });
const fold = (...ops: (readonly [Origin, RegistryOp])[]): Row =>
  ops.reduce((row, [origin, op]) => foldRegistryOp(row, op, origin), { ...ABSENT, base: true } as Row);
const texts = (row: Row) => mergedDocument('d', row, base)?.contents.map((one) => one.content.hash.slice(0, 8));
const short = (...of: string[]) => of.map((text) => sha256(Buffer.from(text)).slice(0, 8));

test('REG1 a save replaces what it names, and only that', () => {
  assert.deepEqual(texts(fold()), short('base'));
  assert.deepEqual(texts(fold([by('a', 1), save('one', [])])), short('one'));
  assert.deepEqual(texts(fold([by('a', 1), save('one', [])], [by('b', 1, 2), save('two', [])])), short('two', 'one'));
  const settled = fold(
    [by('a', 1), save('one', [])],
    [by('b', 1, 2), save('two', [])],
    [by('a', 2, 3), save('three', [by('a', 1), by('b', 1)])],
  );
  assert.deepEqual(texts(settled), short('three'));
  const half = fold(
    [by('a', 1), save('one', [])],
    [by('b', 1, 2), save('two', [])],
    [by('a', 2, 3), save('three', [by('a', 1)])],
  );
  assert.deepEqual(texts(half), short('three', 'two'));
});

test('REG2 equal content by two people is one content, whatever the times of the files', () => {
  const merged = mergedDocument(
    'd',
    fold([by('a', 1), save('same', [], 5n)], [by('b', 1, 2), save('same', [], 9n)]),
    base,
  );
  assert.equal(merged?.contents.length, 1);
  assert.equal(merged?.contents[0]?.by.length, 2);
});

test('REG3 a deletion takes what it has seen; a save that it had not seen keeps the document', () => {
  const deleted = fold([by('a', 1), removeOp(DOCUMENTS, 'd', [])]);
  assert.equal(mergedDocument('d', deleted, base)?.alive, false);
  const kept = fold([by('a', 1), removeOp(DOCUMENTS, 'd', [])], [by('b', 1, 2), save('two', [])]);
  assert.equal(mergedDocument('d', kept, base)?.alive, true);
  assert.equal(mergedDocument('d', kept, base)?.deletions.length, 1);
  const otherOrder = fold([by('b', 1, 2), save('two', [])], [by('a', 1), removeOp(DOCUMENTS, 'd', [])]);
  assert.deepEqual(mergedDocument('d', otherOrder, base), mergedDocument('d', kept, base));
});

test('REG4 what no program of ours would write has no effect', () => {
  for (const path of ['../out', '/etc/passwd', 'a\\b', '.tieout/store.db', 'CON']) {
    const row = fold([by('a', 1), setOp(DOCUMENTS, 'd', { path: { value: path, over: [] } })]);
    assert.equal(mergedDocument('d', row, base)?.path, 'letter.txt');
  }
  for (const value of ['text', 7n, null, new Uint8Array([1, 2, 3])]) {
    const row = fold([by('a', 1), setOp(DOCUMENTS, 'd', { content: { value, over: [] } })]);
    assert.deepEqual(texts(row), short('base'));
  }
});

test('REG5 two people who make one path make one document; a path used again gets another', () => {
  assert.equal(newDocumentId('Memo.txt', null), newDocumentId('memo.TXT', null));
  assert.equal(newDocumentId('memo.txt', null), baseDocumentId('memo.txt'));
  const again = newDocumentId('memo.txt', by('a', 7));
  assert.equal(again, newDocumentId('MEMO.txt', by('a', 7)));
  assert.notEqual(again, newDocumentId('memo.txt', by('a', 8)));
  assert.notEqual(again, baseDocumentId('memo.txt'));
  assert.deepEqual(versionOf(versionName(by('a', 7))), { copy: COPY.a, seq: 7 });
  for (const name of ['', 'base ', 'x-1', `${COPY.a}-0`, `${COPY.a}-01`, `${COPY.a}`])
    assert.equal(versionOf(name), undefined);
});

// --- shown paths ---

const users: Record<string, string> = { [COPY.a]: 'Ana', [COPY.b]: 'Ben', [COPY.c]: 'a/b:c' };
const userOf = (copy: string) => users[copy];
const claim = (id: string, path: string, origin: Origin | null = null, database = false): Claim => ({
  id,
  path,
  by: origin,
  database,
});

test('REG6 of things at one path the database stands, then the earlier; the others show derived names', () => {
  const shown = shownPaths(
    [
      claim('1', 'x.txt'),
      claim('2', 'X.txt', by('b', 1)),
      claim('3', 'x.TXT', by('b', 2)),
      claim('4', 'x.txt', by('a', 1, 9), true),
    ],
    userOf,
  );
  assert.deepEqual(Object.fromEntries(shown), {
    4: 'x.txt',
    1: 'x (another copy).txt',
    2: "X (Ben's copy).txt",
    3: "x (Ben's copy 2).TXT",
  });
});

test('REG6 nothing is shown inside a document', () => {
  const shown = shownPaths(
    [
      claim('1', 'a'),
      claim('2', 'a/b', by('a', 1)),
      claim('3', 'a/c', by('a', 2)),
      claim('4', 'd/e'),
      claim('5', 'd', by('c', 3)),
    ],
    userOf,
  );
  assert.deepEqual(Object.fromEntries(shown), {
    1: 'a',
    2: "a (Ana's copy)/b",
    3: "a (Ana's copy)/c",
    4: 'd/e',
    5: "d (a-b-c's copy)",
  });
});

test('REG7 whatever is claimed, shown paths are fit, unique, none in another, and the same in any order', () => {
  const name = fc.constantFrom('a', 'A', 'b', 'ä', 'a\u0308', 'x.txt', "a (Ana's copy)", 'n'.repeat(250));
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const origin = fc.option(
    fc.record({ copy: fc.constantFrom(...Object.values(COPY)), seq: fc.nat(9), stamp: fc.nat(3) }),
  );
  const claims = fc.array(fc.record({ path, by: origin, database: fc.boolean() }), { maxLength: 12 });
  fc.assert(
    fc.property(claims, fc.nat(), (list, turn) => {
      const all = list.map((one, index) => ({ ...one, id: `${index}` }));
      const shown = shownPaths(all, userOf);
      const rotated = [...all.slice(turn % (all.length || 1)), ...all.slice(0, turn % (all.length || 1))].reverse();
      assert.deepEqual(new Map([...shownPaths(rotated, userOf)].sort()), new Map([...shown].sort()));
      const folded = [...shown.values()].map(foldPath);
      assert.equal(new Set(folded).size, all.length);
      for (const each of shown.values()) assert.equal(pathFault(each), undefined, each);
      for (const each of folded)
        for (const folder of foldersOf(each)) assert.ok(!folded.includes(folder), `${each} in ${folder}`);
    }),
  );
});

// --- formats ---

test('REG8 contents and manifests come back as they were, and damaged ones are refused', () => {
  const many = {
    ...content('x'),
    size: 70_000,
    chunks: [
      { id: 'ab'.repeat(32), size: 50_000 },
      { id: 'cd'.repeat(32), size: 20_000 },
    ],
  };
  for (const one of [content(''), content('x'), many]) assert.deepEqual(decodeContent(encodeContent(one)), one);
  assert.ok(encodeContent(content('x')).length < 48);
  const documents: ManifestDocument[] = ['a.txt', 'b/ü.txt'].map((path) => ({ path, content: many, registered: true }));
  const databases = [{ path: 'l.db', id: '0'.repeat(16), settings: '{}', content: many, pageSize: 4096 }];
  const bytes = encodeManifest({ documents, databases });
  assert.deepEqual(decodeManifest(bytes), { documents, databases });
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const broken = Buffer.from(bytes);
      broken[at] = value;
      try {
        decodeManifest(broken);
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }),
    { numRuns: 300 },
  );
  for (let cut = 0; cut < bytes.length; cut += 7)
    assert.throws(() => decodeManifest(bytes.subarray(0, cut)), MalformedError);
});

test('REG9 a manifest with paths that are unfit or in each other’s way is refused', () => {
  for (const paths of [['../a'], ['/a'], ['a', 'A'], ['a', 'a/b'], ['ä', 'a\u0308'], ['.tieout/x'], ['NUL']]) {
    const documents = paths.map((path) => ({ path, content: content('x'), registered: true }));
    assert.throws(() => decodeManifest(encodeManifest({ documents, databases: [] })), MalformedError, paths.join());
  }
});

test('REG10 a manifest of 50,000 documents is small and quickly read', () => {
  const documents = Array.from({ length: 50_000 }, (_, n) => ({
    path: `clients/${n % 500}/document-${n}.txt`,
    content: content(`${n}`),
    registered: true,
  }));
  const bytes = encodeManifest({ documents, databases: [] });
  assert.ok(bytes.length < 5_000_000, `${bytes.length} bytes`);
  assert.equal(decodeManifest(bytes).documents.length, 50_000);
});
