/** Any character that text can hold. As fast-check's own (`binary`), without its table of all of them: a second of work. */
import fc from 'fast-check';

const HALVES = { from: 0xd800, count: 0x800 };

export const character: fc.Arbitrary<string> = fc.nat(0x10ffff - HALVES.count).map(
  (place) => String.fromCodePoint(place < HALVES.from ? place : place + HALVES.count),
  (text) => {
    const code = typeof text === 'string' ? text.codePointAt(0) : undefined;
    if (code === undefined || String.fromCodePoint(code) !== text) throw new TypeError('not one character');
    if (code >= HALVES.from && code < HALVES.from + HALVES.count) throw new TypeError('half a character');
    return code < HALVES.from ? code : code - HALVES.count;
  },
);
