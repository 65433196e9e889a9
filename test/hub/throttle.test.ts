import assert from 'node:assert/strict';
import { test } from 'node:test';
import { throttle } from '../../src/hub/throttle.ts';

test('ENR9 a caller that was wrong too often is not heard for a while, and others are', () => {
  const tries = throttle({ tries: 3, withinMs: 1000 });
  for (let n = 0; n < 3; n++) {
    assert(!tries.blocked('10.0.0.1', n));
    tries.wrong('10.0.0.1', n);
  }
  assert(tries.blocked('10.0.0.1', 999));
  assert(!tries.blocked('10.0.0.2', 999));
  assert(!tries.blocked('10.0.0.1', 1000));
});

test('ENR9 one IPv6 network is one caller, and IPv4 is known in IPv6 dress', () => {
  const same: [string, string, boolean][] = [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:0:5::', true],
    ['::1', '::2', true],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2', false],
  ];
  for (const [one, other, expected] of same) {
    const tries = throttle({ tries: 1, withinMs: 1000 });
    tries.wrong(one, 0);
    assert.equal(tries.blocked(other, 0), expected, `${one} ${other}`);
  }
});

test('ENR9 a flood from everywhere does not fill the memory', () => {
  const tries = throttle({ tries: 1, withinMs: 1000 });
  for (let n = 0; n < 10_001; n++) tries.wrong(`${n >> 8}.${n & 255}.0.1`, 0);
  assert(!tries.blocked('0.0.0.1', 0));
  assert(tries.blocked('0.1.0.1', 0));
});
