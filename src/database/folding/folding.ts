/**
 * Takes changes into the merged rows, and finds out which rows are shown otherwise than before. Changes are folded in
 * memory, then settled once for all: rows written, numbers mended, references to moved rows followed. Runs inside a
 * transaction of `RowState` that the caller opened.
 */
import type { DatabaseOp, ReadBody, RowId } from '../../core/body.ts';
import { namedValue } from '../../core/body.ts';
import type { ChangeId } from '../../core/change.ts';
import type { Mend, Seen } from '../../core/rows.ts';
import {
  ABSENT,
  foldDelete,
  foldWrite,
  IN_BASE,
  mendedColumns,
  type Origin,
  type Row,
  sameMend,
  seenVector,
  type Write,
  withMend,
} from '../../core/rows.ts';
import { namedRowOrKey, numberColumn, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { at, covers, type Vector, withEntry } from '../../core/vector.ts';
import type { RowPlace, RowState } from '../../store/row-state.ts';
import { cellsOf, numberedBy } from '../capture/ops.ts';
import { Collisions } from '../mending/collisions.ts';
import { Following } from '../mending/following.ts';
import { Keeping } from '../mending/keeping.ts';
import { LeftBehind } from '../mending/left-behind.ts';
import { Meeting } from '../mending/meeting.ts';
import { Orphans } from '../mending/orphans.ts';
import { References } from '../mending/references.ts';
import { Required } from '../mending/required.ts';
import { rowsWritten } from '../mending/row-history.ts';
import { Ruling } from '../mending/ruling.ts';
import { referredUniques } from '../mending/unique-targets.ts';
import { WholeRows } from '../mending/whole-rows.ts';
import { Withholding } from '../mending/withholding.ts';
import { SCHEMA } from '../schema/reserved.ts';
import { SchemaFolding } from '../schema/schema-folding.ts';
import type { Choices } from '../settings/choices.ts';
import { chosenAnew } from '../settings/mended-by.ts';
import { SETTINGS } from '../settings/reserved.ts';
import type { BaseFile } from './base-file.ts';
import { readBody } from './containing.ts';
import { EveryNumber } from './every-number.ts';
import { FoldingViews } from './folding-views.ts';
import { Renumbering } from './renumbering.ts';
import type { Room } from './room.ts';
import { RowsAnew } from './rows-anew.ts';
import { columnId, Shown } from './shown.ts';
import type { SourceChange } from './source.ts';
import { type ChangeSource, changeAt, seenBy } from './source.ts';
import { type KnownRows, type Touched, type TouchedRows, TouchedStore } from './touched.ts';
import { itemsOf, rowsInBase, uniqueName } from './unique-values.ts';

/** What folding goes by, besides the rows themselves. */
export interface FoldingBy {
  readonly database: string;
  readonly base: BaseFile;
  readonly tables: ReadonlyMap<string, Table>;
  /** The settings that these tables follow from. */
  readonly choices: Choices;
  readonly source: ChangeSource;
  readonly room: Room;
}

export class Folding {
  readonly #state: RowState;
  readonly #by: FoldingBy;
  readonly #base: BaseFile;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #touched: TouchedStore;
  readonly #consequences = new Map<string, Map<RowId, Touched>>();
  readonly #followed = new Map<string, RowPlace>();
  readonly #renumbering: Renumbering;
  readonly #numbers: EveryNumber;
  readonly #anew: RowsAnew;
  readonly #known: KnownRows | undefined;
  readonly #upgrades: SchemaFolding;
  #vector: Vector;
  #changes = 0;

  /** `known`: merged rows that were read from the state as it is. */
  constructor(state: RowState, by: FoldingBy, known?: KnownRows) {
    this.#known = known;
    this.#touched = new TouchedStore(state, by.room, (table, touched) => this.#renumber(table, touched));
    this.#state = state;
    this.#by = by;
    this.#base = by.base;
    this.#tables = by.tables;
    this.#vector = state.vector;
    this.#renumbering = new Renumbering(state, by.base);
    this.#numbers = new EveryNumber(state, by, this.#renumbering);
    this.#upgrades = new SchemaFolding(state);
    this.#anew = new RowsAnew(this, this.#renumbering, (...place) => this.#follow(...place));
  }

  get changes(): number {
    return this.#changes;
  }

  get vector(): Vector {
    return this.#vector;
  }

  /** Rows to whose values others were written: references by these may mean the others from now on. */
  get followed(): Iterable<RowPlace> {
    return this.#followed.values();
  }

  /** Rows per table that are, or may be, shown otherwise. Complete after `settle`. */
  get touched(): TouchedStore['tables'] {
    return this.#touched.tables;
  }

  /** Lets go of what is on the disk; nothing of the folding is asked for any more. */
  close(): void {
    this.#touched.close();
  }

  /** Of these, the rows that have another number than before, and those that refer to them. */
  get consequences(): TouchedRows {
    return this.#consequences;
  }

  get rows(): number {
    return this.#touched.size;
  }

  /**
   * After everything that it has seen, and once: the caller knows what is folded. `part`: the rows of schema and settings,
   * or all others, where the tables are brought to these in between.
   */
  fold(change: SourceChange, body: ReadBody, part: 'all' | 'schema' | 'rows' = 'all'): void {
    const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
    const seen = seenVector(body.seen ?? change.deps);
    for (const [index, op] of body.ops.entries()) {
      const use = body.uses[op.use];
      if (use === undefined) continue;
      if (part !== 'rows') this.#upgrades.note(op, use, by, body.seen ?? change.deps, part === 'schema');
      if (part !== 'schema') this.#upgrades.noteAltered(op, use);
      if (part === 'all' || (part === 'schema') === isReserved(use.table)) this.#foldOp(op, index, use, by, seen);
      this.#touched.relieve();
    }
    if (at(this.#vector, change.copy) < change.seq) this.#vector = withEntry(this.#vector, change.copy, change.seq);
    this.#changes += 1;
  }

  #foldOp(
    op: DatabaseOp,
    index: number,
    use: { table: string; columns: readonly string[] },
    by: Origin,
    seen: Seen,
  ): void {
    const row = namedRowOrKey(op.row ?? `n${index}`, by);
    const touched = this.#touch(use.table, row);
    // A number that was written down was shown before: in the file nothing has happened.
    if (op.kind !== 'number') touched.ops = true;
    switch (op.kind) {
      case 'insert':
      case 'update':
      case 'number': {
        const cells = cellsOf(op, use.columns).map(([id, item]): [string, Value] => [id, namedValue(item, by)]);
        // A number that mending gave is nobody's edit: it does not keep a row that somebody deleted.
        this.#notePast(use.table, touched, cells, seen);
        touched.now = foldWrite(touched.now, by, cells, seen, numberedBy(op, by));
        for (const [id] of cells) touched.columns.add(id);
        this.#noteUniques(use.table, touched, by, cells);
        this.#numbers.note(use.table, row, cells);
        break;
      }
      case 'delete':
        // It may live on by what others wrote, and mended anew: otherwise, or no more.
        for (const column of mendedColumns(touched.now.mend)) touched.columns.add(column);
        this.#notePast(use.table, touched, [], seen);
        touched.now = foldDelete(touched.now, by, seen);
        break;
      default:
        op satisfies never;
    }
  }

  #notePast(table: string, { row, now }: Touched, cells: readonly [string, Value][], seen: Seen): void {
    if (!this.#state.remembers(table)) return;
    const writes = cells.flatMap(([column]) => now.cells.get(column) ?? []);
    for (const by of [...writes, ...now.deletions]) if (seen(by)) this.#state.addPast(table, row, by);
  }

  /**
   * Who has a value to which others may refer is found by it: also after it was written over, and where somebody else's
   * value is shown: for its writer the row had it.
   */
  #noteUniques(table: string, { row, now }: Touched, by: Origin, cells: readonly [string, Value][]): void {
    const known = this.#tables.get(table);
    const places = (known && referredUniques(this.#tables).get(table)) ?? [];
    for (const place of places) {
      const unique = known?.uniques[place];
      for (const each of [now, asWritten(now, by, cells)]) {
        const items = known && unique ? itemsOf(known, unique, this.#base, row, each) : [];
        const name = known && unique && uniqueName(known, unique, items);
        if (!name) continue;
        this.#state.addUnique(table, place, name, row);
        const isWritten = unique.columns.some((at) => cells.some(([id]) => id === columnId(known, at)));
        if (!isWritten) continue;
        const held = [...this.#state.withUnique(table, place, name), ...rowsInBase(this.#base, known, unique, items)];
        for (const other of held) if (other !== row) this.#followed.set(`${table}\0${other}`, { table, row: other });
      }
    }
  }

  /** The row's place in this folding, made when it is met first. */
  #touch(table: string, row: RowId): Touched {
    const rows = this.#touched.table(table);
    let touched = rows.hold(row);
    if (touched === undefined) {
      const known = this.#known?.get(table);
      const before = known?.has(row) ? known.get(row) : this.#state.row(table, row);
      const now = before ?? this.#unwritten(table, row);
      touched = { row, before, now, edited: now, columns: new Set(), ops: false };
      rows.add(touched);
    }
    return touched;
  }

  #unwritten(table: string, row: RowId): Row {
    // A table that was dropped may come back, and its rows are then what they were.
    const known = this.#tables.get(table) ?? this.#base.tables.get(table);
    return known !== undefined && this.#base.has(known, row) ? IN_BASE : ABSENT;
  }

  /** Writes the rows, mends them, and finds all others that are shown otherwise because of them. */
  settle(others: Vector = this.#vector): void {
    for (const rows of this.touched.values()) rows.store();
    this.#upgrades.settle(this.#tables);
    const chosen = chosenAnew(this.#state, this.#by.choices, this.#tables);
    for (const { table } of chosen) {
      if (this.#by.choices.get(table.id)?.numbered) this.#numbers.recallTop(table, this.#vector);
    }
    this.#anew.touch(this.#upgrades, chosen);
    new Ruling(this).settle();
    new WholeRows(this).settle();
    const references = new References(this);
    new Keeping(this, references).settle();
    for (const [table, rows] of this.touched) {
      for (const touched of rows.held()) this.#renumber(table, touched, this.#anew.noted(touched));
    }
    this.#renumbering.settle();
    this.#followMoves();
    new Collisions(this).settle();
    new Following(this, references).settle();
    new Meeting(this).settle();
    new Required(this).settle();
    new Orphans(this, references).settle();
    new LeftBehind(this, references).settle();
    new Withholding(this, references).settle();
    this.#anew.putBack();
    this.#gatherMended();
    this.#vector = others;
    this.#state.setVector(others);
  }

  /** A row that was noted before goes on from there. `claimed`: as it was when its claims were noted last. */
  #renumber(table: string, { row, before, now, stored = before }: Touched, claimed?: Row): void {
    const known = this.#tables.get(table);
    if (known === undefined || numberColumn(known) === undefined) return;
    if (claimed !== undefined) this.#renumbering.forget(known, row, claimed, now);
    if (now !== stored) this.#renumbering.note(known, row, stored, now);
  }

  /** What is known of the rows of a table besides them is found anew: it has other columns, references or indexes. */
  reindex(table: string): void {
    this.#anew.add(table);
  }

  /** The table has come back, or is there no longer: what its rows keep is found anew. */
  altered(table: string): void {
    this.#upgrades.addAltered(table);
  }

  /** What is folded was folded while the tables had another schema; these were not there at all. */
  foldedBefore(made: ReadonlySet<string>): void {
    this.#upgrades.foldedBefore();
    for (const table of this.#tables.values()) if (made.has(table.id)) this.#numbers.recallTop(table, this.#vector);
  }

  get state(): RowState {
    return this.#state;
  }

  get base(): BaseFile {
    return this.#base;
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables;
  }

  row(table: string, row: RowId): Row | undefined {
    const touched = this.touched.get(table)?.get(row);
    return touched === undefined ? this.#state.row(table, row) : touched.now;
  }

  merged(table: Table, row: RowId): Row {
    return this.row(table.id, row) ?? this.#unwritten(table.id, row);
  }

  touch(table: string, row: RowId): Touched {
    return this.#touch(table, row);
  }

  mend(table: string, row: RowId, mend: Mend): void {
    const touched = this.#touch(table, row);
    if (sameMend(touched.now.mend, mend)) return;
    const before = touched.now;
    touched.now = withMend(before, mend);
    this.#state.putRow(table, row, touched.now, before);
  }

  change(id: ChangeId): { change: SourceChange; body: ReadBody } {
    const change = changeAt(this.#by.source, this.#by.database, id);
    return { change, body: readBody(this.#by.source, change) };
  }

  seenBy(change: ChangeId): Vector {
    return seenBy(this.#by.source, this.#by.database, change);
  }

  past(table: string, row: RowId): readonly ChangeId[] {
    const { source, database } = this.#by;
    if (!this.#state.remembers(table)) {
      const folded = (id: ChangeId) => covers(this.#vector, id.copy, id.seq);
      for (const [by, row] of rowsWritten(source, database, table)) if (folded(by)) this.#state.addPast(table, row, by);
      this.#state.setRemembers(table);
    }
    return this.#state.past(table, row);
  }

  recallNumbers(table: Table): void {
    this.#numbers.recall(table, this.#vector);
  }

  /** Rows that are shown otherwise than the ops left them. */
  #gatherMended(): void {
    for (const [table, rows] of this.touched) {
      for (const { row, edited, now, columns } of rows.held()) {
        if (edited === now || sameMend(edited.mend, now.mend)) continue;
        for (const mend of [edited.mend, now.mend]) for (const column of mendedColumns(mend)) columns.add(column);
        const known = this.#consequences.get(table) ?? new Map<RowId, Touched>();
        this.#consequences.set(table, known.set(row, this.#touch(table, row)));
      }
    }
  }

  /** A row with another number than before is written anew, and so are the references to it. */
  #followMoves(): void {
    for (const [id, moves] of this.#renumbering.moves()) {
      const table = this.#tables.get(id) as Table;
      for (const row of moves) {
        this.#follow(id, row, columnId(table, numberColumn(table) as number));
        for (const place of this.after().referrers(table, row)) {
          const from = this.#tables.get(place.table);
          for (const [at, target] of from?.references ?? []) {
            if (from && target === id) this.#follow(place.table, place.row, columnId(from, at));
          }
        }
      }
    }
  }

  #follow(table: string, row: RowId, column: string): void {
    const touched = this.#touch(table, row);
    touched.columns.add(column);
    const rows = this.#consequences.get(table) ?? new Map<RowId, Touched>();
    this.#consequences.set(table, rows.set(row, touched));
  }

  get views(): FoldingViews {
    const { state, base, tables, touched, consequences } = this;
    return new FoldingViews({ state, base, tables, touched, consequences, renumbering: this.#renumbering });
  }

  after(): Shown {
    return new Shown(this.#state, this.#base, this.#tables);
  }
}

/** Rows that say what tables are: they come before those of tables. */
export function isReserved(table: string): boolean {
  return table === SCHEMA || table === SETTINGS;
}

function asWritten(row: Row, by: Origin, cells: readonly [string, Value][]): Row {
  const own = cells.map(([id, value]): [string, Write[]] => [id, [{ ...by, value, dead: false }]]);
  return { ...row, cells: new Map([...row.cells, ...own]) };
}
