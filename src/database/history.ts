/**
 * The history of rows and cells, read from the log: who wrote what, when, and what was there before for everybody who
 * had the same changes.
 */
import type { DatabaseBody, DatabaseOp, RowId } from '../core/body.ts';
import { namedValue } from '../core/body.ts';
import { fromJson, type JsonRow, type JsonValue, toJson } from '../core/plain-value.ts';
import { ABSENT, foldDelete, foldWrite, IN_BASE, type Origin, type Row, seenVector, winner } from '../core/rows.ts';
import { namedRowOrKey, type Table } from '../core/tables.ts';
import { sameValue, type Value } from '../core/value.ts';
import { EMPTY } from '../core/vector.ts';
import { keyOf } from './conflicts.ts';
import { changesAfter, readBody } from './containing.ts';
import type { HistoryEntry, HistoryQuery } from './host.ts';
import { cellsOf } from './ops.ts';
import type { Shown } from './shown.ts';
import type { ChangeSource, SourceChange } from './source.ts';

const DEFAULT_LIMIT = 100;

export function readHistory(database: string, source: ChangeSource, shown: Shown, query: HistoryQuery): HistoryEntry[] {
  const wanted = [...shown.tables.values()].filter(({ name }) => query.table === undefined || query.table === name);
  const replay = new Replay(shown, new Map(wanted.map((table) => [table.id, table])), query);
  for (const change of changesAfter(source, database, EMPTY)) replay.take(change, readBody(source, change));
  return replay.newest(query.limit ?? DEFAULT_LIMIT);
}

class Replay {
  readonly #shown: Shown;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #query: HistoryQuery;
  readonly #rows = new Map<string, Row>();
  readonly #keys = new Map<string, JsonRow>();
  readonly #found: HistoryEntry[] = [];

  constructor(shown: Shown, tables: ReadonlyMap<string, Table>, query: HistoryQuery) {
    this.#shown = shown;
    this.#tables = tables;
    this.#query = query;
  }

  newest(limit: number): HistoryEntry[] {
    return this.#found.slice(-limit).reverse();
  }

  take(change: SourceChange, body: DatabaseBody): void {
    const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
    const seen = seenVector(body.seen ?? change.deps);
    body.ops.forEach((op, index) => {
      const use = body.uses[op.use];
      const table = use && this.#tables.get(use.table);
      if (table === undefined) return;
      const row = namedRowOrKey(op.row ?? `n${index}`, by);
      if (!this.#isWanted(table, row)) return;
      const place = `${table.id}\0${row}`;
      const before = this.#rows.get(place) ?? (this.#shown.base.has(table, row) ? IN_BASE : ABSENT);
      const cells = cellsOf(op, use?.columns ?? []).map(([id, value]): [string, Value] => [id, namedValue(value, by)]);
      const after =
        op.kind === 'delete' ? foldDelete(before, by, seen) : foldWrite(before, by, cells, seen, op.kind === 'number');
      this.#rows.set(place, after);
      this.#tell(table, row, op.kind, before, cells, by);
    });
  }

  #isWanted(table: Table, row: RowId): boolean {
    const { key } = this.#query;
    if (key === undefined) return true;
    const own = this.#keyOf(table, row);
    return Object.entries(key).every(([name, value]) => {
      const item = own[name];
      return item !== undefined && sameValue(fromJson(item), fromJson(value as JsonValue));
    });
  }

  #keyOf(table: Table, row: RowId): JsonRow {
    const place = `${table.id}\0${row}`;
    const known = this.#keys.get(place);
    if (known) return known;
    const key = keyOf(this.#shown, table, row);
    this.#keys.set(place, key);
    return key;
  }

  #tell(
    table: Table,
    row: RowId,
    kind: DatabaseOp['kind'],
    before: Row,
    cells: readonly [string, Value][],
    by: Origin,
  ): void {
    const about = { ...by, table: table.name, row, key: this.#keyOf(table, row), kind };
    const { column } = this.#query;
    if (kind === 'insert' || kind === 'delete') {
      if (column !== undefined) return;
      const whole = kind === 'insert' ? this.#named(table, cells) : this.#whole(table, row, before);
      this.#found.push({
        ...about,
        column: null,
        from: kind === 'insert' ? null : whole,
        to: kind === 'insert' ? whole : null,
      });
      return;
    }
    const base = before.base ? this.#shown.base.read(table, row) : undefined;
    for (const [id, value] of cells) {
      const at = table.columns.findIndex((each) => each.id === id);
      const name = table.columns[at]?.name ?? id;
      if (id === '' || (column !== undefined && column !== name)) continue;
      const write = winner(before, id);
      const from = write ? write.value : (base?.[at] ?? null);
      this.#found.push({ ...about, column: name, from: this.#json(table, at, from), to: this.#json(table, at, value) });
    }
  }

  #whole(table: Table, row: RowId, before: Row): JsonRow {
    const base = before.base ? this.#shown.base.read(table, row) : undefined;
    return this.#named(
      table,
      table.columns.map(({ id }, at) => [id, winner(before, id)?.value ?? base?.[at] ?? null]),
    );
  }

  #named(table: Table, cells: readonly (readonly [string, Value])[]): JsonRow {
    const named: JsonRow = {};
    for (const [id, value] of cells) {
      const at = table.columns.findIndex((each) => each.id === id);
      if (id !== '') named[table.columns[at]?.name ?? id] = this.#json(table, at, value);
    }
    return named;
  }

  #json(table: Table, at: number, value: Value): JsonValue {
    return toJson(at < 0 ? value : this.#shown.plain(table, at, value));
  }
}
