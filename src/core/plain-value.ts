/**
 * Cell values as they are told to programs and between processes: JSON has fewer kinds of values than SQLite. The same
 * form is checked at the door of the local API (sdk/contract/shapes.ts).
 */
import { RawText, RowRef, sameValue, type Value } from './value.ts';

export type JsonValue =
  | null
  | number
  | string
  | { $integer: string }
  | { $real: 'Infinity' | '-Infinity' | '-0' }
  | { $blob: string }
  | { $text: string }
  | { $row: string };

/** Values by column: a row, or a row's key. */
export type JsonRow = Record<string, JsonValue>;

/** A real that is a whole number (2.0) is told as one (2): JSON knows no difference. */
export function toJson(value: Value): JsonValue {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : { $integer: String(value) };
  }
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return { $real: '-0' };
    if (Number.isFinite(value)) return value;
    return { $real: value > 0 ? 'Infinity' : '-Infinity' };
  }
  if (value instanceof RowRef) return { $row: value.row };
  if (value instanceof RawText) return { $text: base64(value.bytes) };
  return { $blob: base64(value) };
}

/** What a caller means by `json`: a whole number is an integer, any other number a real. */
export function fromJson(json: JsonValue): Value {
  if (json === null || typeof json === 'string') return json;
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json;
  if ('$integer' in json) return BigInt(json.$integer);
  if ('$real' in json) return Number(json.$real);
  if ('$row' in json) return new RowRef(json.$row);
  if ('$text' in json) return new RawText(bytes(json.$text));
  return bytes(json.$blob);
}

/** Does a row's key hold what is asked for: each value of it, columns that are left out being of no matter? */
export function sameKey(own: JsonRow, asked: JsonRow): boolean {
  return Object.entries(asked).every(([name, value]) => {
    const item = own[name];
    return item !== undefined && sameValue(fromJson(item), fromJson(value));
  });
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
