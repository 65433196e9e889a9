/**
 * What keeps a dropped table: rows written to it without knowledge of the drop. Noted only from the first drop on, in a
 * row beside those of the schema: which drops there were and what they had seen, and who wrote what last. Derived from
 * the changes, never sent.
 */
import { type ChangeId, sameChange } from '../../core/change.ts';
import { ABSENT, type Row, winner } from '../../core/rows.ts';
import { covers, type Vector } from '../../core/vector.ts';
import { SCHEMA, schemaRow } from './reserved.ts';

const NOBODY = '00'.repeat(16);

/** Columns by id; '' is the table itself. */
interface Noted {
  /** By column, then by copy: the last change that wrote there. */
  readonly uses: Record<string, Record<string, number>>;
  /** By column, then `copy:seq` of the drop: what it had seen. */
  readonly drops: Record<string, Record<string, [string, number][]>>;
}

export class Uses {
  readonly #noted: Noted;

  constructor(noted: Noted) {
    this.#noted = noted;
  }

  /** Did somebody write there who did not know of any of the drops that stand in `row`? */
  keeps(row: Row, column: string): boolean {
    const uses = Object.entries(this.#noted.uses[column] ?? {});
    return uses.some(([copy, seq]) => this.isUnaware(row, column, { copy, seq }));
  }

  /** Was this change known to nobody who dropped it? */
  isUnaware(row: Row, column: string, change: ChangeId): boolean {
    const drops = (row.cells.get('dropped') ?? []).flatMap((drop) => {
      const seen = drop.value === 1n ? this.#noted.drops[column]?.[`${drop.copy}:${drop.seq}`] : undefined;
      return seen === undefined ? [] : [{ by: drop, seen: new Map(seen) as Vector }];
    });
    // What was written in the change that drops was written by who knows.
    return !drops.some(({ by, seen }) => covers(seen, change.copy, change.seq) || sameChange(by, change));
  }

  used(column: string, { copy, seq }: { copy: string; seq: number }): void {
    this.#noted.uses[column] ??= {};
    const last = this.#noted.uses[column];
    if ((last[copy] ?? 0) < seq) last[copy] = seq;
  }

  dropped(column: string, { copy, seq }: { copy: string; seq: number }, seen: Vector): void {
    this.#noted.drops[column] ??= {};
    this.#noted.drops[column][`${copy}:${seq}`] = [...seen];
  }

  text(): string {
    return JSON.stringify({ uses: sorted(this.#noted.uses), drops: sorted(this.#noted.drops) });
  }
}

/** A row of the state that is nobody's write. */
export function derivedRow(value: string): Row {
  const write = { copy: NOBODY, seq: 0, stamp: 0, value, dead: true };
  return { ...ABSENT, cells: new Map([['value', [write]]]) };
}

/** Is it one of those? It follows from all others, and from the moment at which they were looked at. */
export function isDerived(row: Row): boolean {
  for (const [write] of row.cells.values()) if (write?.copy === NOBODY) return true;
  return false;
}

export function isDropped(row: Row | undefined): boolean {
  return row !== undefined && winner(row, 'dropped')?.value === 1n;
}

export function usesRow(table: string): string {
  return schemaRow('use', table);
}

export function readUses(view: { row(table: string, row: string): Row | undefined }, table: string): Uses {
  const value = view.row(SCHEMA, usesRow(table))?.cells.get('value')?.[0]?.value;
  return new Uses(typeof value === 'string' ? (JSON.parse(value) as Noted) : { uses: {}, drops: {} });
}

function sorted<T>(of: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)));
}
