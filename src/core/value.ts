/**
 * A cell's value, exactly as SQLite stores it. The JavaScript type tells the storage class: bigint is INTEGER,
 * number is REAL, string is TEXT, Uint8Array is BLOB. TEXT that is not valid UTF-8 is carried as `RawText`, a reference
 * to a row whose number SQLite hands out as `RowRef`.
 */
import { sameBytes, toHex } from './bytes.ts';
import { type Codec, MalformedError, type Reader, type Writer } from './codec.ts';

/** TEXT whose bytes are not UTF-8: kept as the bytes they are. */
export class RawText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A reference to a row by its id, where the number that is stored may move. */
export class RowRef {
  readonly row: string;
  constructor(row: string) {
    this.row = row;
  }
}

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
      to.byte(TAG.real);
      to.double(item);
    } else if (typeof item === 'string') {
      to.byte(TAG.text);
      to.text(item);
    } else if (item instanceof RawText) {
      to.byte(TAG.rawText);
      to.blob(item.bytes);
    } else if (item instanceof RowRef) {
      to.byte(TAG.row);
      to.text(item.row);
    } else {
      to.byte(TAG.blob);
      to.blob(item);
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
        return from.double();
      case TAG.text:
        return from.text(MAX_VALUE_BYTES);
      case TAG.blob:
        // A copy: values outlive the message that they came in.
        return Uint8Array.from(from.blob(MAX_VALUE_BYTES));
      case TAG.rawText:
        return new RawText(Uint8Array.from(from.blob(MAX_VALUE_BYTES)));
      case TAG.row:
        return new RowRef(from.text(MAX_ROW_ID));
      default:
        throw new MalformedError(`unknown kind of value ${tag}`);
    }
  },
};

/** Row ids: `k` and the encoded key in hex, or `h` and 32 hex characters. Keys above 16 KiB are refused at capture. */
export const MAX_ROW_ID = 1 + 2 * 16_384;

/** A short text for people: lists, history, conflicts. */
export function valueText(item: Value): string {
  if (item === null) return 'empty';
  if (item instanceof RawText) return `text ${toHex(item.bytes.subarray(0, 16))}…`;
  if (item instanceof RowRef) return `row ${item.row}`;
  if (item instanceof Uint8Array) return `${item.byteLength} bytes`;
  return String(item);
}
