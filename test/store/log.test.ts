import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../src/core/bytes.ts';
import { type Header, SIGNATURE_BYTES, signedBytes } from '../../src/core/change.ts';
import { Impossible, ProblemError } from '../../src/core/problem.ts';
import { at, type Vector } from '../../src/core/vector.ts';
import { LOG_SCHEMA, Log } from '../../src/store/log.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';
import { copyId, FILE, tempFolder, text } from './stores.ts';

const root = tempFolder();
const open = (name = ':memory:') =>
  openStore(name === ':memory:' ? name : join(root, name), { schema: LOG_SCHEMA, synchronous: 'FULL' });

/** A change as it follows on what the log holds; nobody here looks at signatures. */
function next(log: Log, letter: string, deps: Vector = log.vector(), content = `${letter} writes`) {
  const copy = copyId(letter);
  const seq = at(log.vector(), copy) + 1;
  const bytes = text(content);
  const header: Header = {
    copy,
    seq,
    deps,
    stamp: 1000 + seq,
    body: sha256(bytes),
    size: bytes.byteLength,
    chain: seq === 1 ? [text('certificate')] : null,
  };
  const hash = sha256(signedBytes(FILE, header, (of, number) => log.hashAt(of, number)));
  return { ...header, hash, signature: new Uint8Array(SIGNATURE_BYTES), content: { kind: 'inline' as const, bytes } };
}

/** Letters in the order in which they write; each sees all that came before. */
function write(log: Log, db: ReturnType<typeof open>, letters: string, subject: string | null = null): void {
  for (const letter of letters) transaction(db, () => log.insert(next(log, letter), subject));
}

const order = (changes: readonly { copy: string; seq: number }[]): string =>
  changes.map(({ copy, seq }) => `${Buffer.from(copy, 'hex').toString()[0]}${seq}`).join(' ');

test('LOG1 a log has no gaps, and a change comes after all that it depends on', () => {
  const db = open();
  const log = new Log(db);
  write(log, db, 'ab');
  const gap = { ...next(log, 'a'), seq: 3 };
  assert.throws(() => transaction(db, () => log.insert(gap, null)), Impossible);
  const early = {
    ...next(log, 'a'),
    deps: new Map([
      [copyId('a'), 1],
      [copyId('b'), 2],
    ]),
  };
  assert.throws(() => transaction(db, () => log.insert(early, null)), Impossible);
  log.reload();
  assert.equal(order(log.after(new Map())), 'a1 b1');
});

test('LOG2 what a replica lacks comes in a causal order, wherever it stands', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 20 });
  const stand = fc.record({ a: fc.nat(8), b: fc.nat(8), c: fc.nat(8) });
  fc.assert(
    fc.property(letters, stand, fc.integer({ min: 1, max: 30 }), (written, has, limit) => {
      const db = open();
      const log = new Log(db);
      write(log, db, written.join(''));
      const vector = new Map(Object.entries(has).map(([letter, seq]) => [copyId(letter), seq]));
      const lacking = log.after(new Map()).filter(({ copy, seq }) => at(vector, copy) < seq);
      assert.equal(order(log.after(vector, { limit })), order(lacking.slice(0, limit)));
      const amount = log.amountAfter(vector);
      assert.equal(amount.changes, lacking.length);
      assert.equal(
        amount.bytes,
        lacking.reduce((sum, { size }) => sum + size, 0),
      );
      db.close();
    }),
    { numRuns: 60 },
  );
});

test('LOG3 no more is read than was asked for, by number or by bytes', () => {
  const db = open();
  const log = new Log(db);
  write(log, db, 'abababab');
  assert.equal(order(log.after(new Map(), { limit: 3 })), 'a1 b1 a2');
  assert.equal(log.after(new Map(), { bytes: 1 }).length, 1);
  assert.equal(log.after(new Map(), { bytes: 17 }).length, 3);
});

test('LOG4 the changes on one database are found among those on others', () => {
  const db = open();
  const log = new Log(db);
  write(log, db, 'ab', 'x');
  write(log, db, 'aa', '');
  write(log, db, 'b', 'x');
  assert.equal(order(log.after(new Map(), { subject: 'x' })), 'a1 b1 b2');
  assert.equal(order(log.after(new Map(), { subject: '' })), 'a2 a3');
  assert(
    log.concerns(
      new Map([
        [copyId('a'), 3],
        [copyId('b'), 1],
      ]),
      'x',
    ),
  );
  assert(
    !log.concerns(
      new Map([
        [copyId('a'), 1],
        [copyId('b'), 2],
      ]),
      'x',
    ),
  );
});

test('LOG5 a log that is opened again is what it was', () => {
  const db = open('again.db');
  const log = new Log(db);
  write(log, db, 'abcabca', 'x');
  const [all, tips] = [log.after(new Map()), log.tips()];
  db.close();
  const other = open('again.db');
  const reopened = new Log(other);
  assert.deepEqual(reopened.after(new Map()), all);
  assert.deepEqual(reopened.tips(), tips);
  assert.deepEqual(reopened.depsOf(copyId('a'), 3), log.depsOf(copyId('a'), 3));
  assert.deepEqual([...reopened.damaged(FILE, () => true)], []);
  write(reopened, other, 'b');
  assert.equal(at(reopened.vector(), copyId('b')), 3);
  other.close();
});

test('LOG6 a damaged record is named by whoever reads it, and never handed out', () => {
  const named = (error: unknown): boolean =>
    error instanceof ProblemError && /change \d+ of copy 6161/.test(error.problem.text);
  const damage = (what: string, n: number) => {
    const db = open();
    const log = new Log(db);
    write(log, db, 'abab', 'x');
    db.exec(`UPDATE change SET ${what} WHERE n = ${n}`);
    return db;
  };
  const bytes = ['deps', 'hash', 'signature', 'body'].map((name) => `${name} = CAST(${name} || '!' AS BLOB)`);
  for (const what of [...bytes, 'stamp = stamp + 1', 'stamp = -1', 'size = size - 1', "subject = 'y'"]) {
    const db = damage(what, 1);
    const log = new Log(db);
    assert.throws(() => log.after(new Map()), named, what);
    assert.throws(() => log.get({ copy: copyId('a'), seq: 1 }), named, what);
    assert.equal(order([...log.damaged(FILE, () => true)]).split(' ')[0], 'a1', what);
    assert.equal(order(log.after(new Map([[copyId('a'), 1]]))), 'b1 a2 b2');
    db.close();
    assert.throws(() => new Log(damage(what, 3)), named, what);
  }
  assert.throws(() => new Log(damage('seq = 100', 1)), named);
});

test('LOG7 a signature that is not the maker’s is found by whoever checks the log', () => {
  const db = open();
  const log = new Log(db);
  write(log, db, 'ab');
  assert.equal(order([...log.damaged(FILE, ({ copy }) => copy !== copyId('b'))]), 'b1');
});

test('LOG8 what was rolled back is not in memory either', () => {
  const db = open();
  const log = new Log(db);
  write(log, db, 'a');
  assert.throws(
    () =>
      transaction(db, () => {
        log.insert(next(log, 'a'), null);
        log.insert(next(log, 'b'), null);
        throw new Error('on purpose');
      }),
    /on purpose/,
  );
  log.reload();
  assert.equal(order(log.after(new Map())), 'a1');
  assert.equal(log.hashAt(copyId('a'), 2), undefined);
  write(log, db, 'ba');
  assert.equal(order(log.after(new Map())), 'a1 b1 a2');
});

test('LOG9 own changes that nobody has are taken back, up to all of them', () => {
  const db = open();
  const log = new Log(db);
  write(log, db, 'aba');
  transaction(db, () =>
    log.withdraw(
      new Map([
        [copyId('a'), 1],
        [copyId('b'), 1],
      ]),
    ),
  );
  assert.equal(order(log.after(new Map())), 'a1 b1');
  write(log, db, 'ac');
  transaction(db, () =>
    log.withdraw(
      new Map([
        [copyId('a'), 2],
        [copyId('b'), 1],
      ]),
    ),
  );
  assert.equal(log.chain(copyId('c')), undefined);
  write(log, db, 'c');
  assert.equal(order(log.after(new Map())), 'a1 b1 a2 c1');
});
