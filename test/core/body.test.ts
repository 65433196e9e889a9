import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Body, body, type DatabaseBody, namedRow, subjectOf, withSeen } from '../../src/core/body.ts';
import { madeId } from '../../src/core/change.ts';
import { decode, encode, MalformedError } from '../../src/core/codec.ts';
import { RowRef } from '../../src/core/value.ts';
import { bodies, vectors } from './values.ts';

const of = (ops: DatabaseBody['ops']): Body => ({
  kind: 'database',
  database: '00'.repeat(8),
  seen: null,
  mark: null,
  uses: [{ table: 'line', columns: ['id', 'amount'] }],
  ops,
});

test('CHG7 a body tells by its first bytes what it is about', () => {
  fc.assert(
    fc.property(bodies, (item) => {
      assert.equal(subjectOf(encode(body, item)), item.kind === 'database' ? item.database : '');
    }),
  );
});

test('CHG8 what a maker had seen is put into a body that was written without it', () => {
  fc.assert(
    fc.property(bodies, vectors, (item, seen) => {
      if (item.kind === 'registry') return;
      const without = encode(body, { ...item, seen: null });
      assert.deepEqual(decode(body, withSeen(without, seen)), { ...item, seen });
      assert.throws(() => withSeen(withSeen(without, seen), seen), MalformedError);
    }),
  );
});

test('CHG9 an op names only tables, columns and ops that its body has', () => {
  const wrong: DatabaseBody['ops'] = [
    { kind: 'delete', use: 1, row: 'k00' },
    { kind: 'insert', use: 0, row: null, values: [1n, 2n, 3n] },
    { kind: 'update', use: 0, row: 'k00', cells: [{ column: 2, value: 1n }] },
    { kind: 'number', use: 0, row: 'k00', column: 2, from: 1n, to: 2n, because: 'k00' },
    { kind: 'delete', use: 0, row: 'n1' },
    { kind: 'insert', use: 0, row: null, values: [new RowRef('n1')] },
    { kind: 'update', use: 0, row: 'k00', cells: [{ column: 0, value: new RowRef('n9') }] },
    { kind: 'number', use: 0, row: 'k00', column: 0, from: 1n, to: 2n, because: 'n1' },
  ];
  for (const op of wrong) {
    assert.throws(() => decode(body, encode(body, of([op]))), MalformedError, JSON.stringify(op.kind));
  }
  const right = of([{ kind: 'insert', use: 0, row: null, values: [new RowRef('n0'), 2n] }]);
  assert.deepEqual(decode(body, encode(body, right)), right);
});

test('CHG6 a row that a change makes is known to everybody else by that change', () => {
  const change = { copy: 'aa'.repeat(16), seq: 3 };
  assert.equal(namedRow('n4', change), `h${madeId(change, 4)}`);
  assert.equal(namedRow('k00', change), 'k00');
});
