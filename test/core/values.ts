/** Everything that a cell can hold, and bodies made of it, for property tests. */
import fc from 'fast-check';
import type { Body, DatabaseBody, DatabaseOp } from '../../src/core/body.ts';
import { RawText, RowRef, type Value } from '../../src/core/value.ts';
import { character } from './characters.ts';

function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>;
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Uint8Array.from(array));

export const hexOf = (count: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: count, maxLength: count }).map((array) => Buffer.from(array).toString('hex'));

export const rowIds: fc.Arbitrary<string> = fc.oneof(
  hexOf(16).map((id) => `h${id}`),
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map((key) => `k${Buffer.from(key).toString('hex')}`),
  fc.nat(1_000_000).map((index) => `n${index}`),
);

export const integers: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 53n) - 3n, max: 2n ** 53n + 3n }),
  fc.integer().map(BigInt),
  fc.constantFrom(...[7, 14, 49, 50, 51, 52, 53, 56, 62, 63].flatMap((bits) => around(2n ** BigInt(bits)))),
);

function around(edge: bigint): bigint[] {
  const all = [edge - 1n, edge, edge + 1n, -edge + 1n, -edge, -edge - 1n];
  return all.filter((item) => BigInt.asIntN(64, item) === item);
}

export const values: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  integers,
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 5e-324, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.string({ unit: character, maxLength: 30 }),
  fc.constantFrom('', '\0', 'a\0b', '\u{10FFFF}', '😀', '\ufeffx', '\ufffd', 'é', 'e\u0301'),
  bytes,
  bytes.map((raw) => new RawText(raw)),
  rowIds.map((row) => new RowRef(row)),
);

export const vectors: fc.Arbitrary<Map<string, number>> = fc
  .array(fc.tuple(hexOf(16), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })), { maxLength: 6 })
  .map((pairs) => new Map(pairs));

// One in 300,000 of these is longer than the codec allows names to be, which is 64 bytes where it is least.
const names = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => Buffer.byteLength(name) <= 64);
const index = fc.nat(20);

const over = fc.array(record({ copy: hexOf(16), seq: fc.nat() }), { maxLength: 3 });

const uses = fc.array(record({ table: names, columns: fc.array(names, { minLength: 1, maxLength: 4 }) }), {
  minLength: 1,
  maxLength: 3,
});
const ops = fc.array(
  fc.oneof(
    record({
      kind: fc.constant('insert' as const),
      use: index,
      row: fc.option(rowIds),
      values: fc.array(values, { maxLength: 4 }),
    }),
    record({
      kind: fc.constant('update' as const),
      use: index,
      row: rowIds,
      cells: fc.array(record({ column: index, value: values }), { maxLength: 4 }),
    }),
    record({ kind: fc.constant('delete' as const), use: index, row: rowIds }),
    record({
      kind: fc.constant('number' as const),
      use: index,
      row: rowIds,
      column: index,
      from: values,
      to: values,
      because: rowIds,
    }),
  ),
  { maxLength: 5 },
) as fc.Arbitrary<DatabaseOp[]>;

/** Brings the indexes of ops to tables, columns and ops that are there. */
function fitted(item: DatabaseBody): DatabaseBody {
  const row = (id: string): string => (id[0] === 'n' ? `n${Number(id.slice(1)) % item.ops.length}` : id);
  const fit = (cell: Value): Value => (cell instanceof RowRef ? new RowRef(row(cell.row)) : cell);
  const all = item.ops.map((op): DatabaseOp => {
    const use = op.use % item.uses.length;
    const columns = item.uses[use]!.columns.length;
    switch (op.kind) {
      case 'insert':
        return { ...op, use, row: op.row && row(op.row), values: op.values.slice(0, columns).map(fit) };
      case 'update': {
        const cells = op.cells.map((cell) => ({ column: cell.column % columns, value: fit(cell.value) }));
        return { ...op, use, row: row(op.row), cells };
      }
      case 'number':
        return { ...op, use, row: row(op.row), column: op.column % columns, because: row(op.because) };
      default:
        return { ...op, use, row: row(op.row) };
    }
  });
  return { ...item, ops: all };
}

const databaseBodies = record({
  kind: fc.constant('database' as const),
  database: hexOf(8),
  seen: fc.option(vectors),
  mark: fc.option(record({ id: fc.nat(), nonce: integers })),
  uses,
  ops,
}).map((item) => ({ ...item, ...fitted(item) }));

const registryBodies = record({
  kind: fc.constant('registry' as const),
  ops: fc.array(
    fc.oneof(
      record({
        kind: fc.constant('set' as const),
        table: names,
        row: fc.option(names),
        cells: fc.array(record({ column: names, value: values, over }), { maxLength: 3 }),
      }),
      record({ kind: fc.constant('remove' as const), table: names, row: names, over }),
    ),
    { maxLength: 4 },
  ),
});

export const bodies = fc.oneof(databaseBodies, registryBodies) as fc.Arbitrary<Body>;

/** Valid bytes with some of them changed, cut off or added: near enough to get deep into a reader. */
export function mutated(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = record({ where: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 }), fc.constantFrom('alter', 'cut', 'grow', 'repeat'))
    .map(([original, changes, how]) => {
      let altered = Buffer.from(original);
      for (const { where, to } of changes) {
        const at = where % Math.max(1, altered.length);
        if (how === 'alter' && altered.length > 0) altered[at] = to;
        if (how === 'cut') altered = altered.subarray(0, at);
        if (how === 'grow') altered = Buffer.concat([altered.subarray(0, at), Buffer.of(to), altered.subarray(at)]);
        if (how === 'repeat') altered = Buffer.concat([altered, altered.subarray(at, at + to)]);
      }
      return altered;
    });
}
