/**
 * One user database, step by step: capture what was edited, apply what arrived, stay in step with a file that others
 * close, replace, restore and crash. Every step is synchronous and either done or undone; whoever drives it
 * (follower.ts, or a test) decides when. Never waits for a lock: a step answers `busy`.
 *
 * Captured changes are appended by the driver: `capture` answers with the body, the driver makes it durable in the log
 * and hands its place back to `captured`. Between the two no other step may run.
 */
import type { DatabaseSync } from 'node:sqlite';
import { body as bodyCodec, type DatabaseBody } from '../core/body.ts';
import type { ChangeId } from '../core/change.ts';
import { encode } from '../core/codec.ts';
import { assert, type Problem } from '../core/problem.ts';
import type { Renaming } from '../core/reissue.ts';
import type { Table } from '../core/tables.ts';
import { at, type CopyId, covers, EMPTY, join, same, type Vector, withEntry } from '../core/vector.ts';
import type { FileFacts } from '../platform/ports.ts';
import { ROWS_SCHEMA, type RowPlace, RowState } from '../store/row-state.ts';
import { openStore } from '../store/sqlite.ts';
import { BaseFile } from './base-file.ts';
import { capture } from './capture.ts';
import { compareTables } from './comparing-tables.ts';
import {
  type Containing,
  changesAfter,
  isBeyond,
  lackingAt,
  readBody,
  renamedPosition,
  whatItContains,
} from './containing.ts';
import { Folding, type KnownRows, type Touched } from './folding.ts';
import { misnumbered, renumber } from './hidden-numbers.ts';
import type { Appended, AppendRequest, OpenDatabase } from './host.ts';
import { addMark, clearMarks, hasMark, hasMarksToClear, marksAfter, newestMark } from './marks.ts';
import { OpenFile } from './open-file.ts';
import { rowsOfOther } from './other-rows.ts';
import { PlacingRows } from './placing-rows.ts';
import { type Position, readPosition, writePosition } from './position.ts';
import { parseSettings } from './settings.ts';
import { Shown } from './shown.ts';
import type { ChangeSource, SourceChange } from './source.ts';
import { areCompared, setCompared } from './triggers.ts';

export interface EngineOptions {
  readonly database: OpenDatabase;
  readonly copy: CopyId;
  /** The store with ROWS_SCHEMA, shared by all databases of the copy. */
  readonly rows: DatabaseSync;
  readonly source: ChangeSource;
  readonly facts: (path: string) => FileFacts | undefined;
  readonly renamings?: readonly Renaming[];
}

export type CaptureStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'append'; readonly request: AppendRequest }
  /** An own change moved numbers of other rows: apply, then again. */
  | { readonly kind: 'apply' };

export type ApplyStep =
  | { readonly kind: 'nothing' }
  /** Marks came in between: capture, then again. */
  | { readonly kind: 'capture' }
  | { readonly kind: 'applied'; readonly changes: number; readonly rows: number };

/** What one transaction takes in at most, so that the application is not kept from its database for long. */
const MAX_ROWS = 20_000;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_CHANGES = 5_000;

/** A file that is not at what is folded: its rows as they were at the changes that it contains. */
interface Behind {
  readonly state: RowState;
  readonly store: DatabaseSync;
  /** What was applied to the file. */
  readonly contained: Vector;
  /** Own changes that were edited in it since. */
  readonly edited: ChangeId[];
}

export class DatabaseEngine {
  readonly #options: EngineOptions;
  readonly #id: string;
  readonly #state: RowState;
  readonly #base: BaseFile;
  #file: OpenFile | null = null;
  #lastTables: ReadonlyMap<string, Table> | null = null;
  #position: Position | null = null;
  /** The last mark that was captured. */
  #mark: Containing['mark'] = { id: 0, nonce: null };
  #behind: Behind | null = null;
  /** We have the write lock, because marks came again and again before we could apply. */
  #held = false;
  #capturing: DatabaseBody | null = null;
  #merged: KnownRows | undefined;
  /** Own changes, in the log and in the file, that are not folded yet. */
  #edited: { change: SourceChange; body: DatabaseBody }[] = [];
  #mayBeRenumbered = false;
  /** Rows of which we do not know whether they are in the file. */
  #unverified: RowPlace[] = [];

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#id = options.database.id;
    this.#state = new RowState(options.rows, this.#id);
    this.#base = new BaseFile(options.database.basePath);
    // Own changes were issued again under another id: what is folded under the old one is folded anew.
    if (this.#renamings.some(({ from, after }) => at(this.#state.vector, from) > after)) this.#state.clear();
  }

  get #renamings(): readonly Renaming[] {
    return this.#options.renamings ?? [];
  }

  get isOpen(): boolean {
    return this.#file !== null;
  }

  /** What is folded; what the database contains once every step is done. */
  get vector(): Vector {
    return this.#state.vector;
  }

  get state(): RowState {
    return this.#state;
  }

  /** Problems of single tables. */
  get problems(): readonly Problem[] {
    return this.#file?.problems ?? [];
  }

  /** Closes the connection; the next step opens it again. */
  disconnect(): void {
    this.#lastTables = this.#file?.tables ?? this.#lastTables;
    this.#file?.rollback();
    this.#file?.close();
    this.#behind?.store.close();
    this.#file = null;
    this.#position = null;
    this.#behind = null;
    this.#held = false;
    this.#edited = [];
    this.#capturing = null;
  }

  /** Takes the write lock, so that the next capture and the next apply are one. For a program that never pauses. */
  hold(): void {
    this.#ready().sql.db.exec('BEGIN IMMEDIATE');
    this.#held = true;
  }

  letGo(): void {
    if (this.#held) this.#file?.rollback();
    this.#held = false;
  }

  close(): void {
    this.disconnect();
    this.#base.close();
  }

  /** Has the file been replaced, or is it gone? Then the connection is to something that nobody sees any more. */
  isReplaced(): boolean {
    if (this.#file === null) return false;
    const now = this.#options.facts(this.#options.database.path);
    const then = this.#file.facts;
    return now?.inode !== then?.inode || now?.device !== then?.device;
  }

  /** Are there changes in the log that the database lacks? */
  hasMore(): boolean {
    return this.#options.source.after(this.#state.vector, { subject: this.#id, limit: 1 }).length > 0;
  }

  dataVersion(): number {
    return this.#file?.connection.dataVersion() ?? 0;
  }

  /** What is shown by what is folded. Needs no connection once there was one. */
  shown(): Shown {
    return new Shown(this.#state, this.#base, this.tables);
  }

  /** For descriptions: one number from the open database. */
  count(sql: string): number {
    return Number(this.#ready().sql.one(sql));
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#file?.tables ?? this.#lastTables ?? this.#ready().tables;
  }

  /** Reads what was edited since the last capture. */
  capture(): CaptureStep {
    assert(this.#capturing === null, 'the last capture was not finished');
    const file = this.#ready();
    this.#foldEdited();
    if (!this.#held) file.sql.db.exec('BEGIN');
    try {
      // Somebody was quicker: the next step looks again.
      if (file.schemaMoved() || !this.#isAsLeft(file)) return { kind: 'apply' };
      return this.#captureWithin(file);
    } finally {
      if (!this.#held) file.rollback();
    }
  }

  #captureWithin(file: OpenFile): CaptureStep {
    const marks = marksAfter(file.sql, this.#mark.id, file.width, file.connection.encoding);
    if (marks.length === 0 && file.unmarked.size === 0) return { kind: 'nothing' };
    return this.#withFileShown(file, (shown, seen) => {
      const captured = capture({
        marks: [...compareTables(file, shown), ...marks],
        tableOf: (num) => file.tableOf(num),
        sqlOf: (table) => file.sqlOf(table),
        shown,
      });
      const mark = marks.at(-1) ?? null;
      if (captured.ops.count === 0) {
        if (mark !== null) this.#mark = mark;
        file.unmarked.clear();
        return { kind: 'nothing' };
      }
      const body = captured.ops.body(this.#id, null, mark && { id: mark.id, nonce: mark.nonce });
      this.#capturing = { ...body, seen };
      this.#merged = captured.merged;
      const bytes = encode(bodyCodec, { kind: 'database', ...body });
      return { kind: 'append', request: { database: this.#id, bytes, seen, ops: captured.ops.count } };
    });
  }

  /** What the file showed before the edits that are not captured, and which changes its program had in front of it. */
  #withFileShown<T>(file: OpenFile, use: (shown: Shown, seen: Vector) => T): T {
    if (this.#behind !== null) {
      return use(new Shown(this.#behind.state, this.#base, file.tables), seenBehind(this.#behind));
    }
    if (this.#edited.length === 0) {
      return this.#state.reading(() => use(new Shown(this.#state, this.#base, file.tables), this.#seen()));
    }
    // Own changes whose consequences for other rows are not in the file yet.
    this.#state.begin();
    try {
      const folding = new Folding(this.#state, this.#base, file.tables);
      for (const { change, body } of this.#edited) folding.fold(change, body);
      folding.settle();
      return use(folding.edited(), folding.vector);
    } finally {
      this.#state.rollback();
    }
  }

  /** The captured change is durable in the log at this place. */
  captured({ copy, seq, stamp }: Appended): void {
    assert(this.#capturing !== null, 'nothing was captured');
    const body = this.#capturing;
    this.#capturing = null;
    if (typeof body.mark?.nonce === 'bigint') this.#mark = { id: body.mark.id, nonce: body.mark.nonce };
    this.#file?.unmarked.clear();
    const change: SourceChange = { copy, seq, stamp, deps: body.seen ?? EMPTY, size: 0 };
    if (this.#behind !== null) {
      foldInto(this.#behind.state, this.#base, this.#open(), [{ change, body }]);
      this.#behind.edited.push({ copy, seq });
    }
    this.#edited.push({ change, body });
    this.#foldEdited(this.#edited.length === 1 && this.#behind === null ? this.#merged : undefined);
    this.#merged = undefined;
  }

  /** The captured change could not be appended: it will be captured again. */
  notCaptured(): void {
    this.#capturing = null;
  }

  /** Writes the next changes of the log into the database. */
  apply(): ApplyStep {
    const file = this.#ready();
    if (this.#foldEdited() === 'must apply') return this.#applyEdited(file);
    if (this.#behind !== null) return this.#bringForward(file);
    if (this.#unverified.length > 0) return this.#verify(file);
    const changes = this.#options.source.after(this.#state.vector, { subject: this.#id, limit: MAX_CHANGES });
    if (changes.length === 0) return { kind: 'nothing' };
    return this.#locked(file, () => {
      const folding = new Folding(this.#state, this.#base, file.tables);
      let bytes = 0;
      for (const change of changes) {
        folding.fold(change, readBody(this.#options.source, change));
        bytes += change.size;
        if (bytes > MAX_BYTES || folding.rows > MAX_ROWS) break;
      }
      folding.settle();
      return folding;
    });
  }

  /** Folds first, and takes the lock for writing only: the application waits for no decoding. */
  #locked(file: OpenFile, fold: () => Folding, edited = false): ApplyStep {
    this.#state.begin();
    try {
      const folding = fold();
      if (!this.#held) file.sql.db.exec('BEGIN IMMEDIATE');
      if (this.#isStale(file)) {
        this.letGo();
        file.rollback();
        this.#state.rollback();
        return { kind: 'capture' };
      }
      const before = edited ? folding.edited() : folding.before();
      const touched = edited ? folding.consequences : folding.touched;
      const placing = new PlacingRows(before, folding.after(), this.#state, (table) => file.sqlOf(table));
      file.withoutLeaks(folding.touched.keys(), () => placing.place(touched, folding.touched.keys()));
      this.#askToSettle(file, folding);
      this.#commit(file);
      return { kind: 'applied', changes: folding.changes, rows: placing.rows };
    } catch (error) {
      this.letGo();
      file.rollback();
      this.#state.rollback();
      throw error;
    }
  }

  /** Did anything happen in the file that was not captured? Asked under the write lock. */
  #isStale(file: OpenFile): boolean {
    return !this.#isAsLeft(file) || newestMark(file.sql) > this.#mark.id || file.schemaMoved();
  }

  /**
   * Rows of changes that the file has and rows.db had lost: which of them a constraint keeps out is found by trying.
   * Everything is captured, so whatever is missing was kept out.
   */
  #verify(file: OpenFile): ApplyStep {
    if (!this.#held) file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (this.#isStale(file)) {
        this.letGo();
        file.rollback();
        return { kind: 'capture' };
      }
      this.#state.begin();
      const shown = new Shown(this.#state, this.#base, file.tables);
      const tables = new Map<string, ReadonlyMap<string, Touched>>();
      for (const place of this.#unverified) {
        const table = file.tables.get(place.table);
        const key = table && shown.isThere(table, place.row) ? shown.key(table, place.row) : null;
        if (table === undefined || key === null || file.sqlOf(table).has(key)) continue;
        this.#state.withhold(place, 'not placed yet');
        tables.set(table.id, new Map());
      }
      const placing = new PlacingRows(shown, shown, this.#state, (table) => file.sqlOf(table));
      file.withoutLeaks(tables.keys(), () => placing.place(tables));
      this.#commit(file);
      this.#unverified = [];
      return { kind: 'applied', changes: 0, rows: 0 };
    } catch (error) {
      this.letGo();
      file.rollback();
      this.#state.rollback();
      throw error;
    }
  }

  /** RACE: between the two commits a crash leaves the file ahead of rows.db; its position says so (see #recover). */
  #commit(file: OpenFile): void {
    const position: Position = {
      database: this.#id,
      copy: this.#options.copy,
      vector: this.#state.vector,
      mark: this.#mark.id,
      schema: file.connection.schemaVersion(),
    };
    writePosition(file.sql, position);
    clearMarks(file.sql, this.#mark.id);
    if (file.unmarked.size === 0) setCompared(file.sql, true);
    file.sql.db.exec('COMMIT');
    this.#held = false;
    this.#state.commit();
    this.#position = position;
  }

  /** Own rows that must move to another number are asked, by a mark, to write it down, so that it stays. */
  #askToSettle(file: OpenFile, folding: Folding): void {
    const shown = folding.after();
    for (const [table, row, number] of folding.newlyMoved()) {
      const column = table.columns[table.key[0]?.at ?? 0]?.id ?? '';
      const write = shown.merged(table, row).cells.get(column)?.[0];
      if (write?.copy !== this.#options.copy || table.columns.length < 2) continue;
      addMark(file.sql, file.numberOf(table), 's', [number]);
    }
  }

  /**
   * Does what a person chose in the user's database, with a mark of our own, so that the next capture takes it for the
   * edit that it is: it is in the file, and in the log, or in neither. Everything must be captured before.
   */
  edit(work: (file: OpenFile, shown: Shown) => void): 'done' | 'capture' {
    const file = this.#ready();
    if (this.#edited.length > 0 || this.#behind !== null) return 'capture';
    file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (this.#isStale(file)) return 'capture';
      work(file, this.shown());
      file.sql.db.exec('COMMIT');
      return 'done';
    } finally {
      file.rollback();
    }
  }

  /** In quiet: forgets the captured marks and writes the position. True if it did, or there was nothing to do. */
  tidy(): boolean {
    const file = this.#ready();
    if (this.#foldEdited() === 'must apply' || this.#behind !== null) return false;
    const upToDate =
      this.#position !== null && !isBeyond(this.#options.source, this.#id, this.#state.vector, this.#position.vector);
    if (upToDate && !hasMarksToClear(file.sql, this.#mark.id) && areCompared(file.sql)) return true;
    file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (!this.#isAsLeft(file) || newestMark(file.sql) > this.#mark.id) return false;
      this.#state.begin();
      this.#commit(file);
      return true;
    } finally {
      file.rollback();
      this.#state.rollback();
    }
  }

  /** Folds own changes that the file contains; their consequences for other rows need the lock. */
  #foldEdited(known?: KnownRows): 'done' | 'must apply' {
    const [first] = this.#edited;
    if (first === undefined) return 'done';
    const file = this.#open();
    this.#state.begin();
    try {
      const folding = new Folding(this.#state, this.#base, file.tables, known);
      for (const { change, body } of this.#edited) folding.fold(change, body);
      folding.settle(join(folding.vector, first.change.deps));
      if (this.#behind === null && (folding.consequences.size > 0 || this.#mayMakeRoom(folding))) {
        this.#state.rollback();
        return 'must apply';
      }
      this.#state.commit();
      this.#edited = [];
      return 'done';
    } catch (error) {
      this.#state.rollback();
      throw error;
    }
  }

  /** Rows that a constraint keeps out of a table may fit once something was edited in it. */
  #mayMakeRoom(folding: Folding): boolean {
    return this.#state.allWithheld().some(({ table }) => folding.touched.has(table));
  }

  #applyEdited(file: OpenFile): ApplyStep {
    const edited = this.#edited;
    const step = this.#locked(
      file,
      () => {
        const folding = new Folding(this.#state, this.#base, file.tables);
        for (const { change, body } of edited) folding.fold(change, body);
        folding.settle();
        return folding;
      },
      true,
    );
    if (step.kind === 'applied') this.#edited = [];
    return step;
  }

  /**
   * Rows of another database, of which nobody here knew anything: the change is appended with nothing seen, and then
   * applied like a colleague's.
   */
  entering(path: string): AppendRequest | null {
    const body = rowsOfOther(path, this.shown(), this.#id);
    if (body === null) return null;
    return {
      database: this.#id,
      bytes: encode(bodyCodec, { kind: 'database', ...body }),
      seen: EMPTY,
      ops: body.ops.length,
    };
  }

  /** The entered change is in the log and not in the file: the file is behind. */
  entered({ copy, seq, stamp }: Appended): void {
    const file = this.#ready();
    this.#behind ??= this.#stateAt(file, this.#state.vector, []);
    const change: SourceChange = { copy, seq, stamp, deps: EMPTY, size: 0 };
    this.#state.begin();
    foldInto(this.#state, this.#base, file, [{ change, body: readBody(this.#options.source, change) }]);
    this.#state.commit();
  }

  /** What the program that edited had in front of it. */
  #seen(): Vector {
    const { source } = this.#options;
    const stored = source.vector();
    const pending = source.after(this.#state.vector, { subject: this.#id, limit: 1 });
    return pending.length === 0 ? join(this.#state.vector, stored) : this.#state.vector;
  }

  /** Is the file what we left, with nothing but new marks? */
  #isAsLeft(file: OpenFile): boolean {
    const position = readPosition(file.sql);
    const left = this.#position;
    if (position === null || left === null) return position === left;
    if (position.database !== left.database || position.mark !== left.mark) return false;
    if (position.copy !== left.copy || !same(position.vector, left.vector)) return false;
    const { id, nonce } = this.#mark;
    return nonce === null || hasMark(file.sql, { id, nonce });
  }

  #open(): OpenFile {
    assert(this.#file !== null, 'the database is not open');
    return this.#file;
  }

  /** The open file, known for what it is. */
  #ready(): OpenFile {
    if (this.#file !== null && this.isReplaced()) this.disconnect();
    if (this.#file === null) this.#connect();
    const file = this.#open();
    if (file.schemaMoved()) {
      file.follow();
      this.#mayBeRenumbered = true;
    }
    if (!this.#isAsLeft(file)) this.#recover(file);
    if (this.#mayBeRenumbered) this.#restoreNumbers(file);
    return file;
  }

  #connect(): void {
    const { path, settings } = this.#options.database;
    const file = new OpenFile(path, parseSettings(settings), this.#options.facts(path));
    try {
      file.follow();
      this.#file = file;
      this.#recover(file);
    } catch (error) {
      this.#file = null;
      file.close();
      throw error;
    }
  }

  /** Finds out what the file contains, and brings what is folded in step with it. */
  #recover(file: OpenFile): void {
    this.#behind?.store.close();
    this.#behind = null;
    this.#edited = [];
    const { source } = this.#options;
    const stated = readPosition(file.sql);
    if (stated === null || stated.database !== this.#id) return this.#start(file);
    const position = renamedPosition(stated, this.#renamings);
    const { vector, mark, edited } = whatItContains(file.sql, position, source, this.#renamings);
    // A crash came between the two commits, or rows.db lost its last ones: the file has these already.
    this.#foldContained(file, position.vector);
    this.#position = stated;
    this.#mark = mark;
    if (stated.schema !== file.connection.schemaVersion()) this.#mayBeRenumbered = true;
    const missing = edited.filter(({ copy, seq }) => !covers(this.#state.vector, copy, seq));
    this.#edited = missing.map((change) => ({ change, body: readBody(source, change) }));
    if (isBeyond(source, this.#id, this.#state.vector, vector, edited)) {
      this.#behind = this.#stateAt(file, vector, edited);
    }
  }

  /** A file that says nothing of itself: whatever differs from what we know was edited. */
  #start(file: OpenFile): void {
    this.#mayBeRenumbered = false;
    for (const id of file.tables.keys()) file.unmarked.add(id);
    const position = {
      database: this.#id,
      copy: this.#options.copy,
      vector: this.#state.vector,
      mark: newestMark(file.sql),
      schema: file.connection.schemaVersion(),
    };
    file.write(() => {
      setCompared(file.sql, false);
      writePosition(file.sql, position);
    });
    this.#position = position;
    this.#mark = { id: position.mark, nonce: null };
  }

  /** After what may have been a VACUUM. */
  #restoreNumbers(file: OpenFile): void {
    this.#withFileShown(file, (shown) => {
      if (misnumbered(file, shown, this.#mark.id).length === 0) return;
      file.write(() => {
        for (const table of misnumbered(file, shown, this.#mark.id)) renumber(file, shown, table, this.#mark.id);
      });
    });
    this.#mayBeRenumbered = false;
  }

  #foldContained(file: OpenFile, contained: Vector): void {
    const lacking = [...changesAfter(this.#options.source, this.#id, this.#state.vector)].filter(({ copy, seq }) =>
      covers(contained, copy, seq),
    );
    if (lacking.length === 0) return;
    const bodies = lacking.map((change) => ({ change, body: readBody(this.#options.source, change) }));
    this.#state.begin();
    try {
      const { touched } = foldInto(this.#state, this.#base, file, bodies);
      this.#state.commit();
      for (const [table, rows] of touched) for (const row of rows.keys()) this.#unverified.push({ table, row });
    } catch (error) {
      this.#state.rollback();
      throw error;
    }
  }

  /** The rows as they were when exactly these changes were contained. */
  #stateAt(file: OpenFile, contained: Vector, edited: readonly SourceChange[]): Behind {
    const { source } = this.#options;
    const store = openStore(':memory:', { schema: ROWS_SCHEMA, synchronous: 'NORMAL' });
    const state = new RowState(store, this.#id);
    const changes = [...lackingAt(source, this.#id, contained, EMPTY, []), ...edited];
    foldInto(
      state,
      this.#base,
      file,
      changes.map((change) => ({ change, body: readBody(source, change) })),
    );
    return { state, store, contained, edited: edited.map(({ copy, seq }) => ({ copy, seq })) };
  }

  /** Writes what is folded but not in the file: all rows of the changes that it lacks. */
  #bringForward(file: OpenFile): ApplyStep {
    const behind = this.#behind as Behind;
    const { contained, edited } = behind;
    const lacking = [...lackingAt(this.#options.source, this.#id, this.#state.vector, contained, edited)];
    const bodies = lacking.map((change) => ({ change, body: readBody(this.#options.source, change) }));
    if (!this.#held) file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (this.#isStale(file)) {
        this.letGo();
        file.rollback();
        return { kind: 'capture' };
      }
      this.#state.begin();
      const from = new Folding(behind.state, this.#base, file.tables);
      for (const { change, body } of bodies) from.fold(change, body);
      from.settle();
      const after = new Shown(this.#state, this.#base, file.tables);
      const before = from.before();
      const placing = new PlacingRows(before, after, this.#state, (table) => file.sqlOf(table));
      file.withoutLeaks(from.touched.keys(), () => placing.place(from.touched));
      this.#commit(file);
      behind.store.close();
      this.#behind = null;
      return { kind: 'applied', changes: lacking.length, rows: placing.rows };
    } catch (error) {
      this.letGo();
      file.rollback();
      this.#state.rollback();
      throw error;
    }
  }
}

/**
 * A vector has no gaps: own changes that such a file lost count as seen once something was edited in it. They are in the
 * history, and what is folded lacks nothing.
 */
function seenBehind({ contained, edited }: Behind): Vector {
  let seen = contained;
  for (const { copy, seq } of edited) if (at(seen, copy) < seq) seen = withEntry(seen, copy, seq);
  return seen;
}

function foldInto(
  state: RowState,
  base: BaseFile,
  file: OpenFile,
  bodies: readonly { change: SourceChange; body: DatabaseBody }[],
): Folding {
  const folding = new Folding(state, base, file.tables);
  for (const { change, body } of bodies) folding.fold(change, body);
  folding.settle();
  return folding;
}
