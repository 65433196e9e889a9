/**
 * Deleted rows that are kept because somebody refers to them who did not know of the deletion, with all that they refer
 * to themselves. Who is kept is the least fixpoint from the rows that live by their own writes: rows that only refer to
 * each other do not keep each other.
 */
import type { RowId } from '../../core/body.ts';
import { cameBack, isSpecial, wasLetGo } from '../../core/referring.ts';
import { aliveByOwnWrites, isAlive, type Row, UNMENDED } from '../../core/rows.ts';
import { indirect, type Table } from '../../core/tables.ts';
import { RowRef } from '../../core/value.ts';
import { covers } from '../../core/vector.ts';
import type { RowPlace } from '../../store/row-state.ts';
import { valuesAt } from '../folding/unique-values.ts';
import { SCHEMA, schemaRow } from '../schema/reserved.ts';
import { isDropped } from '../schema/uses.ts';
import { knows, type MendedRows } from './mended-rows.ts';
import { idsOf, type References, type Target, writesOf } from './references.ts';

/** It only spares looking again. */
const MAX_STANDING = 50_000;

export class Keeping {
  readonly #rows: MendedRows;
  readonly #references: References;
  /** Whose place in the fixpoint is to be found anew. */
  readonly #open = new Map<string, RowPlace>();
  readonly #kept = new Set<string>();
  /** Rows that were never deleted: most targets are, and many rows have the same one. */
  readonly #standing = new Set<string>();

  readonly #indirectOf = new Map<string, readonly number[]>();

  /** Tables to which any other refers. */
  readonly #targets: ReadonlySet<string>;

  #droppedTables: ReadonlyMap<string, Table> | null = null;

  constructor(rows: MendedRows, references: References) {
    this.#rows = rows;
    this.#references = references;
    this.#targets = new Set(
      [...rows.tables.values()].flatMap((table) => table.foreignKeys.map(({ target }) => target)),
    );
  }

  settle(): void {
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      const refers = table.foreignKeys.length > 0 || this.#targets.has(id);
      for (const { row, before, now } of refers ? touched.values() : touched.mended())
        this.#begin(table, row, before, now);
    }
    if (this.#open.size === 0) return;
    for (const place of this.#open.values()) this.#doubt(place);
    for (const place of [...this.#open.values()]) this.#find(place);
    for (const [name, { table, row }] of this.#open) {
      const merged = this.#rows.row(table, row);
      if (merged === undefined || isKept(merged) === this.#kept.has(name)) continue;
      this.#rows.mend(table, row, { ...(merged.mend ?? UNMENDED), kept: this.#kept.has(name) });
    }
  }

  #begin(table: Table, row: RowId, before: Row | undefined, now: Row): void {
    // The foreign key that kept it may be declared no longer.
    if ((this.#targets.has(table.id) || isKept(now)) && isDeleted(now))
      this.#open.set(nameOf({ table: table.id, row }), { table: table.id, row });
    if (table.foreignKeys.length === 0) return;
    const special = isSpecial(now) || wasLetGo(now) || (before !== undefined && isSpecial(before));
    if (!special && !this.#references.changed(table, before, now)) return;
    if (isAlive(now)) {
      this.#openTargets(this.#targetsOf(table, row, now), { table: table.id, row });
      this.#noteIndirect(table, row, now);
    }
    // Whom it referred to may be kept by nobody now: kept rows are listed.
    if (before !== undefined && this.#rows.state.hasListed()) {
      this.#openTargets(this.#targetsOf(table, row, before));
    }
  }

  /** Whose number is shown in the row goes by no foreign key that would note it. */
  #noteIndirect(table: Table, row: RowId, merged: Row): void {
    for (const at of this.#indirect(table)) {
      const [item] = valuesAt(table, [at], this.#rows.base, row, merged, 'merged');
      const target = table.references.get(at);
      if (item instanceof RowRef && target !== undefined)
        this.#rows.state.addReference({ table: target, row: item.row }, { table: table.id, row });
    }
  }

  #indirect(table: Table): readonly number[] {
    const known = this.#indirectOf.get(table.id) ?? indirect(table);
    this.#indirectOf.set(table.id, known);
    return known;
  }

  /** By what was written: a reference whose row has no value for it now is shown empty, because of what is kept or not. */
  #targetsOf(table: Table, row: RowId, merged: Row): Iterable<Target> {
    return this.#references.targets(table, row, merged, 'merged');
  }

  /** `from`: who refers to them, to be written down. */
  #openTargets(targets: Iterable<Target>, from?: RowPlace): void {
    for (const { table, row } of targets) {
      if (from !== undefined) this.#rows.state.addReference({ table, row }, from);
      const name = nameOf({ table, row });
      if (this.#standing.has(name)) continue;
      const merged = this.#rows.row(table, row);
      if (merged === undefined || !isDeleted(merged)) this.#noteStanding(name);
      else this.#open.set(name, { table, row });
    }
  }

  #noteStanding(name: string): void {
    if (this.#standing.size >= MAX_STANDING) this.#standing.clear();
    this.#standing.add(name);
  }

  /** What a kept row keeps in its turn is as doubtful as the row itself: the loop over a growing map reaches all. */
  #doubt({ table: id, row }: RowPlace): void {
    const table = this.#rows.tables.get(id);
    const merged = this.#rows.row(id, row);
    if (table !== undefined && merged !== undefined && isKept(merged)) {
      this.#openTargets(this.#targetsOf(table, row, merged));
    }
  }

  #find(place: RowPlace): void {
    const found = [place];
    for (let next = found.pop(); next !== undefined; next = found.pop()) {
      const name = nameOf(next);
      const table = this.#rows.tables.get(next.table);
      const merged = this.#rows.row(next.table, next.row);
      if (table === undefined || merged === undefined || !isDeleted(merged) || this.#kept.has(name)) continue;
      if (!this.#isKept(next, merged)) continue;
      this.#open.set(name, next);
      this.#kept.add(name);
      for (const target of this.#targetsOf(table, next.row, merged)) {
        this.#rows.state.addReference(target, next);
        found.push(target);
      }
    }
  }

  #isKept(place: RowPlace, merged: Row): boolean {
    for (const from of this.#referrers(place)) {
      const table = this.#rows.tables.get(from.table);
      const referring = table && this.#rows.merged(table, from.row);
      if (table === undefined || referring === undefined || !this.#isAliveNow(from, referring)) continue;
      for (const target of this.#targetsOf(table, from.row, referring)) {
        if (target.table !== place.table || target.row !== place.row) continue;
        if (this.#keeps(table, referring, target, merged)) return true;
      }
    }
    return false;
  }

  /** Rows that nobody wrote to since the base were known to whoever deleted, unless their table was dropped. */
  #referrers(place: RowPlace): readonly RowPlace[] {
    const table = this.#rows.tables.get(place.table);
    const isOfDropped = [...this.#dropped.values()].some((from) =>
      from.foreignKeys.some(({ target }) => target === place.table),
    );
    return table !== undefined && isOfDropped
      ? this.#references.maybeReferrers(table, place.row)
      : this.#rows.state.referrers(place);
  }

  /** Tables that somebody dropped, and that are kept: whoever did left no row in them that refers. */
  get #dropped(): ReadonlyMap<string, Table> {
    const { tables, state } = this.#rows;
    const isGone = (id: string): boolean => isDropped(state.row(SCHEMA, schemaRow('table', id)));
    this.#droppedTables ??= new Map([...tables].filter(([id]) => isGone(id)));
    return this.#droppedTables;
  }

  #isAliveNow(place: RowPlace, row: Row): boolean {
    if (aliveByOwnWrites(row)) return true;
    const name = nameOf(place);
    return this.#open.has(name) ? this.#kept.has(name) : isKept(row);
  }

  /**
   * A row that is itself kept, or whose table is, keeps all that it refers to. Otherwise it takes a write that the target's deletion had not
   * seen. One that found its target by a value must not have known of the deletion either: such a reference was broken
   * by one copy, and stays so. But a reference that came back with its row nobody wrote who knew: whoever edited the
   * row since had the target, kept, in front of him.
   */
  #keeps(table: Table, from: Row, { key, byRow }: Target, to: Row): boolean {
    if (!aliveByOwnWrites(from) || this.#dropped.has(table.id)) return true;
    const mayKnow = byRow || cameBack(from, idsOf(table, key));
    return writesOf(table, from, key).some((write) =>
      to.deletions.every((deletion) => {
        // Whoever did both in one change knew, too.
        if (knows(this.#rows, deletion, write)) return false;
        return mayKnow || !covers(this.#rows.seenBy(write), deletion.copy, deletion.seq);
      }),
    );
  }
}

function isDeleted(row: Row): boolean {
  return !aliveByOwnWrites(row) && (row.base || row.cells.size > 0);
}

function isKept(row: Row): boolean {
  return row.mend?.kept === true;
}

function nameOf({ table, row }: RowPlace): string {
  return `${table}\0${row}`;
}
