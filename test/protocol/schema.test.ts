import assert from 'node:assert/strict';
import { test } from 'node:test';
import { body } from '../../src/core/body.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { chainCodec, type Header, partsCodec, signedBytes } from '../../src/core/change.ts';
import { encode, list } from '../../src/core/codec.ts';
import { RawText, RowRef, type Value, value } from '../../src/core/value.ts';
import { vectorCodec } from '../../src/core/vector.ts';
import { VERSIONS } from '../../src/protocol/limits.ts';
import { message } from '../../src/protocol/messages.ts';

/**
 * A hash that differs here means that bytes on the wire or on disk differ. Old ones can then no longer be read: it
 * needs a new version (VERSIONS, the first line of what is signed, the kind of a body) beside the old, and its hash here.
 */
const EXPECTED = {
  protocol: { version: 4, hash: '6f7e40ddb5c73dea' },
  signed: { version: 'tieout change 1', hash: 'd3e71d5eb02e13be' },
  body: { kinds: '1=database, 2=registry', hash: 'e536c22c9a1bb8c3' },
  stored: { hash: 'c9b1ec230e4bf70f' },
  values: { hash: '45bd304feaf5bf13' },
};
const hashOf = (text: string | Uint8Array): string => sha256(Buffer.from(text as never)).slice(0, 16);

test('COD14 the wire does not change its form without a new version', () => {
  assert.deepEqual({ version: VERSIONS[0], hash: hashOf(message.schema) }, EXPECTED.protocol);
});

test('COD14 what is signed does not change its form', () => {
  const header: Header = {
    copy: '0a'.repeat(16),
    seq: 300,
    deps: new Map([
      ['0b'.repeat(16), 7],
      ['0a'.repeat(16), 299],
      ['01'.repeat(16), 2 ** 40],
    ]),
    stamp: 1_767_571_200_000 * 1024,
    body: '22'.repeat(32),
    size: 70_000,
    chain: [Uint8Array.of(1, 2, 3)],
  };
  const bytes = signedBytes('0f'.repeat(16), header, (copy, seq) => sha256(Buffer.from(`${copy} ${seq}`)));
  const version = Buffer.from(bytes).toString('latin1').split('\n')[0];
  assert.deepEqual({ version, hash: hashOf(bytes) }, EXPECTED.signed);
});

test('COD14 bodies and what the log keeps do not change their form', () => {
  const kinds = [...body.schema.matchAll(/[<|](\d+=(?:database|registry)):/g)].map((found) => found[1]).join(', ');
  assert.deepEqual({ kinds, hash: hashOf(body.schema) }, EXPECTED.body);
  const stored = [vectorCodec, partsCodec, chainCodec].map(({ schema }) => schema).join('\n');
  assert.deepEqual({ hash: hashOf(stored) }, EXPECTED.stored);
});

test('COD14 values do not change their form', () => {
  const items: Value[] = [
    null,
    0n,
    -1n,
    300n,
    2n ** 51n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    -0,
    0.1,
    'é\0😀',
    Uint8Array.of(0, 255),
    new RawText(Uint8Array.of(0xff)),
    new RowRef('k0102'),
    new RowRef(`h${'0f'.repeat(16)}`),
    new RowRef('n300'),
  ];
  assert.deepEqual({ hash: hashOf(encode(list(value, 100), items)) }, EXPECTED.values);
});
