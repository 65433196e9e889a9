/**
 * The body of a change: the ops on one database, or on the registry. Bytes of other people: every list and text has a
 * limit, and whoever reads them goes through `decode(body, …)`.
 */
import { concatBytes, toHex } from './bytes.ts';
import { type ChangeId, madeId } from './change.ts';
import { type Carried, encode, hex, list, MalformedError, optional, struct, text, union, varint } from './codec.ts';
import { MAX_OPS, type RowId, RowRef, rowId, type Value, value } from './value.ts';
import { type Vector, vectorCodec } from './vector.ts';

/** SQLite allows names of any length; nobody uses more. */
const MAX_NAME = 1024;
const MAX_COLUMNS = 32_767;
const MAX_TABLES = 65_536;
/** Siblings that one write can replace: one per copy at most. */
const MAX_OVER = 4096;

/** A database's id: 8 bytes as 16 hex characters. */
export const databaseId = hex(8);

export { type RowId, rowId } from './value.ts';

/** The tables that ops speak of, with the columns that they name by index. Ids of base tables and columns are names. */
const tableUse = struct({ table: text(MAX_NAME), columns: list(text(MAX_NAME), MAX_COLUMNS) });

export const databaseOp = union(
  { insert: 1, update: 2, delete: 3, number: 4 },
  {
    /** A new row with a value for each of the used columns. `row` is null where the op itself names the row. */
    insert: struct({ use: varint(MAX_TABLES), row: optional(rowId), values: list(value, MAX_COLUMNS) }),
    update: struct({
      use: varint(MAX_TABLES),
      row: rowId,
      cells: list(struct({ column: varint(MAX_COLUMNS), value }), MAX_COLUMNS),
    }),
    delete: struct({ use: varint(MAX_TABLES), row: rowId }),
    /** The row's own copy writes the number that mending gave it, and says which row had the old one. */
    number: struct({
      use: varint(MAX_TABLES),
      row: rowId,
      column: varint(MAX_COLUMNS),
      from: value,
      to: value,
      because: rowId,
    }),
  },
);

const headFields = {
  database: databaseId,
  /** The vector that was applied to the database when the edits were read; null: equal to deps. */
  seen: optional(vectorCodec),
  /** The last mark that these edits contain, by which a restored database file is recognised. */
  mark: optional(struct({ id: varint(), nonce: value })),
  uses: list(tableUse, MAX_TABLES),
};

/** A database's body up to the number of its ops. */
export const databaseHead = struct(headFields);

const bodyFields = struct({ ...headFields, ops: list(databaseOp, MAX_OPS) });

/** Whoever folds a body may rely on its indexes: an op names a table and columns that the body lists, and its own ops. */
const databaseBody: typeof bodyFields = {
  ...bodyFields,
  read: (from) => {
    const read = bodyFields.read(from);
    for (const op of read.ops) checkIndexes(op, read.uses[op.use]?.columns.length ?? -1, read.ops.length);
    return read;
  },
};

export function checkIndexes(op: Carried<typeof databaseOp>, columns: number, ops: number): void {
  if (columns < 0) throw new MalformedError('an op on a table that is not listed');
  if (op.row !== null) checkRow(op.row, ops);
  switch (op.kind) {
    case 'insert':
      checkColumn(op.values.length - 1, columns);
      for (const item of op.values) if (item instanceof RowRef) checkRow(item.row, ops);
      break;
    case 'update':
      for (const cell of op.cells) {
        checkColumn(cell.column, columns);
        if (cell.value instanceof RowRef) checkRow(cell.value.row, ops);
      }
      break;
    case 'number':
      checkColumn(op.column, columns);
      checkRow(op.because, ops);
  }
}

function checkColumn(column: number, columns: number): void {
  if (column >= columns) throw new MalformedError('an op on a column that is not listed');
}

function checkRow(row: RowId, ops: number): void {
  if (row[0] === 'n' && Number(row.slice(1)) >= ops) throw new MalformedError('a row of an op that is not there');
}

const over = list(struct({ copy: hex(16), seq: varint() }), MAX_OVER);

const registryOp = union(
  { set: 1, remove: 2 },
  {
    set: struct({
      table: text(64),
      /** null: the op itself names the row. */
      row: optional(text(256)),
      cells: list(struct({ column: text(64), value, over }), 64),
    }),
    remove: struct({ table: text(64), row: text(256), over }),
  },
);

const registryBody = struct({ ops: list(registryOp, 1_000_000) });

export const body = union({ database: 1, registry: 2 }, { database: databaseBody, registry: registryBody });

export type Body = Carried<typeof body>;
export type DatabaseBody = Carried<typeof databaseBody>;
export type DatabaseOp = Carried<typeof databaseOp>;
/** Ops that are not all in memory: each time they are gone through they are read anew. */
export interface OpSequence {
  readonly length: number;
  /** Each with its index. */
  entries(): IteratorObject<[number, DatabaseOp], undefined>;
}

/** A database's body as whoever folds it needs it. */
export type ReadBody = Carried<typeof databaseHead> & { readonly ops: OpSequence };

export type RegistryBody = Carried<typeof registryBody>;
export type RegistryOp = Carried<typeof registryOp>;
export type TableUse = Carried<typeof tableUse>;

/** Gives the rows that the change itself makes (`n…`) the ids by which everybody else knows them. */
export function namedRow(row: RowId, change: ChangeId): RowId {
  return row[0] === 'n' ? `h${madeId(change, Number(row.slice(1)))}` : row;
}

export function namedValue(item: Value, change: ChangeId): Value {
  return item instanceof RowRef ? new RowRef(namedRow(item.row, change)) : item;
}

/**
 * Puts `seen` into an encoded database body that was written without it. The maker of the body knows what it had read
 * of the database, only whoever numbers the change knows whether that differs from its deps.
 */
export function withSeen(bytes: Uint8Array, seen: Vector): Uint8Array {
  const at = DATABASE_HEAD_BYTES;
  if (bytes[0] !== 1 || bytes[at] !== 0) throw new MalformedError('not a database body without what it has seen');
  return concatBytes([bytes.subarray(0, at), encode(optional(vectorCodec), seen), bytes.subarray(at + 1)]);
}

/** What a body is about, from its first bytes: a database's id, '' for the registry. */
export function subjectOf(bytes: Uint8Array): string {
  return bytes[0] === 1 ? toHex(bytes.subarray(1, DATABASE_HEAD_BYTES)) : '';
}

/** The kind, and the database's id. */
const DATABASE_HEAD_BYTES = 9;
