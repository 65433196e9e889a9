/**
 * Rows that refer into a table which was made anew (under another key, say) without their writer's knowledge, and which
 * has no such row: theirs is in the table that was there before. They are withheld until it is in the new one, too.
 */
import type { RowId } from '../../core/body.ts';
import { isAlive, type Origin, type Row, UNMENDED } from '../../core/rows.ts';
import type { ForeignKey, Table } from '../../core/tables.ts';
import { covers } from '../../core/vector.ts';
import type { RowPlace } from '../../store/row-state.ts';
import { SCHEMA, type SchemaCell, schemaRow } from '../schema/reserved.ts';
import type { MendedRows } from './mended-rows.ts';
import type { References } from './references.ts';
import { referringSince, uniqueOf } from './unique-targets.ts';
import { withheldFor } from './withholding.ts';

const ENDING = ' was made anew, and has no such row';
/** It is written when a table is made. */
const MADE: SchemaCell = 'kind';

export class Orphans {
  readonly #rows: MendedRows;
  readonly #references: References;
  /** By id of a table: who made it since the base. */
  readonly #makers = new Map<string, readonly Origin[]>();
  readonly #open = new Map<string, RowPlace>();

  constructor(rows: MendedRows, references: References) {
    this.#rows = rows;
    this.#references = references;
    for (const id of new Set(
      [...rows.tables.values()].flatMap((table) => table.foreignKeys.map((key) => key.target)),
    )) {
      const made = rows.state.row(SCHEMA, schemaRow('table', id))?.cells.get(MADE) ?? [];
      if (made.length > 0 && rows.tables.get(id)?.kind === 'name') this.#makers.set(id, made);
    }
  }

  settle(): void {
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      const refers = this.#keys(table).length > 0;
      // The reference may be declared no longer.
      for (const { row, now } of refers ? touched.values() : touched.mended()) {
        if (refers || isOrphan(now)) this.#add(id, row);
      }
      if (!this.#makers.has(id)) continue;
      for (const row of touched.keys())
        for (const from of this.#references.referrers(table, row)) this.#add(from.table, from.row);
    }
    this.#addAllOf(this.#madeNow());
    for (const place of this.#open.values()) this.#judge(place);
  }

  #add(table: string, row: RowId): void {
    this.#open.set(`${table}\0${row}`, { table, row });
  }

  #keys(table: Table): ForeignKey[] {
    return table.foreignKeys.filter((key) => this.#makers.has(key.target));
  }

  /** Two may make one table without knowledge of each other. */
  #madeNow(): Set<string> {
    const touched = this.#rows.touched.get(SCHEMA);
    return new Set([...this.#makers.keys()].filter((id) => touched?.get(schemaRow('table', id))?.columns.has(MADE)));
  }

  #addAllOf(targets: ReadonlySet<string>): void {
    for (const table of targets.size === 0 ? [] : this.#rows.tables.values()) {
      if (!table.foreignKeys.some(({ target }) => targets.has(target))) continue;
      for (const row of this.#rows.state.rows(table.id)) this.#add(table.id, row);
    }
  }

  #judge({ table: id, row }: RowPlace): void {
    const table = this.#rows.tables.get(id);
    if (table === undefined) return;
    const merged = this.#rows.merged(table, row);
    const key = isAlive(merged)
      ? this.#keys(table).find((each) => this.#isMissing(table, row, merged, each))
      : undefined;
    const target = key && this.#rows.tables.get(key.target)?.name;
    const reason = target === undefined ? null : `FOREIGN KEY of ${table.name}: ${target}${ENDING}`;
    const mend = merged.mend ?? UNMENDED;
    this.#rows.mend(id, row, { ...mend, withheld: withheldFor(ENDING, reason, mend.withheld) });
  }

  #isMissing(table: Table, row: RowId, merged: Row, key: ForeignKey): boolean {
    const target = this.#rows.tables.get(key.target) as Table;
    const since = referringSince(table, key, merged);
    // By another UNIQUE it is found by what its writer had in front of him, and stays what it was.
    if (since === null || uniqueOf(target, key) !== undefined) return false;
    for (const found of this.#references.targets(table, row, merged)) {
      if (found.key !== key) continue;
      if (isAlive(this.#rows.merged(target, found.row))) return false;
      return !(this.#makers.get(target.id) ?? []).some(
        (maker) => this.#knows(since, maker) || this.#knows(maker, since),
      );
    }
    return false;
  }

  #knows(one: Origin, other: Origin): boolean {
    if (one.copy === other.copy && one.seq === other.seq) return true;
    return covers(this.#rows.seenBy(one), other.copy, other.seq);
  }
}

function isOrphan(row: Row): boolean {
  return row.mend?.withheld?.reason.endsWith(ENDING) === true;
}
