import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { body } from '../../src/core/body.ts';
import {
  blob,
  bool,
  type Codec,
  decode,
  encode,
  hex,
  list,
  MalformedError,
  optional,
  Reader,
  struct,
  text,
  union,
  varint,
  Writer,
} from '../../src/core/codec.ts';
import { vectorCodec } from '../../src/core/vector.ts';
import { character } from './characters.ts';
import { bodies, integers, mutated, vectors } from './values.ts';

const runs = { numRuns: 300 };
const malformed = (act: () => unknown): void => assert.throws(act, MalformedError);
const bytes = (...items: number[]): Uint8Array => Uint8Array.from(items);

test('COD1 what was written is read back', () => {
  fc.assert(
    fc.property(bodies, (item) => {
      assert.deepEqual(decode(body, encode(body, item)), item);
    }),
    runs,
  );
  const numbers = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 49, 2 ** 53 - 1));
  fc.assert(fc.property(numbers, (item) => assert.equal(decode(varint(), encode(varint(), item)), item)));
  fc.assert(
    fc.property(integers, (item) => {
      const to = new Writer(1);
      to.bigint(item);
      assert.equal(new Reader(to.finish()).bigint(), item);
    }),
  );
});

test('COD2 every value has one form: what is read, written again, is the same bytes', () => {
  const canonical = (codec: Codec<unknown>, altered: Uint8Array): void => {
    let item: unknown;
    try {
      item = decode(codec, altered);
    } catch (error) {
      assert(error instanceof MalformedError, `${error}`);
      return;
    }
    assert.deepEqual(Buffer.from(encode(codec, item)), Buffer.from(altered));
  };
  const nearBodies = mutated(bodies.map((item) => encode(body, item)));
  fc.assert(
    fc.property(nearBodies, (altered) => canonical(body as Codec<unknown>, altered)),
    { numRuns: 3000 },
  );
  const nearVectors = mutated(vectors.map((item) => encode(vectorCodec, item)));
  fc.assert(
    fc.property(nearVectors, (altered) => canonical(vectorCodec as Codec<unknown>, altered)),
    runs,
  );
  malformed(() => decode(varint(), bytes(0x80, 0)));
  malformed(() => new Reader(bytes(0x80, 0)).bigint());
  malformed(() => new Reader(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02)).bigint());
});

test('COD3 no bytes at all break the reader', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      try {
        decode(body, noise);
      } catch (error) {
        assert(error instanceof MalformedError, `${error}`);
      }
    }),
    { numRuns: 3000 },
  );
});

test('COD4 nothing is set aside for a length that cannot be true', () => {
  const before = process.memoryUsage().arrayBuffers;
  malformed(() => decode(list(varint(), 1e9), bytes(0xff, 0xff, 0xff, 0x7f)));
  malformed(() => decode(blob(1e9), bytes(0xff, 0xff, 0xff, 0x7f, 1, 2)));
  malformed(() => decode(text(1e9), bytes(0xff, 0xff, 0xff, 0x7f)));
  assert(process.memoryUsage().arrayBuffers - before < 1e6);
});

test('COD5 a limit holds for who writes as for who reads', () => {
  const limited: [Codec<never>, unknown, Uint8Array][] = [
    [varint(9) as never, 10, bytes(10)],
    [text(2) as never, 'abc', bytes(3, 97, 98, 99)],
    [text(2) as never, '€', bytes(3, 0xe2, 0x82, 0xac)],
    [blob(2) as never, bytes(1, 2, 3), bytes(3, 1, 2, 3)],
    [list(bool, 1) as never, [true, true], bytes(2, 1, 1)],
  ];
  for (const [codec, item, written] of limited) {
    assert.throws(() => encode(codec, item as never), RangeError);
    malformed(() => decode(codec, written));
  }
  for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN]) assert.throws(() => encode(varint(), wrong), RangeError);
  for (const wrong of ['', '00', 'zz'.repeat(2), '0000f', '00000']) {
    assert.throws(() => encode(hex(2), wrong), RangeError);
  }
});

test('COD6 text is Unicode, exactly: no half characters, no bytes that are not UTF-8', () => {
  const any = text(1000);
  fc.assert(fc.property(fc.string({ unit: character }), (item) => assert.equal(decode(any, encode(any, item)), item)));
  for (const half of ['\ud800', 'a\udc00b', '\udc00\ud800']) assert.throws(() => encode(any, half), RangeError);
  for (const wrong of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]]) {
    malformed(() => decode(any, bytes(wrong.length, ...wrong)));
  }
});

test('COD7 what is left over, cut short or of an unknown kind is refused', () => {
  const shape = union({ a: 1, b: 7 }, { a: struct({ n: varint() }), b: struct({ flag: optional(bool) }) });
  const good = encode(shape, { kind: 'b', flag: true });
  assert.deepEqual(decode(shape, good), { kind: 'b', flag: true });
  malformed(() => decode(shape, Buffer.concat([good, bytes(0)])));
  for (let length = 0; length < good.length; length++) malformed(() => decode(shape, good.subarray(0, length)));
  malformed(() => decode(shape, bytes(2, 0)));
  malformed(() => decode(bool, bytes(2)));
  assert.throws(() => union({ a: 1, b: 1 }, { a: bool, b: bool }), RangeError);
});

test('COD8 bytes that were handed out are not touched by later writing', () => {
  const to = new Writer(4);
  to.text('abc');
  const first = to.finish();
  to.text('x'.repeat(100));
  assert.deepEqual(Buffer.from(first), Buffer.from([3, 97, 98, 99]));
});
