import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asName } from '../../src/core/name.ts';

test('CRT6 a name is one readable line of at most 64 characters, in one normal form', () => {
  const names: [string, string | undefined][] = [
    ['ana', 'ana'],
    ['  ana lópez ', 'ana lópez'],
    ['Zoe\u0308', 'Zoë'],
    ['日本 語', '日本 語'],
    ['x'.repeat(64), 'x'.repeat(64)],
    ['x'.repeat(65), undefined],
    ['', undefined],
    ['   ', undefined],
    ['ana\nben', undefined],
    ['ana\0', undefined],
    ['a\u202eneb', undefined],
    ['a\u200bna', undefined],
    ['\ud800', undefined],
  ];
  for (const [text, name] of names) assert.equal(asName(text), name, JSON.stringify(text));
});
