/**
 * A cell's value, exactly as SQLite stores it. The JavaScript type tells the storage class: bigint is INTEGER,
 * number is REAL, string is TEXT, Uint8Array is BLOB. TEXT that is not valid UTF-8 is carried as `RawText`, a reference
 * to a row whose number SQLite hands out as `RowRef`.
 */
import { sameBytes, toHex } from './bytes.ts';
import { type Codec, hex, MalformedError, type Reader, varint, type Writer } from './codec.ts';

/** TEXT whose bytes are no text in the database's encoding: kept as the bytes they are. */
export class RawText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A reference to a row by its id, where the number that is stored may move. */
export class RowRef {
  readonly row: RowId;
  constructor(row: RowId) {
    this.row = row;
  }
}

/**
 * A row's id: `k…` names it by its key (the encoded key values in hex), `h…` by the op that made it (32 hex
 * characters), and inside the change that makes it `n…` by the index of that op.
 */
export type RowId = string;

/** Bytes of an encoded key. Longer ones are refused at capture. */
export const MAX_KEY_BYTES = 16_384;
const MADE_BYTES = 16;
/** Ops in one change: a transaction of this many rows is taken in whole. */
export const MAX_OPS = 100_000_000;

export const rowId: Codec<RowId> = {
  schema: 'row1',
  write: (to, id) => {
    const kind = id[0];
    to.byte(id.charCodeAt(0));
    if (kind === 'n') return opIndex.write(to, indexOf(id));
    if (kind === 'h') return madeRow.write(to, id.slice(1));
    const key = Buffer.from(id.slice(1), 'hex');
    if (kind !== 'k' || id.length !== 1 + 2 * key.byteLength) throw new RangeError(`not a row id: ${id}`);
    to.blob(key, MAX_KEY_BYTES);
  },
  read: (from) => {
    const kind = String.fromCharCode(from.byte());
    if (kind === 'n') return `n${opIndex.read(from)}`;
    if (kind === 'h') return `h${madeRow.read(from)}`;
    if (kind === 'k') return `k${toHex(from.blob(MAX_KEY_BYTES))}`;
    throw new MalformedError(`unknown kind of row id ${kind}`);
  },
};

function indexOf(id: RowId): number {
  const index = Number(id.slice(1));
  if (id !== `n${index}`) throw new RangeError(`not a row id: ${id}`);
  return index;
}

const opIndex = varint(MAX_OPS);
const madeRow = hex(MADE_BYTES);

export type Value = null | bigint | number | string | Uint8Array | RawText | RowRef;

/** SQLite's own limit for one string or blob (SQLITE_MAX_LENGTH). */
export const MAX_VALUE_BYTES = 1_000_000_000;

export function sameValue(a: Value, b: Value): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b);
  if (a instanceof RawText) return b instanceof RawText && sameBytes(a.bytes, b.bytes);
  if (a instanceof RowRef) return b instanceof RowRef && a.row === b.row;
  // Reals are compared bit by bit: 0.0 and -0.0 are two values. (SQLite stores NaN as NULL, so it never comes here.)
  return Object.is(a, b);
}

const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4, rawText: 5, row: 6 } as const;

export const value: Codec<Value> = {
  schema: 'value1',
  write(to: Writer, item: Value): void {
    if (item === null) to.byte(TAG.null);
    else if (typeof item === 'bigint') {
      to.byte(TAG.integer);
      to.bigint(item);
    } else if (typeof item === 'number') {
      if (Number.isNaN(item)) throw new RangeError('SQLite has no NaN');
      to.byte(TAG.real);
      to.double(item);
    } else if (typeof item === 'string') {
      to.byte(TAG.text);
      to.text(item, MAX_VALUE_BYTES);
    } else if (item instanceof RawText) {
      to.byte(TAG.rawText);
      to.blob(item.bytes, MAX_VALUE_BYTES);
    } else if (item instanceof RowRef) {
      to.byte(TAG.row);
      rowId.write(to, item.row);
    } else {
      to.byte(TAG.blob);
      to.blob(item, MAX_VALUE_BYTES);
    }
  },
  read(from: Reader): Value {
    const tag = from.byte();
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.integer:
        return from.bigint();
      case TAG.real:
        return real(from);
      case TAG.text:
        return from.text(MAX_VALUE_BYTES);
      case TAG.blob:
        // A copy: values outlive the message that they came in.
        return Uint8Array.from(from.blob(MAX_VALUE_BYTES));
      case TAG.rawText:
        return new RawText(Uint8Array.from(from.blob(MAX_VALUE_BYTES)));
      case TAG.row:
        return new RowRef(rowId.read(from));
      default:
        throw new MalformedError(`unknown kind of value ${tag}`);
    }
  },
};

function real(from: Reader): number {
  const item = from.double();
  if (Number.isNaN(item)) throw new MalformedError('SQLite has no NaN');
  return item;
}

/** A short text for people: lists, history, conflicts. */
export function valueText(item: Value): string {
  if (item === null) return 'empty';
  if (item instanceof RawText) return `text ${toHex(item.bytes.subarray(0, 16))}…`;
  if (item instanceof RowRef) return `row ${item.row}`;
  if (item instanceof Uint8Array) return `${item.byteLength} bytes`;
  return String(item);
}
