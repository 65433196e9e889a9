import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Body } from '../../src/core/body.ts';
import { madeId } from '../../src/core/change.ts';
import { reissued, renamedChange, renamedVector } from '../../src/core/reissue.ts';
import { rowOfKey } from '../../src/core/tables.ts';
import { RowRef } from '../../src/core/value.ts';

const OLD = 'a'.repeat(32);
const NEW = 'b'.repeat(32);
const OTHER = 'c'.repeat(32);
const renamings = [{ from: OLD, to: NEW, after: 2 }];

const uses = [{ table: 'line', columns: ['id', 'entry', 'amount'] }];
const database = (
  ops: Extract<Body, { kind: 'database' }>['ops'],
  seen: ReadonlyMap<string, number> | null = null,
): Body => ({
  kind: 'database',
  database: '00'.repeat(8),
  seen,
  mark: { id: 7, nonce: 1n },
  uses,
  ops,
});
const opsOf = (body: Body | undefined) => (body?.kind === 'database' ? body.ops : assert.fail('not a database body'));

describe('own changes under another copy id', () => {
  test('REN1 only what comes after the shared number is renamed, and counts from 1', () => {
    assert.deepEqual(renamedChange({ copy: OLD, seq: 2 }, renamings), { copy: OLD, seq: 2 });
    assert.deepEqual(renamedChange({ copy: OLD, seq: 3 }, renamings), { copy: NEW, seq: 1 });
    assert.deepEqual(renamedChange({ copy: OTHER, seq: 9 }, renamings), { copy: OTHER, seq: 9 });
    assert.deepEqual(
      renamedVector(new Map([[OLD, 5]]), renamings),
      new Map([
        [OLD, 2],
        [NEW, 3],
      ]),
    );
    assert.deepEqual(renamedVector(new Map([[OLD, 2]]), renamings), new Map([[OLD, 2]]));
    assert.deepEqual(renamedVector(new Map([[OLD, 3]]), [{ ...renamings[0]!, after: 0 }]), new Map([[NEW, 3]]));
  });

  test('REN2 what a change had seen is written out, because it is no longer what the change depends on', () => {
    const deps = new Map([
      [OLD, 2],
      [OTHER, 4],
    ]);
    const [first] = reissued([{ copy: OLD, seq: 3, deps, body: database([]) }], renamings);
    assert.deepEqual(first?.kind === 'database' && first.seen, deps);
    const [seen] = reissued(
      [{ copy: OLD, seq: 3, deps: new Map([[OLD, 4]]), body: database([], new Map([[OLD, 3]])) }],
      renamings,
    );
    assert.deepEqual(
      seen?.kind === 'database' && seen.seen,
      new Map([
        [OLD, 2],
        [NEW, 1],
      ]),
    );
  });

  test('REN3 a row that the moved change made is meant by its new id in every later one, inside keys and references too', () => {
    const made = `h${madeId({ copy: OLD, seq: 3 }, 0)}`;
    const now = `h${madeId({ copy: NEW, seq: 1 }, 0)}`;
    const insert = database([{ kind: 'insert', use: 0, row: null, values: [1n, null, 5n] }]);
    const later = database([
      { kind: 'update', use: 0, row: made, cells: [{ column: 2, value: 6n }] },
      { kind: 'insert', use: 0, row: null, values: [2n, new RowRef(made), 1n] },
      { kind: 'delete', use: 0, row: rowOfKey([new RowRef(made), 'x']) },
      { kind: 'number', use: 0, row: made, column: 0, from: 1n, to: 9n, because: made },
    ]);
    const [, second] = reissued(
      [
        { copy: OLD, seq: 3, deps: new Map(), body: insert },
        { copy: OLD, seq: 4, deps: new Map([[OLD, 3]]), body: later },
      ],
      renamings,
    );
    const [update, added, removed, number] = opsOf(second);
    assert.equal(update?.row, now);
    assert.deepEqual(added?.kind === 'insert' && added.values[1], new RowRef(now));
    assert.equal(removed?.row, rowOfKey([new RowRef(now), 'x']));
    assert.equal(number?.kind === 'number' && number.because, now);
  });

  test('REN4 a registry write replaces the moved writes by their new names', () => {
    const over = [
      { copy: OLD, seq: 1 },
      { copy: OLD, seq: 3 },
      { copy: OTHER, seq: 3 },
    ];
    const body: Body = {
      kind: 'registry',
      ops: [
        { kind: 'set', table: 'documents', row: 'd', cells: [{ column: 'path', value: 'a.txt', over }] },
        { kind: 'remove', table: 'documents', row: 'e', over },
      ],
    };
    const [moved] = reissued([{ copy: OLD, seq: 3, deps: new Map(), body }], renamings);
    const renamed = [
      { copy: OLD, seq: 1 },
      { copy: NEW, seq: 1 },
      { copy: OTHER, seq: 3 },
    ];
    assert.ok(moved?.kind === 'registry');
    const [set, remove] = moved.ops;
    assert.deepEqual(set?.kind === 'set' && set.cells[0]?.over, renamed);
    assert.deepEqual(remove?.kind === 'remove' && remove.over, renamed);
  });
  test('REN8 whose it is a copy says of itself again, and a retirement stays that of the former id', () => {
    const cells = (column: string) => [{ column, value: 'x', over: [] }];
    const body: Body = {
      kind: 'registry',
      ops: [OLD, OTHER].flatMap((row) => [
        { kind: 'set', table: 'copies', row, cells: cells('user') },
        { kind: 'set', table: 'copies', row, cells: cells('retired') },
      ]),
    };
    const [moved] = reissued([{ copy: OLD, seq: 3, deps: new Map(), body }], renamings);
    assert.deepEqual(
      moved?.ops.map((op) => 'row' in op && op.row),
      [NEW, OLD, OTHER, OTHER],
    );
  });
});
