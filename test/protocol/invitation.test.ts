import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asHubUrl, type Invitation, readInvitation, writeInvitation } from '../../src/protocol/invitation.ts';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) => Buffer.from(all).toString('hex'));
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.domain(),
);
const url = fc
  .tuple(host, fc.integer({ min: 1, max: 65_535 }))
  .map(([name, port]) => asHubUrl(`https://${name}:${port}`))
  .filter((text) => text !== undefined);
const invitation: fc.Arbitrary<Invitation> = fc.record(
  {
    office: hex(32),
    id: hex(8),
    secret: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((all) => Uint8Array.from(all)),
    urls: fc.uniqueArray(url, { minLength: 1, maxLength: 8 }),
  },
  { noNullPrototype: true },
);

test('ENR1 an invitation is one string that comes back as it was', () => {
  fc.assert(
    fc.property(invitation, (given) => {
      const text = writeInvitation(given);
      assert.match(text, /^tieout1[A-Za-z0-9_-]+$/);
      assert.deepEqual(readInvitation(text), given);
    }),
  );
});

test('ENR1 mail programs may break it into lines', () => {
  fc.assert(
    fc.property(invitation, fc.integer({ min: 1, max: 80 }), (given, width) => {
      const lines = writeInvitation(given).match(new RegExp(`.{1,${width}}`, 'g'))!;
      assert.deepEqual(readInvitation(`  ${lines.join('\r\n  ')}\n`), given);
    }),
  );
});

test('ENR2 a mistyped, shortened or lengthened one is recognised', () => {
  const letter = fc.constantFrom(...'ABCXYZabcxyz0189-_');
  const mistake = fc.constantFrom('replace', 'omit', 'insert', 'swap', 'cut');
  fc.assert(
    fc.property(invitation, mistake, fc.nat(), letter, (given, kind, where, other) => {
      const text = writeInvitation(given);
      const at = 7 + (where % (text.length - 7));
      const mistaken = {
        replace: text.slice(0, at) + other + text.slice(at + 1),
        omit: text.slice(0, at) + text.slice(at + 1),
        insert: text.slice(0, at) + other + text.slice(at),
        swap: text.slice(0, at) + (text[at + 1] ?? '') + text[at]! + text.slice(at + 2),
        cut: text.slice(0, at),
      }[kind];
      fc.pre(mistaken !== text);
      assert('unreadable' in readInvitation(mistaken));
    }),
    { numRuns: 500 },
  );
});

test('ENR2 anything else is unreadable, and never throws', () => {
  const anything = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.base64String().map((text) => `tieout1${text}`),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => `tieout1${Buffer.from(bytes).toString('base64url')}`),
  );
  fc.assert(fc.property(anything, (text) => assert('unreadable' in readInvitation(text))));
  assert.match((readInvitation('tieout2abc') as { unreadable: string }).unreadable, /another version/);
});

test('ENR1 addresses have one form', () => {
  const forms: [string, string | undefined][] = [
    ['https://10.0.0.7:7443', 'https://10.0.0.7:7443'],
    ['https://HUB.Office.lan', 'https://hub.office.lan:443'],
    ['https://[FE80::1]:1', 'https://[fe80::1]:1'],
    ['http://10.0.0.7:7443', undefined],
    ['https://user@hub:1', undefined],
    ['https://hub:1/path', undefined],
    ['https://hub:1/?q', undefined],
    ['https://hub:99999', undefined],
    ['hub:1', undefined],
    ['', undefined],
  ];
  for (const [text, url] of forms) assert.equal(asHubUrl(text), url, text);
});
