/**
 * Rows with one value that an index keeps unique: the earliest keeps it. Of the others a counted column gets the next
 * free number, a text is visibly marked, and a row that can be given neither is withheld. Decided by what the living
 * rows claim as merged, never by how others are mended, so that the order of mends does not matter.
 */
import type { RowId } from '../../core/body.ts';
import { LAST_NUMBER } from '../../core/numbers.ts';
import { ABSENT, isAlive, type MendedCell, type Row, UNMENDED, type Withheld, withMend } from '../../core/rows.ts';
import { canonicalKey, namedColumns, rowOfKey, type Table, type Unique } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { columnId } from '../folding/shown.ts';
import { countedColumn, countedIn, itemsOf, markedColumn, uniqueGroup, uniqueName } from '../folding/unique-values.ts';
import { baseItem, compareClaimants, isMadeSince, rowsClaimingInBase, uniqueReason } from './claims.ts';
import { judgedValues, judgeOf } from './judging.ts';
import type { MendedRows } from './mended-rows.ts';

/** Rows that all want one text; after that they are withheld. */
const MAX_MARK = 10_000;

/** The place of the key itself, among the table's indexes: two rows of different ids can be shown at one key. */
const KEY = -1;

interface Group {
  readonly table: Table;
  readonly place: number;
  readonly name: string;
  /** The earliest first. */
  readonly claimants: readonly RowId[];
}

interface Claimed {
  readonly table: Table;
  readonly place: number;
  readonly name: string;
  /** What the name is made of, by which rows of the base are found; of a key that moved it is the name itself. */
  readonly items: readonly Value[] | undefined;
}

type Mended = MendedCell & { readonly column: string };

export class Collisions {
  readonly #rows: MendedRows;
  readonly #groups = new Map<string, Group>();
  /** Values that somebody claims now, or claims no longer. */
  readonly #open = new Map<string, Claimed>();
  /** Rows whose mends are to be found anew. */
  readonly #affected = new Map<string, Set<RowId>>();
  readonly #losers = new Map<string, readonly RowId[]>();

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  settle(): void {
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      // What an index mended that is there no longer is taken back.
      const may = canCollide(table);
      for (const { row, before, now } of may ? touched.values() : touched.mended()) {
        if (may || now.mend !== undefined) this.#note(table, row, before, now);
      }
    }
    for (const claimed of this.#open.values()) this.#look(claimed);
    for (const [id, rows] of this.#affected) {
      for (const row of rows) this.#mend(this.#rows.tables.get(id) as Table, row);
    }
  }

  #note(table: Table, row: RowId, before: Row | undefined, now: Row): void {
    const was = before ?? (now.base ? { ...ABSENT, base: true } : undefined);
    if (was?.mend !== undefined || now.mend !== undefined) this.#affect(table, row);
    const sameLife = was !== undefined && isAlive(was) === isAlive(now);
    const sameWhole = was?.mend?.whole[0] === now.mend?.whole[0];
    for (const [place, unique] of table.uniques.entries()) {
      const isWritten =
        !sameWhole ||
        (unique.asked?.touching ?? unique.columns).some((at) => isCellOther(columnId(table, at), was, now));
      if (sameLife && !isWritten) continue;
      if (isAlive(now) || isWritten || was === undefined)
        this.#claim(table, place, unique, row, now, isWritten || was === undefined);
      // Nobody waits for a value while nobody watches one.
      if (was === undefined || !isAlive(was) || !this.#rows.state.isWatching(table.id)) continue;
      const left = itemsOf(table, unique, this.#rows.base, row, was);
      this.#enter(table, place, uniqueName(table, unique, left), left);
    }
    if (hasMovingKey(table)) {
      const name = this.#nameOf(table, KEY, row, now);
      if (name === null) return;
      this.#rows.state.addUnique(table.id, KEY, name, row);
      this.#enter(table, KEY, name, undefined);
      // Where its key moved from is only known to who watched the row.
      for (const other of this.#rows.state.watchers(table.id, KEY, row)) this.#affect(table, other);
    }
  }

  #claim(table: Table, place: number, unique: Unique, row: RowId, now: Row, isNew: boolean): void {
    const items = itemsOf(table, unique, this.#rows.base, row, now);
    const name = uniqueName(table, unique, items);
    if (name === null) return;
    if (isNew) this.#rows.state.addUnique(table.id, place, name, row);
    if (isAlive(now) && !this.#isAlone(table, place, unique, name, items)) this.#enter(table, place, name, items);
  }

  /** Nearly always: nobody else ever had the value, and nobody watches one. */
  #isAlone(table: Table, place: number, unique: Unique, name: string, items: readonly Value[]): boolean {
    const { state } = this.#rows;
    if (state.isWatching(table.id)) return false;
    const written = state.withUnique(table.id, place, name);
    if (written.length > 1) return false;
    return rowsClaimingInBase(this.#rows, table, unique, items).every((other) => other === written[0]);
  }

  #enter(table: Table, place: number, name: string | null, items: readonly Value[] | undefined): void {
    if (name !== null) this.#open.set(`${table.id}\0${place}\0${name}`, { table, place, name, items });
  }

  #look({ table, place, name, items }: Claimed): void {
    const { state } = this.#rows;
    for (const row of state.watchers(table.id, place, name)) this.#affect(table, row);
    const dot = name.indexOf('.');
    if (dot >= 0) for (const row of state.watchers(table.id, place, name.slice(0, dot + 1))) this.#affect(table, row);
    const { claimants } = this.#group(table, place, name, items);
    if (claimants.length > 1) for (const row of claimants) this.#affect(table, row);
  }

  #affect(table: Table, row: RowId): void {
    const rows = this.#affected.get(table.id) ?? new Set();
    this.#affected.set(table.id, rows.add(row));
  }

  /** Everything about one row, from all groups that it is in. */
  #mend(table: Table, row: RowId): void {
    const { state } = this.#rows;
    // Two rows that nobody wrote since the base may collide, too: one was away while the index was made.
    const merged = this.#rows.merged(table, row);
    state.unwatch(table.id, row);
    const cells = new Map<string, MendedCell>();
    let withheld: Withheld | null = null;
    for (const place of isAlive(merged) ? placesOf(table) : []) {
      const group = this.#groupOf(table, place, row, merged);
      const [first] = group?.claimants ?? [];
      if (group === null || first === undefined || first === row || !group.claimants.includes(row)) continue;
      const mend = this.#mendIn(group, row);
      if (mend === null) {
        withheld ??= { reason: reasonOf(table, place), through: false };
        state.watch(table.id, place, group.name, row);
        if (place === KEY) for (const other of group.claimants) state.watch(table.id, KEY, other, row);
      } else if (!cells.has(mend.column)) cells.set(mend.column, { value: mend.value, because: mend.because });
    }
    if (cells.size > 0)
      withheld ??= this.#stillCollides(table, row, merged, cells) ?? this.#breaksCheck(table, row, merged, cells);
    const mend = merged.mend ?? UNMENDED;
    this.#rows.mend(table.id, row, { ...mend, withheld, cells });
  }

  #mendIn(group: Group, row: RowId): Mended | null {
    const { table, place, claimants } = group;
    const unique = table.uniques[place];
    if (unique === undefined) return null;
    const items = this.#items(table, unique, row);
    const [first] = claimants as [RowId];
    const counted = countedColumn(table, unique);
    if (counted !== null && group.name.includes('.')) {
      const column = columnId(table, counted);
      const prefix = uniqueGroup(table, unique, items) as string;
      this.#rows.state.watch(table.id, place, prefix, row);
      const value = this.#top(table, place, unique, prefix, items) + this.#rankOf(group, row, prefix);
      return value > LAST_NUMBER ? null : { column, value, because: first };
    }
    const marked = markedColumn(table, unique, items);
    return marked === null ? null : this.#mark(group, unique, marked, row);
  }

  /** All who are too late within a group move in their order: whoever gets a number changes those of the others. */
  #rankOf({ table, place }: Group, row: RowId, prefix: string): bigint {
    const id = `${table.id}\0${place}\0${prefix}`;
    const unique = table.uniques[place] as Unique;
    let losers = this.#losers.get(id);
    if (losers === undefined) {
      const watching = this.#rows.state.watchers(table.id, place, prefix);
      losers = [...new Set([...(this.#affected.get(table.id) ?? []), ...watching])]
        .filter((other) => this.#isTooLate(table, place, other, prefix))
        .sort((one, other) => compareClaimants(this.#rows, table, namedColumns(unique), one, other));
      this.#losers.set(id, losers);
    }
    return BigInt(losers.indexOf(row) + 1);
  }

  #isTooLate(table: Table, place: number, row: RowId, prefix: string): boolean {
    const merged = this.#rows.merged(table, row);
    const group = isAlive(merged) ? this.#groupOf(table, place, row, merged) : null;
    return group?.name.startsWith(prefix) === true && group.claimants.indexOf(row) > 0;
  }

  /** The highest number that a row of the group has, or had when it was deleted. */
  #top(table: Table, place: number, unique: Unique, prefix: string, items: readonly Value[]): bigint {
    const at = countedColumn(table, unique) as number;
    let top = 0n;
    for (const { name, row } of this.#rows.state.uniqueNames(table.id, place, prefix)) {
      if (this.#nameOf(table, place, row, this.#rows.merged(table, row)) !== name) continue;
      top = countedIn(name);
      break;
    }
    const index = unique.columns.indexOf(at);
    const others = unique.columns.filter((_, each) => each !== index);
    const inBase = items.some(isMadeSince)
      ? null
      : this.#rows.base.highest(
          table,
          at,
          others,
          items.filter((_, each) => each !== index).map(baseItem),
          unique.collations.filter((_, each) => each !== index),
        );
    return inBase !== null && inBase > top ? inBase : top;
  }

  /** `4010 (2)`: free of what anybody wrote, and of what an earlier one was given. */
  #mark(group: Group, unique: Unique, at: number, row: RowId): Mended | null {
    const { table, place, claimants } = group;
    const [first, ...losers] = claimants as [RowId, ...RowId[]];
    const column = columnId(table, at);
    const index = unique.columns.indexOf(at);
    let number = 1;
    for (const loser of losers) {
      const items = this.#items(table, unique, loser);
      const text = items[index];
      if (typeof text !== 'string') return null;
      for (;;) {
        number += 1;
        const value = `${text} (${number})`;
        const name = uniqueName(table, unique, items.with(index, value));
        // An expression may not mind the mark.
        if (name === null || name === group.name || number > MAX_MARK) return null;
        this.#rows.state.watch(table.id, place, name, row);
        const others = this.#group(table, place, name, items.with(index, value)).claimants;
        if (others.length > 0) continue;
        if (loser === row) {
          this.#rows.state.watch(table.id, place, group.name, row);
          return { column, value, because: first };
        }
        break;
      }
    }
    throw new Error('a row that is not in its group');
  }

  /** A mended value may meet another index. */
  #stillCollides(table: Table, row: RowId, merged: Row, cells: ReadonlyMap<string, MendedCell>): Withheld | null {
    const shown: Row = { ...merged, mend: { ...(merged.mend ?? UNMENDED), cells } };
    for (const [place, unique] of table.uniques.entries()) {
      if (!(unique.asked?.touching ?? unique.columns).some((at) => cells.has(columnId(table, at)))) continue;
      const items = itemsOf(table, unique, this.#rows.base, row, shown, 'shown');
      const name = uniqueName(table, unique, items);
      if (name === null) continue;
      this.#rows.state.watch(table.id, place, name, row);
      const others = this.#group(table, place, name, items).claimants.filter((other) => other !== row);
      if (others.length > 0) return { reason: reasonOf(table, place), through: false };
    }
    return null;
  }

  /** A mended value may be one that a check forbids. */
  #breaksCheck(table: Table, row: RowId, merged: Row, cells: ReadonlyMap<string, MendedCell>): Withheld | null {
    const judge = judgeOf(table);
    if (judge === null) return null;
    const mend = merged.mend ?? UNMENDED;
    const broken = judge.broken(judgedValues(this.#rows, table, row, withMend(merged, { ...mend, cells })));
    const unmended = judgedValues(this.#rows, table, row, withMend(merged, { ...mend, cells: new Map() }));
    if (broken === null || judge.broken(unmended) !== null) return null;
    return { reason: broken, through: false };
  }

  #items(table: Table, unique: Unique, row: RowId): Value[] {
    return itemsOf(table, unique, this.#rows.base, row, this.#rows.merged(table, row));
  }

  #nameOf(table: Table, place: number, row: RowId, merged: Row): string | null {
    if (place !== KEY) {
      const unique = table.uniques[place] as Unique;
      return uniqueName(table, unique, itemsOf(table, unique, this.#rows.base, row, merged));
    }
    const key = this.#rows.after().key(table, row, merged);
    return key === null ? null : keyName(table, key);
  }

  #groupOf(table: Table, place: number, row: RowId, merged: Row): Group | null {
    const unique = table.uniques[place];
    const items = unique && itemsOf(table, unique, this.#rows.base, row, merged);
    const name = unique && items ? uniqueName(table, unique, items) : this.#nameOf(table, place, row, merged);
    return name === null ? null : this.#group(table, place, name, items);
  }

  /** All who claim it, found by what was written and, by `items`, by what the base has. */
  #group(table: Table, place: number, name: string, items: readonly Value[] | undefined): Group {
    const id = `${table.id}\0${place}\0${name}`;
    const known = this.#groups.get(id);
    if (known) return known;
    const written = this.#rows.state.withUnique(table.id, place, name);
    const all = new Set([...written, ...this.#inBase(table, place, name, items)]);
    const claimants = [...all].filter((row) => {
      const merged = this.#rows.merged(table, row);
      return isAlive(merged) && this.#nameOf(table, place, row, merged) === name;
    });
    const unique = table.uniques[place];
    const columns = unique === undefined ? [] : namedColumns(unique);
    claimants.sort((a, b) => compareClaimants(this.#rows, table, columns, a, b));
    const group: Group = { table, place, name, claimants };
    this.#groups.set(id, group);
    return group;
  }

  #inBase(table: Table, place: number, name: string, items: readonly Value[] | undefined): RowId[] {
    // The name of a key is the id of the row that is named by just this key.
    if (place === KEY) return this.#rows.base.has(table, name) ? [name] : [];
    return items === undefined ? [] : rowsClaimingInBase(this.#rows, table, table.uniques[place] as Unique, items);
  }
}

function canCollide(table: Table): boolean {
  return table.uniques.length > 0 || hasMovingKey(table);
}

/** A reference in a key is shown as the number that its row has. */
function hasMovingKey(table: Table): boolean {
  return table.kind === 'name' && table.key.some(({ at }) => table.references.has(at));
}

function placesOf(table: Table): number[] {
  return [...(hasMovingKey(table) ? [KEY] : []), ...table.uniques.keys()];
}

function isCellOther(column: string, was: Row | undefined, now: Row): boolean {
  return was?.cells.get(column) !== now.cells.get(column);
}

function keyName(table: Table, key: readonly Value[]): string {
  return rowOfKey(key.map((item, index) => canonicalKey(item, table.key[index]?.collation ?? 'BINARY')));
}

function reasonOf(table: Table, place: number): string {
  return place === KEY ? `PRIMARY KEY of ${table.name}` : uniqueReason(table, table.uniques[place] as Unique);
}
