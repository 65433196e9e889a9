import assert from 'node:assert/strict';
import test from 'node:test';
import { describe } from '../../src/cli/bar.ts';
import { Rate } from '../../src/cli/rate.ts';
import { amount, content, count, duration, plain, size } from '../../src/cli/text.ts';

test('CLI9 sizes, counts and durations are written for people', () => {
  const sizes = { 0: '0 B', 999: '999 B', 1000: '1.0 KB', 99949: '99.9 KB', 99950: '100 KB', 999499: '999 KB' };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(size(Number(bytes)), text);
  assert.deepEqual([999_500, 5e9, 2e15].map(size), ['1.0 MB', '5.0 GB', '2000 TB']);
  assert.deepEqual([0.2, 89, 90, 5400, 7500].map(duration), ['1 s', '89 s', '2 min', '1 h 30 min', '2 h 5 min']);
  assert.deepEqual([count(1, 'document'), count(2000, 'document')], ['1 document', '2,000 documents']);
  assert.equal(amount({ changes: 0, bytes: 0 }), 'nothing');
  assert.equal(amount({ changes: 1, bytes: 340 }), '1 change, 340 B');
});

test('CLI9 values that JSON spells out are shown as what they are', () => {
  assert.deepEqual(
    [null, 'a\nb', 12.5, { $integer: '9007199254740993' }, { $real: 'Infinity' }, { $blob: 'AAAA' }].map(content),
    ['(empty)', 'a↵b', '12.5', '9007199254740993', 'Infinity', '(3 B of data)'],
  );
  assert.equal(content({ no: 4010, name: 'Kasse' }), 'no=4010 name=Kasse');
  assert.equal(plain('Zahl\u2067'), 'Zahl\\u2067');
});

test('CLI10 a bar tells rate and time left from the last seconds', () => {
  const rate = new Rate();
  const told = (done: number) => ({
    phase: 'sending' as const,
    bytes: { done, total: 100_000_000 },
    documents: { done: 3, total: 2000 },
  });
  rate.add(0, 1000);
  assert.equal(describe(told(0), rate), 'Sending {bar} 0 %  0 B of 100 MB  3 of 2,000 documents');
  for (let second = 1; second <= 10; second++) rate.add(second * 1e6, 1000 + second * 1000);
  rate.add(20_000_000, 12_000);
  assert.equal(
    describe(told(20_000_000), rate),
    'Sending {bar} 20 %  20.0 MB of 100 MB  2.8 MB/s  29 s left  3 of 2,000 documents',
  );
  // Another phase counts from zero again.
  rate.add(5, 13_000);
  assert.equal(rate.perSecond, undefined);
});
