import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../src/core/bytes.ts';
import { boundaries, MAX_CHUNK, MIN_CHUNK, NORMAL_CHUNK } from '../../src/core/chunking.ts';

/** Bytes without pattern, from a seed. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

function csv(length: number, seed: number): Uint8Array {
  const lines: string[] = [];
  for (let n = 0, size = 0; size < length; n++) {
    const line = `${n};${4000 + (n % 150)};${((n * 7919 + seed) % 100_000) / 100};adjusting entry\n`;
    lines.push(line);
    size += line.length;
  }
  return Buffer.from(lines.join('').slice(0, length), 'latin1');
}

const content = fc
  .tuple(
    fc.integer({ min: 0, max: 900_000 }),
    fc.integer({ min: 1, max: 1e9 }),
    fc.constantFrom('noise', 'csv', 'zero'),
  )
  .map(([length, seed, kind]) =>
    kind === 'noise' ? noise(length, seed) : kind === 'csv' ? csv(length, seed) : new Uint8Array(length),
  );

const pieces = (bytes: Uint8Array) => {
  let start = 0;
  return boundaries(bytes, 0, bytes.length, true).map((end) => {
    const piece = bytes.subarray(start, end);
    start = end;
    return piece;
  });
};
const runs = { numRuns: 60 };

test('CHK1 chunks joined are the content, none smaller than the least size but the last, none above the greatest', () => {
  fc.assert(
    fc.property(content, (bytes) => {
      const cut = pieces(bytes);
      assert.ok(Buffer.concat(cut).equals(bytes));
      for (const [at, piece] of cut.entries()) {
        assert.ok(piece.length > 0 && piece.length <= MAX_CHUNK);
        if (at < cut.length - 1) assert.ok(piece.length > MIN_CHUNK);
      }
    }),
    runs,
  );
});

test('CHK2 the cuts do not depend on the pieces in which a content arrives', () => {
  fc.assert(
    fc.property(content, fc.array(fc.integer({ min: 4000, max: 400_000 }), { minLength: 1 }), (bytes, steps) => {
      const whole = boundaries(bytes, 0, bytes.length, true);
      const streamed: number[] = [];
      let arrived = 0;
      for (let step = 0; arrived < bytes.length; step++) {
        arrived = Math.min(bytes.length, arrived + (steps[step % steps.length] as number));
        streamed.push(...boundaries(bytes, streamed.at(-1) ?? 0, arrived, arrived === bytes.length));
      }
      assert.deepEqual(streamed, whole);
    }),
    runs,
  );
});

test('CHK3 an insertion changes only the chunks around it', () => {
  const where = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), where, fc.integer({ min: 1, max: 300 }), (seed, share, count) => {
      const bytes = noise(3_000_000, seed);
      const at = Math.floor(share * bytes.length);
      const edited = Buffer.concat([bytes.subarray(0, at), noise(count, seed + 1), bytes.subarray(at)]);
      const before = new Set(pieces(bytes).map(sha256));
      const fresh = pieces(edited).filter((piece) => !before.has(sha256(piece)));
      assert.ok(fresh.length <= 6, `${fresh.length} chunks are new`);
    }),
    { numRuns: 25 },
  );
});

test('CHK4 the cuts are part of the format: the same on every machine and in every version', () => {
  const cuts = boundaries(noise(1_000_000, 42), 0, 1_000_000, true);
  assert.ok(cuts.length > 1_000_000 / (2 * NORMAL_CHUNK));
  assert.equal(sha256(Buffer.from(cuts.join())), '25b08d0de41f84b88ed65d4268749335a80a9750ea60e76ba79d11855b665323');
});
