/**
 * A merged row as bytes: origins once each, cells by the number of their column. Local to `rows.db`, so that its form
 * may change: the file is then folded anew.
 */
import { Reader, Writer } from '../core/codec.ts';
import type { Mend, MendedCell, Origin, Row, WholeRow, Write } from '../core/rows.ts';
import { rowId, type Value, value } from '../core/value.ts';
import type { CopyId } from '../core/vector.ts';

export interface Numbering {
  maker(copy: CopyId): number;
  copy(maker: number): CopyId;
  column(id: string): number;
  columnId(num: number): string;
}

const BASE = 1;
const BASE_DEAD = 2;
const MENDED = 4;
const MIXED = 8;
const KEPT = 1;
const WITHHELD = 2;
const THROUGH = 4;
const OVERRULED = 8;
const WRITE_DEAD = 1;
const WRITE_NUMBERED = 2;
const MAX_REASON = 4096;

export function writeRow(row: Row, names: Numbering): Uint8Array {
  const origins: Origin[] = [];
  // Nearly always one or two: a search is quicker than a map.
  const place = ({ copy, seq, stamp }: Origin): number => {
    const found = origins.findIndex((origin) => origin.seq === seq && origin.copy === copy);
    return found >= 0 ? found : origins.push({ copy, seq, stamp }) - 1;
  };
  const cells = new Writer(64);
  cells.varint(row.deletions.length);
  for (const deletion of row.deletions) cells.varint(place(deletion));
  cells.varint(row.cells.size);
  for (const [column, writes] of row.cells) {
    cells.varint(names.column(column));
    cells.varint(writes.length);
    for (const write of writes) {
      cells.varint(place(write) * 4 + (write.numbered ? WRITE_NUMBERED : 0) + (write.dead ? WRITE_DEAD : 0));
      value.write(cells, write.value);
      if (write.numbered === undefined) continue;
      value.write(cells, write.numbered.from);
      rowId.write(cells, write.numbered.because);
    }
  }
  const to = new Writer(32 + cells.length);
  const mends = (row.mend ? MENDED : 0) | (row.mixed ? MIXED : 0);
  to.byte((row.base ? BASE : 0) | (row.baseDead ? BASE_DEAD : 0) | mends);
  to.varint(origins.length);
  for (const { copy, seq, stamp } of origins) {
    to.varint(names.maker(copy));
    to.varint(seq);
    to.varint(stamp);
  }
  to.raw(cells.finish());
  if (row.mend) writeMend(to, row.mend, names);
  return to.finish();
}

function writeMend(to: Writer, { kept, overruled, withheld, whole, cells }: Mend, names: Numbering): void {
  const life = (kept ? KEPT : 0) | (overruled ? OVERRULED : 0);
  to.byte(life | (withheld ? WITHHELD : 0) | (withheld?.through ? THROUGH : 0));
  if (withheld) to.text(withheld.reason, MAX_REASON);
  to.varint(cells.size);
  for (const [column, cell] of cells) {
    to.varint(names.column(column));
    value.write(to, cell.value);
    rowId.write(to, cell.because);
  }
  to.varint(whole.length);
  for (const { by, cells: of } of whole) {
    to.varint(names.maker(by.copy));
    to.varint(by.seq);
    to.varint(by.stamp);
    to.varint(of.size);
    for (const [column, item] of of) {
      to.varint(names.column(column));
      value.write(to, item);
    }
  }
}

function readWhole(from: Reader, names: Numbering): WholeRow {
  const by = { copy: names.copy(from.varint()), seq: from.varint(), stamp: from.varint() };
  const cells = new Map<string, Value>();
  for (let count = from.varint(); count > 0; count--) cells.set(names.columnId(from.varint()), value.read(from));
  return { by, cells };
}

function readMend(from: Reader, names: Numbering): Mend {
  const flags = from.byte();
  const through = (flags & THROUGH) !== 0;
  const withheld = (flags & WITHHELD) !== 0 ? { reason: from.text(MAX_REASON), through } : null;
  const cells = new Map<string, MendedCell>();
  for (let count = from.varint(); count > 0; count--) {
    const column = names.columnId(from.varint());
    cells.set(column, { value: value.read(from), because: rowId.read(from) });
  }
  const whole: WholeRow[] = [];
  for (let count = from.varint(); count > 0; count--) whole.push(readWhole(from, names));
  return { kept: (flags & KEPT) !== 0, overruled: (flags & OVERRULED) !== 0, withheld, whole, cells };
}

export function readRow(bytes: Uint8Array, names: Numbering): Row {
  const from = new Reader(bytes);
  const flags = from.byte();
  const origins: Origin[] = [];
  for (let count = from.varint(); count > 0; count--) {
    origins.push({ copy: names.copy(from.varint()), seq: from.varint(), stamp: from.varint() });
  }
  const origin = (index: number): Origin => origins[index] as Origin;
  const deletions: Origin[] = [];
  for (let count = from.varint(); count > 0; count--) deletions.push(origin(from.varint()));
  const cells = new Map<string, readonly Write[]>();
  for (let count = from.varint(); count > 0; count--) {
    const column = names.columnId(from.varint());
    const writes: Write[] = [];
    for (let left = from.varint(); left > 0; left--) {
      const place = from.varint();
      const { copy, seq, stamp } = origin(place >> 2);
      const write = { copy, seq, stamp, value: value.read(from), dead: (place & WRITE_DEAD) !== 0 };
      if ((place & WRITE_NUMBERED) === 0) writes.push(write);
      else writes.push({ ...write, numbered: { from: value.read(from), because: rowId.read(from) } });
    }
    cells.set(column, writes);
  }
  const mend = (flags & MENDED) !== 0 ? readMend(from, names) : undefined;
  from.end();
  const row: Row = { base: (flags & BASE) !== 0, baseDead: (flags & BASE_DEAD) !== 0, cells, deletions };
  if (mend === undefined && (flags & MIXED) === 0) return row;
  return { ...row, ...(mend && { mend }), ...((flags & MIXED) !== 0 && { mixed: true as const }) };
}
