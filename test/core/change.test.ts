import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_HASH, sha256 } from '../../src/core/bytes.ts';
import { type Header, MissingDependency, madeId, signedBytes } from '../../src/core/change.ts';
import { newKey, readKey, signBytes, verifyBytes } from '../../src/platform/certificates.ts';
import { hexOf, vectors } from './values.ts';

const FILE = 'f1'.repeat(16);
const A = 'aa'.repeat(16);
const B = 'bb'.repeat(16);
const key = readKey(newKey());
const publicKey = createPublicKey(key);

/** A log as far as the hashes go. */
class Chain {
  readonly #hashes = new Map<string, string>();
  hashAt = (copy: string, seq: number): string | undefined => this.#hashes.get(`${copy}:${seq}`);
  add(header: Header): string {
    const hash = sha256(signedBytes(FILE, header, this.hashAt));
    this.#hashes.set(`${header.copy}:${header.seq}`, hash);
    return hash;
  }
}

const header = (over: Partial<Header> = {}): Header => ({
  copy: A,
  seq: 1,
  deps: new Map(),
  stamp: 7,
  body: sha256(Buffer.from('body')),
  size: 4,
  chain: [Buffer.from('certificate')],
  ...over,
});

/** One change of A on which B builds. */
const branch = (body: string): Chain => {
  const chain = new Chain();
  chain.add(header({ body: sha256(Buffer.from(body)) }));
  return chain;
};
const onTop = (seq: number): Header =>
  header({ copy: B, seq, deps: new Map([[A, 1]]), chain: seq === 1 ? [Buffer.from('certificate')] : null });

test('CHG1 every field of a header is signed', () => {
  const chain = branch('left');
  chain.add(onTop(1));
  const original: Header = {
    ...onTop(2),
    deps: new Map([
      [A, 1],
      [B, 1],
    ]),
  };
  const hash = sha256(signedBytes(FILE, original, chain.hashAt));
  const altered: Partial<Header>[] = [
    { copy: A },
    { seq: 1 },
    { stamp: 8 },
    { body: NO_HASH },
    { size: 5 },
    { chain: [] },
    { deps: new Map([[B, 1]]) },
  ];
  for (const change of altered) {
    assert.notEqual(sha256(signedBytes(FILE, { ...original, ...change }, chain.hashAt)), hash, JSON.stringify(change));
  }
});

test('CHG2 a change of one branch of a forked log never fits the other, be it the next or a dependant', () => {
  const [left, right] = [branch('left'), branch('right')];
  for (const next of [header({ seq: 2, deps: new Map([[A, 1]]), chain: null }), onTop(1)]) {
    const signature = signBytes(key, signedBytes(FILE, next, left.hashAt));
    assert(verifyBytes(publicKey, signedBytes(FILE, next, left.hashAt), signature));
    assert(!verifyBytes(publicKey, signedBytes(FILE, next, right.hashAt), signature));
  }
});

test('CHG10 a change is made for one file, and does not verify in another', () => {
  const signature = signBytes(
    key,
    signedBytes(FILE, header(), () => undefined),
  );
  const elsewhere = signedBytes('f2'.repeat(16), header(), () => undefined);
  assert(!verifyBytes(publicKey, elsewhere, signature));
});

test('CHG3 an altered byte anywhere, in what is signed or in the signature, is refused', () => {
  const signed = signedBytes(FILE, header(), () => undefined);
  const signature = signBytes(key, signed);
  fc.assert(
    fc.property(fc.nat(signed.length + 63), fc.integer({ min: 1, max: 255 }), (where, mask) => {
      const [bytes, proof] = [Buffer.from(signed), Buffer.from(signature)];
      if (where < bytes.length) bytes[where]! ^= mask;
      else proof[where - bytes.length]! ^= mask;
      assert(!verifyBytes(publicKey, bytes, proof));
    }),
    { numRuns: 200 },
  );
});

test('CHG4 what is signed does not depend on the order in which a vector was built, and names itself a change', () => {
  fc.assert(
    fc.property(vectors, (deps) => {
      const hashAt = (copy: string, seq: number): string => sha256(Buffer.from(`${copy}${seq}`));
      const turned = new Map([...deps].reverse());
      const bytes = signedBytes(FILE, header({ deps }), hashAt);
      assert.deepEqual(bytes, signedBytes(FILE, header({ deps: turned }), hashAt));
      assert.equal(Buffer.from(bytes).toString('latin1', 0, 16), 'tieout change 1\n');
    }),
  );
});

test('CHG5 nothing is signed or verified over a dependency that is not here', () => {
  assert.throws(() => signedBytes(FILE, onTop(1), () => undefined), MissingDependency);
  assert.throws(() => signedBytes(FILE, header({ seq: 2, chain: null }), () => undefined), MissingDependency);
});

test('CHG6 what an op makes has an id of its own, the same for everybody', () => {
  const seen = new Set<string>();
  const place = fc.tuple(hexOf(16), fc.integer({ min: 1, max: 1e9 }), fc.nat(1e6));
  fc.assert(
    fc.property(place, ([copy, seq, index]) => {
      const id = madeId({ copy, seq }, index);
      assert.match(id, /^[0-9a-f]{32}$/);
      assert.equal(madeId({ copy, seq }, index), id);
      seen.add(id);
    }),
  );
  assert(seen.size > 90);
  assert.notEqual(madeId({ copy: A, seq: 1 }, 2), madeId({ copy: A, seq: 2 }, 1));
});
