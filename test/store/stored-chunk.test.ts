import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { sha256 } from '../../src/core/bytes.ts';
import { MAX_CHUNK } from '../../src/core/chunking.ts';
import { DamagedChunk, decodeChunk, encodeChunk, isIntact, MAX_STORED } from '../../src/store/stored-chunk.ts';

const sized = fc.integer({ min: 1, max: MAX_CHUNK });
const plainChunk = fc
  .tuple(sized, fc.constantFrom('random', 'text', 'zero', 'half'))
  .map(([size, kind]) =>
    kind === 'random'
      ? randomBytes(size)
      : kind === 'text'
        ? Buffer.alloc(size, '4010;Cash at bank;1,204.50\n')
        : kind === 'half'
          ? Buffer.concat([randomBytes(size >> 1), Buffer.alloc(size - (size >> 1), 'x')])
          : Buffer.alloc(size),
  );

test('CHK5 what is stored gives back the plain bytes, and is never longer than raw', () => {
  fc.assert(
    fc.property(plainChunk, (plain) => {
      const chunk = encodeChunk(plain);
      assert.equal(chunk.id, sha256(plain));
      assert.ok(isIntact(chunk) && chunk.bytes.length <= plain.length + 1);
      assert.ok(Buffer.from(decodeChunk(chunk.id, chunk.bytes, plain.length)).equals(plain));
      assert.ok(Buffer.from(decodeChunk(chunk.id, chunk.bytes)).equals(plain));
    }),
    { numRuns: 100 },
  );
  assert.ok(encodeChunk(Buffer.alloc(60_000, 'debit credit ')).bytes.length < 500);
  assert.ok(encodeChunk(randomBytes(MAX_CHUNK)).bytes.length <= MAX_STORED);
});

test('CHK6 a chunk that is not what its id or its hash says is refused by name', () => {
  const chunk = encodeChunk(Buffer.alloc(60_000, 'debit credit '));
  fc.assert(
    fc.property(fc.nat(chunk.bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Uint8Array.from(chunk.bytes);
      bytes[at] = (bytes[at] as number) ^ flip;
      assert.equal(isIntact({ ...chunk, bytes }), false);
      let plain: Uint8Array | undefined;
      try {
        plain = decodeChunk(chunk.id, bytes);
      } catch (error) {
        assert.ok(error instanceof DamagedChunk && error.id === chunk.id, String(error));
      }
      // Bits that zstd does not use may differ; the content may not.
      if (plain) assert.equal(sha256(plain), chunk.id);
    }),
    { numRuns: 300 },
  );
});

test('CHK7 arbitrary bytes are refused, and unpack to no more than a chunk', () => {
  const bomb = Buffer.concat([Buffer.of(1), zstdCompressSync(Buffer.alloc(512 * 1024 * 1024))]);
  assert.ok(bomb.length < 50_000);
  assert.throws(() => decodeChunk(sha256(bomb), bomb), DamagedChunk);
  const small = encodeChunk(Buffer.alloc(60_000));
  assert.throws(() => decodeChunk(small.id, small.bytes, 59_999), DamagedChunk);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1, 2), (tail, flag) => {
      const bytes = Buffer.concat([Buffer.of(flag), tail]);
      assert.throws(() => decodeChunk(sha256(bytes), bytes), DamagedChunk);
    }),
  );
  assert.throws(() => decodeChunk(sha256(bomb), new Uint8Array(0)), DamagedChunk);
});
