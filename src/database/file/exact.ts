/**
 * Values bit by bit. SQLite's TEXT may hold bytes that are no text; they come out of the driver with U+FFFD in their
 * place, so whatever shows that sign is read again as bytes.
 */
import { RawText, type Value } from '../../core/value.ts';
import type { SqlRow } from './sql.ts';

export type Encoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

const REPLACED = '\ufffd';

/**
 * The row's values from `from` on. `again` answers with the same columns as BLOBs; it is only asked where a text may
 * not be what it seems.
 */
export function exactValues(row: SqlRow, from: number, encoding: Encoding, again: () => SqlRow | undefined): Value[] {
  const values = (from === 0 ? row : row.slice(from)) as Value[];
  let bytes: SqlRow | undefined;
  for (let index = 0; index < values.length; index++) {
    const item = values[index];
    if (typeof item !== 'string' || !item.includes(REPLACED)) continue;
    bytes ??= again();
    const exact = bytes?.[from + index];
    if (exact instanceof Uint8Array) values[index] = textOf(exact, encoding, item);
  }
  return values;
}

function textOf(bytes: Uint8Array, encoding: Encoding, seen: string): Value {
  if (encoding === 'UTF-8') return Buffer.compare(Buffer.from(seen, 'utf8'), bytes) === 0 ? seen : new RawText(bytes);
  const little = Buffer.from(bytes);
  if (bytes.byteLength % 2 === 1) return new RawText(bytes);
  if (encoding === 'UTF-16be') little.swap16();
  const text = little.toString('utf16le');
  return text.isWellFormed() ? text : new RawText(bytes);
}
