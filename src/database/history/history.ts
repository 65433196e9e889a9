/**
 * The history of rows and cells, read from the log: who wrote what, when, and what was there before for everybody who
 * had the same changes.
 */
import type { DatabaseOp, ReadBody, RowId } from '../../core/body.ts';
import { namedValue } from '../../core/body.ts';
import { fromJson, type JsonRow, type JsonValue, sameKey, toJson } from '../../core/plain-value.ts';
import { type Origin, type Seen, seenVector } from '../../core/rows.ts';
import { namedRowOrKey, numberColumn, rowOfNumber, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { type CopyId, EMPTY } from '../../core/vector.ts';
import { cellsOf } from '../capture/ops.ts';
import { keyOf } from '../conflicts/conflicts.ts';
import { changesAfter, readBody } from '../folding/containing.ts';
import { isReserved } from '../folding/folding.ts';
import type { Shown } from '../folding/shown.ts';
import type { ChangeSource, SourceChange } from '../folding/source.ts';
import type { HistoryEntry, HistoryQuery } from '../host.ts';
import { byNamesOfNow, keyIn, mustBeInBase } from './asked.ts';
import { withDropped } from './dropped-tables.ts';
import { SchemaPast } from './history-of-schema.ts';
import { CellPast } from './past.ts';

const DEFAULT_LIMIT = 100;

/** Throws a `ProblemError` where the question names what never was there. */
export function readHistory(database: string, source: ChangeSource, now: Shown, query: HistoryQuery): HistoryEntry[] {
  const shown = withDropped(now);
  const asked = byNamesOfNow(database, source, shown, query);
  const wanted = [...shown.tables.values()].filter(({ name }) => asked.table === undefined || asked.table === name);
  const replay = new Replay(shown, new Map(wanted.map((table) => [table.id, table])), asked);
  for (const change of changesAfter(source, database, EMPTY)) replay.take(change, readBody(source, change));
  if (asked.key !== undefined && !replay.hasMet) mustBeInBase(shown, wanted, asked.key);
  return replay.newest(asked.limit ?? DEFAULT_LIMIT);
}

class Replay {
  readonly #shown: Shown;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #query: HistoryQuery;
  /** By table, the key that is asked for. */
  readonly #asked: ReadonlyMap<string, JsonRow>;
  /** By table and row, by column. */
  readonly #pasts = new Map<string, Map<string, CellPast>>();
  readonly #keys = new Map<string, JsonRow>();
  readonly #makers = new Map<string, CopyId>();
  readonly #found: HistoryEntry[] = [];
  readonly #schema: SchemaPast;
  /** A row that is asked for was written to, or had the number by which it is asked for. */
  #hasMet = false;

  constructor(shown: Shown, tables: ReadonlyMap<string, Table>, query: HistoryQuery) {
    this.#shown = shown;
    this.#tables = tables;
    this.#query = query;
    this.#schema = new SchemaPast(shown, query);
    const { key } = query;
    this.#asked = new Map(key && [...tables].map(([id, table]) => [id, keyIn(table, key)]));
  }

  get hasMet(): boolean {
    return this.#hasMet;
  }

  newest(limit: number): HistoryEntry[] {
    return this.#found.slice(-limit).reverse();
  }

  take(change: SourceChange, body: ReadBody): void {
    const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
    const seen = seenVector(body.seen ?? change.deps);
    for (const [index, op] of body.ops.entries()) {
      const use = body.uses[op.use];
      const table = use && this.#tables.get(use.table);
      if (use === undefined || (table === undefined && !isReserved(use.table))) continue;
      const row = namedRowOrKey(op.row ?? `n${index}`, by);
      const cells = cellsOf(op, use.columns).map(([id, value]): [string, Value] => [id, namedValue(value, by)]);
      if (table === undefined) {
        this.#found.push(...this.#schema.tell(use.table, row, cells, by, seen));
        continue;
      }
      if (op.kind === 'insert') this.#makers.set(`${table.id}\0${row}`, by.copy);
      if (!this.#isWanted(table, row)) {
        this.#hasMet ||= this.#hadNumber(table, row, cells);
        continue;
      }
      this.#hasMet = true;
      const because = op.kind === 'number' ? this.#because(table, namedRowOrKey(op.because, by)) : null;
      this.#tell(table, row, op.kind, cells, by, seen, because);
      for (const [id, value] of cells) this.#past(table, row, id).add(by, value, seen);
    }
  }

  #isWanted(table: Table, row: RowId): boolean {
    const key = this.#asked.get(table.id);
    return key === undefined || sameKey(this.#keyOf(table, row), key);
  }

  /** Was the row called so, before its number became another one? */
  #hadNumber(table: Table, row: RowId, cells: readonly [string, Value][]): boolean {
    const { id, name } = table.columns[numberColumn(table) ?? -1] ?? {};
    const asked = name === undefined ? undefined : this.#query.key?.[name];
    if (asked === undefined) return false;
    const number = fromJson(asked);
    const isWritten = cells.some(([cell, value]) => cell === id && sameValue(value, number));
    return isWritten || (typeof number === 'bigint' && row === rowOfNumber(number));
  }

  #keyOf(table: Table, row: RowId): JsonRow {
    const place = `${table.id}\0${row}`;
    const known = this.#keys.get(place);
    if (known) return known;
    const key = keyOf(this.#shown, table, row);
    this.#keys.set(place, key);
    return key;
  }

  #past(table: Table, row: RowId, column: string): CellPast {
    const place = `${table.id}\0${row}`;
    const pasts = this.#pasts.get(place) ?? new Map<string, CellPast>();
    this.#pasts.set(place, pasts);
    const past = pasts.get(column) ?? new CellPast();
    pasts.set(column, past);
    return past;
  }

  #tell(
    table: Table,
    row: RowId,
    kind: DatabaseOp['kind'],
    cells: readonly [string, Value][],
    by: Origin,
    seen: Seen,
    because: HistoryEntry['because'],
  ): void {
    const about = { ...by, table: table.name, row, key: this.#keyOf(table, row), kind, because };
    const { column, kind: wanted } = this.#query;
    if (wanted !== undefined && wanted !== kind) return;
    if (kind === 'insert' || kind === 'delete') {
      if (column !== undefined) return;
      const whole = this.#whole(table, row, kind === 'insert' ? new Map(cells) : this.#before(table, row, seen));
      this.#found.push({
        ...about,
        column: null,
        from: kind === 'insert' ? null : whole,
        to: kind === 'insert' ? whole : null,
      });
      return;
    }
    const base = this.#base(table, row);
    for (const [id, value] of cells) {
      const at = table.columns.findIndex((each) => each.id === id);
      const name = table.columns[at]?.name ?? id;
      if (id === '' || (column !== undefined && column !== name)) continue;
      const write = this.#past(table, row, id).shownTo(seen);
      const from = write ? write.value : (base?.[at] ?? null);
      this.#found.push({ ...about, column: name, from: this.#json(table, at, from), to: this.#json(table, at, value) });
    }
  }

  /** The other row, by its key as it is shown now, and who made it. */
  #because(table: Table, row: RowId): HistoryEntry['because'] {
    const merged = this.#shown.merged(table, row);
    const first = merged.base ? undefined : this.#makers.get(`${table.id}\0${row}`);
    return { key: this.#keyOf(table, row), by: first ?? null };
  }

  #base(table: Table, row: RowId): readonly Value[] | undefined {
    return this.#shown.base.has(table, row) ? this.#shown.base.read(table, row) : undefined;
  }

  /** What the row held for somebody who had seen just this. */
  #before(table: Table, row: RowId, seen: Seen): Map<string, Value> {
    const base = this.#base(table, row);
    const held = new Map<string, Value>();
    for (const [at, { id }] of table.columns.entries()) {
      const write = this.#past(table, row, id).shownTo(seen);
      const value = write ? write.value : base?.[at];
      if (value !== undefined) held.set(id, value);
    }
    return held;
  }

  #whole(table: Table, row: RowId, held: ReadonlyMap<string, Value>): JsonRow {
    // What a row's name says of its key is not written a second time.
    const key = table.kind === 'name' ? this.#keyOf(table, row) : {};
    const whole: JsonRow = {};
    for (const [at, { id, name }] of table.columns.entries()) {
      const value = held.get(id);
      if (id !== '') whole[name] = value === undefined ? (key[name] ?? null) : this.#json(table, at, value);
    }
    // Of columns that the table does not have any more.
    for (const [id, value] of held) {
      if (id !== '' && !table.columns.some((each) => each.id === id)) whole[id] = toJson(value);
    }
    return whole;
  }

  #json(table: Table, at: number, value: Value): JsonValue {
    return toJson(at < 0 ? value : this.#shown.plain(table, at, value));
  }
}
