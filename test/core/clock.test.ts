import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_DRIFT_MS, nextStamp, observe, type Stamp, stampAt, stampMs } from '../../src/core/clock.ts';

const NOW = Date.UTC(2026, 0, 5);
const YEAR = 365 * 24 * 3_600_000;
const ms = fc.integer({ min: NOW - YEAR, max: NOW + YEAR });
const drift = fc.integer({ min: -MAX_DRIFT_MS, max: MAX_DRIFT_MS });

test('CLK1 own stamps rise while the machine clock jumps within the drift bound', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: MAX_DRIFT_MS - 1 })), (jumps) => {
      let last: Stamp = 0;
      for (const jump of jumps) {
        const stamp = nextStamp(last, NOW + jump);
        assert(stamp > last && Number.isSafeInteger(stamp));
        last = stamp;
      }
    }),
  );
});

test('CLK2 a stamp is wall time where it can be had, and above all that was taken over', () => {
  fc.assert(
    fc.property(ms, drift, (now, ahead) => {
      assert.equal(nextStamp(0, now), stampAt(now));
      const { last } = observe(stampAt(now), stampAt(now + ahead), now);
      assert(nextStamp(last, now) > stampAt(now + Math.max(0, ahead)) - 1);
      assert(nextStamp(last, now) > last);
    }),
  );
  assert.equal(stampMs(stampAt(NOW)), NOW);
});

test('CLK3 more stamps than one millisecond holds run over into the next', () => {
  let last = stampAt(NOW);
  for (let n = 0; n < 5000; n++) last = nextStamp(last, NOW);
  assert(stampMs(last) - NOW < 6);
});

test('CLK4 a stamp beyond the drift bound is told and not taken over', () => {
  fc.assert(
    fc.property(ms, fc.integer({ min: 1, max: YEAR }), (now, beyond) => {
      const wrong = stampAt(now + MAX_DRIFT_MS + beyond);
      assert.deepEqual(observe(stampAt(now), wrong, now), { last: stampAt(now), ahead: true });
      const edge = stampAt(now + MAX_DRIFT_MS);
      assert.deepEqual(observe(stampAt(now), edge, now), { last: edge, ahead: false });
    }),
  );
  assert(observe(0, Number.MAX_SAFE_INTEGER, NOW).ahead);
});

test('CLK5 a clock a year ahead and later corrected harms nobody, its own machine included', () => {
  const wrong = nextStamp(stampAt(NOW), NOW + YEAR);
  assert.equal(wrong, stampAt(NOW + YEAR));
  // The colleague goes on in its own time.
  const colleague = observe(stampAt(NOW), wrong, NOW);
  assert.deepEqual(colleague, { last: stampAt(NOW), ahead: true });
  assert(stampMs(nextStamp(colleague.last, NOW + 1000)) - NOW <= 1000);
  // And so does the machine itself, once its clock is right again.
  let own = nextStamp(wrong, NOW + 2000);
  assert.equal(own, stampAt(NOW + 2000));
  for (let n = 0; n < 10; n++) {
    const next = nextStamp(own, NOW + 2000 + n);
    assert(next > own);
    own = next;
  }
});
