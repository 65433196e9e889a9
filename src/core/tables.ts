/**
 * What the merging of databases knows of a table, and how its rows are named. A row's id is made of its key (`k…`), or
 * of the op that made it (`h…`); the number that SQLite handed out is a cell like any other, and may move.
 */
import { namedRow, type RowId } from './body.ts';
import type { ChangeId } from './change.ts';
import { decode, encode, list } from './codec.ts';
import { RowRef, type Value, value } from './value.ts';

/**
 * name: the key says which row it is, wherever it was made. number: an integer key that SQLite hands out; two rows with
 * one number are two rows. hidden: no key of its own, told apart by SQLite's rowid, which nobody sees.
 */
export type KeyKind = 'name' | 'number' | 'hidden';

export interface Column {
  /** The name under which it was first known, see database/schema. The rowid of a hidden table: ''. */
  readonly id: string;
  /** As SQL names it now. */
  readonly name: string;
  /** As the table declares it; undefined: not known. */
  readonly type?: string;
  /** What rows hold to which nobody has written since the column is there; NULL where it is left out. */
  readonly initial?: Value;
  /** Left out by the settings: every copy has its own values. Only columns that no key, index or reference speaks of. */
  readonly left?: true;
  /** Set: an integer of a UNIQUE that is handed out, or is not. */
  readonly counted?: boolean;
  readonly notNull?: true;
  /** NOT NULL without a default: no row can be made without it. */
  readonly needsValue?: true;
}

/** A foreign key, of any number of columns, to whatever its target is told apart by. */
export interface ForeignKey {
  /** Indexes into the table's columns. */
  readonly columns: readonly number[];
  readonly target: string;
  /** Indexes into the target's columns, in the same order. */
  readonly to: readonly number[];
  /** The settings say so, and the table does not. */
  readonly undeclared?: true;
}

export interface KeyColumn {
  /** Index into the table's columns. */
  readonly at: number;
  readonly collation: string;
}

export interface Unique {
  /** Indexes into the table's columns. */
  readonly columns: readonly number[];
  readonly collations: readonly string[];
  /** A UNIQUE constraint of the table itself: SQLite never drops its columns. Otherwise: CREATE UNIQUE INDEX. */
  readonly declared: boolean;
  /** An index over expressions, or over some rows only: SQLite is asked what it makes of a row (`columns` are all). */
  readonly asked?: AskedUnique;
}

export interface AskedUnique {
  readonly parts: readonly string[];
  readonly where: string | null;
  /** The columns that its parts name. */
  readonly named: readonly number[];
  /** Besides these the columns that the WHERE names: writes to others change nothing. */
  readonly touching: readonly number[];
}

/** The columns of which an index is made. */
export function namedColumns(unique: Unique): readonly number[] {
  return unique.asked?.named ?? unique.columns;
}

export interface Table {
  /** The name under which it was first known, see database/schema. */
  readonly id: string;
  readonly name: string;
  readonly kind: KeyKind;
  /** All cells: stored columns in order; for a hidden table the rowid comes first, with id ''. */
  readonly columns: readonly Column[];
  readonly key: readonly KeyColumn[];
  /** By column index: the table with numbered rows that a foreign key points to, also by way of another one's column. */
  readonly references: ReadonlyMap<number, string>;
  /** Those of them in which a number of the base is a name: in a key, and where another table's key is meant. */
  readonly byName: ReadonlySet<number>;
  readonly foreignKeys: readonly ForeignKey[];
  /** CREATE TABLE, for a table in memory in which SQLite is asked about rows. */
  readonly create: string;
  /** It has a CHECK. */
  readonly checked: boolean;
  /** Secondary unique indexes over plain columns, without a WHERE. */
  readonly uniques: readonly Unique[];
  /** Columns in any unique index, the key included: writing them row by row could collide on the way. */
  readonly uniqueColumns: ReadonlySet<number>;
  /** Left out by the settings: every copy has its own rows. What was written without knowledge of that is placed still. */
  readonly left?: true;
  /** A deletion takes the row away, also from whoever edited it without knowledge of that. */
  readonly deletionWins?: true;
  /** The rowid's name where a table has one beside its key: kept when a row is taken out and put back. */
  readonly rowid: string | null;
}

/** The cell that holds the number which may move; undefined for tables named by their keys. */
export function numberColumn(table: Table): number | undefined {
  return table.kind === 'name' ? undefined : table.key[0]?.at;
}

/** Do numbers that the base holds in this column mean the rows that had them there? */
export function refersToBase({ references, byName }: Table, at: number): boolean {
  return references.has(at) && !byName.has(at);
}

/** The columns that refer to rows with numbers by no foreign key of their own, but by way of others. */
export function indirect({ references, foreignKeys }: Table): number[] {
  if (references.size === 0) return [];
  const direct = new Set(
    foreignKeys.flatMap(({ columns, target }) => columns.filter((at) => references.get(at) === target)),
  );
  return [...references.keys()].filter((at) => !direct.has(at));
}

const keyCodec = list(value, 64);

export function rowOfKey(key: readonly Value[]): RowId {
  return `k${Buffer.from(encode(keyCodec, key)).toString('hex')}`;
}

/** The id of the row that was in the base with this number. */
export function rowOfNumber(number: bigint): RowId {
  // What `rowOfKey([number])` answers for the numbers that nearly all tables have, at a fraction of the cost.
  if (number < 0n || number >= 1n << 30n) return rowOfKey([number]);
  let id = 'k0101';
  let rest = Number(number) * 2;
  for (; rest >= 0x80; rest >>>= 7) id += ((rest & 0x7f) | 0x80).toString(16);
  return id + rest.toString(16).padStart(2, '0');
}

/** The key that a `k…` id is made of. */
export function keyOfRow(row: RowId): readonly Value[] {
  return decode(keyCodec, Buffer.from(row.slice(1), 'hex'));
}

/** One form for all values that SQLite holds to be the same key: 1 and 1.0, under NOCASE also 'a' and 'A'. */
export function canonicalKey(item: Value, collation: string): Value {
  if (typeof item === 'number' && Number.isInteger(item) && Math.abs(item) < 2 ** 63) return BigInt(item);
  if (typeof item !== 'string') return item;
  // SQLite's NOCASE folds the 26 letters of ASCII and no others.
  if (collation === 'NOCASE') return item.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (collation === 'RTRIM') return item.replace(/ +$/, '');
  return item;
}

/** RowRef's tag in a key, as the two hex digits that every reference inside a row id begins with. */
const REFERENCE = '06';

/** References inside a key name rows, too; null where there is none (nearly always). */
export function referencesInKey(row: RowId): readonly RowRef[] | null {
  if (row[0] !== 'k' || !row.includes(REFERENCE)) return null;
  const found = keyOfRow(row).filter((item) => item instanceof RowRef);
  return found.length > 0 ? found : null;
}

/** Like `namedRow`, also for keys that hold references to rows made by the same change. */
export function namedRowOrKey(row: RowId, change: ChangeId): RowId {
  if (row[0] !== 'k') return namedRow(row, change);
  if (referencesInKey(row) === null) return row;
  return rowOfKey(
    keyOfRow(row).map((item) => (item instanceof RowRef ? new RowRef(namedRow(item.row, change)) : item)),
  );
}
