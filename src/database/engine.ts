/**
 * One user database, step by step: capture what was edited, apply what arrived. Every step is synchronous and either done
 * or undone; whoever drives it (follower.ts, or a test) decides when. Never waits for a lock: a step that meets one
 * throws SQLITE_BUSY and has done nothing.
 *
 * Captured changes are appended by the driver: `capture` answers with the body, the driver makes it durable in the log
 * and hands its place back to `captured`. Between the two no other step may run.
 */
import { body as bodyCodec, type ReadBody } from '../core/body.ts';
import { encodeHead } from '../core/body-pieces.ts';
import { encode } from '../core/codec.ts';
import { assert, type Problem } from '../core/problem.ts';
import type { Row } from '../core/rows.ts';
import type { Table } from '../core/tables.ts';
import { type CopyId, covers, EMPTY, join, type Vector, withEntry } from '../core/vector.ts';
import type { RowState } from '../store/row-state.ts';
import { type Behind, foldInto, stateAt } from './behind.ts';
import { listBroken } from './broken.ts';
import { captureFile } from './capture-file.ts';
import { isBeyond, lackingAt, readBody } from './containing.ts';
import type { StateDigest } from './digesting.ts';
import { Folding, isReserved, type Renumbered } from './folding.ts';
import { rebuildIndexes } from './full-text.ts';
import type { Appended, AppendRequest, DatabaseConflict } from './host.ts';
import { addMark, hasMarksToClear, newestMark } from './marks.ts';
import type { OpenFile } from './open-file.ts';
import type { MadeBody } from './ops.ts';
import { rowsOfOther } from './other-rows.ts';
import { PlacingRows } from './placing-rows.ts';
import type { Room } from './room.ts';
import { tablesWithUses } from './schema/schema-folding.ts';
import { Shown } from './shown.ts';
import type { ChangeSource, SourceChange } from './source.ts';
import { type EngineOptions, Standing } from './standing.ts';
import { missingRows } from './taking-in.ts';
import type { KnownRows, TouchedRows } from './touched.ts';
import { areCompared } from './triggers.ts';
import type { Upgrade } from './upgrade.ts';

export type { EngineOptions };

export type CaptureStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'append'; readonly request: AppendRequest }
  /** Something has to be put in order first: apply, then again. */
  | { readonly kind: 'apply' };

export type ApplyStep =
  | { readonly kind: 'nothing' }
  /** Marks came in between: capture, then again. */
  | { readonly kind: 'capture' }
  | { readonly kind: 'applied'; readonly changes: number; readonly rows: number };

/** What one transaction takes in at most, so that the application is not kept from its database for long. */
const MAX_ROWS = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_CHANGES = 5_000;

/** What is to be written: found before the lock is taken, so that the application waits for no decoding. */
interface Plan {
  readonly changes: number;
  readonly before: Shown;
  readonly after: Shown;
  readonly touched: TouchedRows;
  /** Where something changed: rows that were kept out of these tables may fit now. */
  readonly tables: readonly string[];
  readonly moved: Iterable<Renumbered>;
  /** Nothing of it is asked for any more. */
  readonly close: () => void;
}

export class DatabaseEngine {
  readonly #standing: Standing;
  /** By table: rows that cannot be followed. */
  readonly #skipped = new Map<string, Problem>();
  /** By copy: the last change of it that this release cannot read. */
  readonly #unreadable = new Map<CopyId, number>();
  /** Somebody committed and marked nothing; his edits are found by comparing all tables. */
  comparison: 'none' | 'due' | 'done' = 'none';
  #capturing: { body: MadeBody; known: KnownRows | undefined } | null = null;

  constructor(options: EngineOptions) {
    this.#standing = new Standing({ ...options, source: noting(options.source, this.#unreadable) });
  }

  get isOpen(): boolean {
    return this.#standing.file !== null;
  }

  /** What is folded; what the database contains once every step is done. */
  get vector(): Vector {
    return this.state.vector;
  }

  get #path(): string {
    return this.#standing.options.database.path;
  }

  get state(): RowState {
    return this.#standing.state;
  }

  /** What was held in memory at most, over all steps. */
  get room(): Room {
    return this.#standing.room;
  }

  /** Problems of single tables, and of rows in them. */
  get problems(): readonly Problem[] {
    const unreadable = [...this.#unreadable].map(([copy, seq]) => unreadableChange(copy, seq, this.#path));
    return [...(this.#standing.file?.problems ?? []), ...this.#skipped.values(), ...unreadable];
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#standing.tables;
  }

  /** Takes some rows at `vector` into a digest. */
  digest(into: StateDigest, vector: Vector): ReturnType<StateDigest['take']> {
    return into.take(this.state, this.#standing.foldingBy(this), vector);
  }

  /** What is shown by what is folded. */
  shown(): Shown {
    return new Shown(this.state, this.#standing.base, this.tables);
  }

  isReplaced(): boolean {
    return this.#standing.isReplaced();
  }

  /** Moves when another connection has committed. */
  dataVersion(): number {
    return this.#standing.file?.connection.dataVersion() ?? 0;
  }

  /** Are there changes in the log that the database lacks? */
  hasMore(): boolean {
    const { options, id } = this.#standing;
    return options.source.after(this.vector, { subject: id, limit: 1 }).length > 0;
  }

  /** Rows that break a constraint, and were not broken by merging: looks through all tables that have any. */
  broken(): readonly DatabaseConflict[] {
    return listBroken(this.#standing.id, this.#standing.ready(), this.shown());
  }

  /** For descriptions: one number from the open database. */
  count(sql: string): number {
    return Number(this.#standing.ready().sql.one(sql));
  }

  /** Closes the connection; the next step opens it again. */
  disconnect(): void {
    this.#standing.disconnect();
    this.#capturing = null;
  }

  close(): void {
    this.disconnect();
    this.#standing.base.close();
  }

  /** Takes the write lock, so that the next capture and the next apply are one. For a program that never pauses. */
  hold(): void {
    this.#standing.hold();
  }

  letGo(): void {
    this.#standing.letGo();
  }

  /** Reads what was edited since the last capture. `mayCompare`: also all tables, where somebody marks nothing. */
  capture(mayCompare = true): CaptureStep {
    assert(this.#capturing === null, 'the last capture was not finished');
    const file = this.#standing.ready();
    this.#foldEdited();
    if (!this.#standing.isHeld) file.sql.db.exec('BEGIN');
    try {
      // Somebody was quicker: the next step looks again.
      if (file.schemaMoved() || !this.#standing.isAsLeft(file)) return { kind: 'apply' };
      return this.#captureWithin(file, mayCompare);
    } finally {
      if (!this.#standing.isHeld) file.rollback();
    }
  }

  #captureWithin(file: OpenFile, mayCompare: boolean): CaptureStep {
    const standing = this.#standing;
    const version = file.connection.dataVersion();
    const isMarked = file.unmarked.size > 0 || newestMark(file.sql) > standing.mark.id;
    this.comparison = 'none';
    if (!isMarked) {
      if (version === standing.looked) return { kind: 'nothing' };
      this.comparison = mayCompare ? 'done' : 'due';
      if (!mayCompare) return { kind: 'nothing' };
      // Its program has triggers switched off, or wrote to tables that are not followed.
      for (const id of file.tables.keys()) file.unmarked.add(id);
    }
    const step = standing.withFileShown(file, (shown, seen) => this.#edited(file, shown, seen));
    standing.looked = version;
    return step;
  }

  #edited(file: OpenFile, shown: Shown, seen: Vector): CaptureStep {
    const { id, mark } = this.#standing;
    const { ops, skipped, merged, last } = captureFile(file, shown, mark.id, this.room);
    for (const [table, count] of skipped) this.#skipped.set(table, rowsNotFollowed(file, table, count));
    if (ops.count === 0) {
      if (last !== null) this.#standing.mark = last;
      file.unmarked.clear();
      return { kind: 'nothing' };
    }
    const body = { ...ops.body(id, null, last), seen };
    this.#capturing = { body, known: merged };
    return { kind: 'append', request: requestOf(body, seen) };
  }

  /** The captured change is durable in the log at this place. */
  captured({ copy, seq, stamp }: Appended): void {
    assert(this.#capturing !== null, 'nothing was captured');
    const { body, known } = this.#capturing;
    this.#capturing = null;
    const standing = this.#standing;
    const { behind, file, edited } = standing;
    if (typeof body.mark?.nonce === 'bigint') standing.mark = { id: body.mark.id, nonce: body.mark.nonce };
    file?.unmarked.clear();
    if (body.uses.some(({ table }) => isReserved(table))) standing.schemaDue = true;
    const folded = { change: { copy, seq, stamp, deps: body.seen ?? EMPTY, size: 0 }, body };
    if (behind !== null) {
      foldInto(behind.state, standing.foldingBy(this), [folded]);
      behind.edited.push({ copy, seq });
    }
    edited.push(folded);
    this.#foldEdited(edited.length === 1 && behind === null ? known : undefined);
  }

  /** The captured change could not be appended: it will be captured again. */
  notCaptured(): void {
    this.#capturing = null;
  }

  /** Folds own changes that the file contains; their consequences for other rows need the lock. */
  #foldEdited(known?: KnownRows): 'done' | 'must apply' {
    const { state, edited, behind } = this.#standing;
    const [first] = edited;
    if (first === undefined) return 'done';
    state.begin();
    const folding = this.#folding(known);
    try {
      for (const { change, body } of edited) folding.fold(change, body);
      // What was stored and not applied is in the deps, but it was not seen.
      folding.settle(join(folding.vector, first.body.seen ?? first.change.deps));
      if (behind === null && (folding.consequences.size > 0 || this.#mayMakeRoom(folding))) {
        state.rollback();
        return 'must apply';
      }
      state.commit();
      this.#standing.edited = [];
      return 'done';
    } catch (error) {
      state.rollback();
      throw error;
    } finally {
      folding.close();
    }
  }

  /** Rows that a constraint keeps out of a table may fit once something was edited in it. */
  #mayMakeRoom(folding: Folding): boolean {
    return this.state.allUnplaced().some(({ table }) => folding.touched.has(table));
  }

  /** Writes what the database lacks: one transaction of it. */
  apply(): ApplyStep {
    const file = this.#standing.ready();
    const { options, id } = this.#standing;
    if (this.#foldEdited() === 'must apply') return this.#applyEdited(file);
    if (this.#standing.behind !== null) return this.#bringForward(file, this.#standing.behind);
    if (this.#standing.isSchemaDue(file)) return this.#bringSchema(file);
    if (this.#standing.untried.length > 0) return this.#tryMissing(file);
    if (file.takenIn.size > 0 && file.unmarked.size === 0) return this.#placeMissing(file);
    const changes = options.source.after(this.vector, { subject: id, limit: MAX_CHANGES });
    if (changes.length === 0) return { kind: 'nothing' };
    const { contained } = this.#standing;
    if (contained !== null && changes.some(({ copy, seq }) => covers(contained, copy, seq))) {
      this.#standing.foldContained(file);
      return { kind: 'capture' };
    }
    const [first] = changes as [SourceChange];
    const body = readBody(options.source, first);
    if (this.#mayAlter(body)) return this.#applyUpgrade(file, first, body);
    return this.#write(file, () => this.#foldNext(changes));
  }

  /** Does it touch schema or settings, or a table that somebody dropped, which it may keep? */
  #mayAlter({ uses }: ReadBody): boolean {
    const dropped = tablesWithUses(this.state);
    return uses.some(({ table }) => isReserved(table) || dropped.has(table));
  }

  /** An upgrade arrives whole: the schema and the rows of its change in one transaction. */
  #applyUpgrade(file: OpenFile, change: SourceChange, body: ReadBody): ApplyStep {
    const schema = (): void => {
      const folding = this.#folding();
      folding.fold(change, body, 'schema');
      folding.settle(this.state.vector);
    };
    const rows = (upgrade: Upgrade | null): Plan => {
      const folding = this.#folding();
      folding.fold(change, body, 'rows');
      for (const table of upgrade?.emptied ?? []) folding.reindex(table);
      folding.settle();
      return planOf(folding, folding.before(), folding.touched);
    };
    return this.#write(file, rows, schema);
  }

  /** What is folded already, and not in the file's schema. */
  #bringSchema(file: OpenFile): ApplyStep {
    const rows = (upgrade: Upgrade | null): Plan => {
      const folding = this.#folding();
      for (const table of upgrade?.tables ?? []) folding.reindex(table);
      folding.settle();
      return { ...planOf(folding, folding.before(), folding.touched), changes: 0 };
    };
    return this.#write(file, rows, () => {});
  }

  #foldNext(changes: readonly SourceChange[]): Plan {
    const folding = this.#folding();
    let bytes = 0;
    for (const change of changes) {
      const body = readBody(this.#standing.options.source, change);
      if (this.#mayAlter(body)) break;
      folding.fold(change, body);
      bytes += change.size;
      if (bytes > MAX_BYTES || folding.rows > MAX_ROWS) break;
    }
    folding.settle();
    return planOf(folding, folding.before(), folding.touched);
  }

  /** What own edits did to other rows: numbers that moved, rows for which there is room now. */
  #applyEdited(file: OpenFile): ApplyStep {
    const step = this.#write(file, () => {
      const folding = this.#folding();
      for (const { change, body } of this.#standing.edited) folding.fold(change, body);
      folding.settle();
      return planOf(folding, folding.edited(), folding.consequences);
    });
    if (step.kind === 'applied') this.#standing.edited = [];
    return step;
  }

  /** Writes what is folded but not in the file: all rows of the changes that it lacks. */
  #bringForward(file: OpenFile, behind: Behind): ApplyStep {
    const { options, id } = this.#standing;
    const { contained, edited, state, store } = behind;
    let done = false;
    try {
      const step = this.#write(
        file,
        () => {
          const from = new Folding(state, this.#standing.foldingBy(file));
          for (const change of lackingAt(options.source, id, this.vector, contained, edited)) {
            from.fold(change, readBody(options.source, change));
          }
          from.settle();
          // What is folded may be mended by other settings than those of this file.
          foldInto(this.state, this.#standing.foldingBy(file), []);
          return { ...planOf(from, from.before(), from.touched), after: this.shown() };
        },
        () => {},
      );
      done = step.kind === 'applied';
      return step;
    } finally {
      // The state that we were behind by has been folded forward: it is of no use for a second try.
      store.close();
      this.#standing.behind = null;
      if (!done) this.#standing.lookAgain();
    }
  }

  /** Which of the rows that are missing a constraint keeps out is found by trying. */
  #tryMissing(file: OpenFile): ApplyStep {
    const tables = [...new Set(this.#standing.untried.map(({ table }) => table))];
    const step = this.#write(file, () => {
      const shown = this.shown();
      return { changes: 0, before: shown, after: shown, touched: new Map(), tables, moved: [], close: () => {} };
    });
    if (step.kind === 'applied') this.#standing.untried = [];
    return step;
  }

  /** What the file lacks of tables that are followed again. */
  #placeMissing(file: OpenFile): ApplyStep {
    const tables = [...file.takenIn];
    let done = false;
    try {
      const step = this.#write(file, () => {
        file.takenIn.clear();
        const shown = this.shown();
        for (const place of missingRows(file, tables, shown)) this.state.unplace(place, 'not placed yet');
        return { changes: 0, before: shown, after: shown, touched: new Map(), tables, moved: [], close: () => {} };
      });
      done = step.kind === 'applied';
      return step;
    } finally {
      if (!done) for (const id of tables) file.takenIn.add(id);
    }
  }

  /**
   * Plans, takes the lock, makes sure that nothing came in between, writes, commits: the file first, then rows.db.
   * `schema`: what is to be folded before the tables are brought to the schema that is then shown; the lock comes first.
   */
  #write(file: OpenFile, plan: (upgrade: Upgrade | null) => Plan, schema?: () => void): ApplyStep {
    const standing = this.#standing;
    const open: { close(): void }[] = [];
    this.state.begin();
    try {
      if (schema !== undefined && !this.#lock(file)) return { kind: 'capture' };
      schema?.();
      const upgrade = schema === undefined ? null : standing.bringSchema(file);
      if (schema !== undefined) standing.bringChoices(file);
      const { changes, before, after, touched, tables, moved, close } = plan(upgrade);
      open.push({ close });
      const from = upgrade?.before(before) ?? before;
      const placing = new PlacingRows(from, after, this.state, (table) => file.sqlOf(table), this.room);
      open.push(placing);
      const all = [...new Set([...tables, ...(upgrade?.tables ?? [])])];
      placing.plan(upgrade?.touched(touched, after) ?? touched, all);
      if (schema === undefined && !this.#lock(file)) return { kind: 'capture' };
      file.withoutLeaks(all, () => placing.write());
      rebuildIndexes(file.sql, file.schema, new Set([...touched.keys(), ...all]));
      this.#askToSettle(file, after, moved);
      standing.commit(file);
      return { kind: 'applied', changes, rows: placing.rows };
    } catch (error) {
      standing.undo(file);
      throw error;
    } finally {
      for (const one of open) one.close();
    }
  }

  /** False, and everything undone: something is to be captured first. */
  #lock(file: OpenFile): boolean {
    this.#standing.lock(file);
    if (!this.#standing.isStale(file)) return true;
    this.#standing.undo(file);
    return false;
  }

  /** Own rows that must move to another number are asked, by a mark, to write it down, so that it stays. */
  #askToSettle(file: OpenFile, shown: Shown, moved: Plan['moved']): void {
    for (const { table, row, column } of moved) {
      const merged = shown.merged(table, row);
      if (merged.cells.get(column)?.[0]?.copy !== this.#standing.options.copy) continue;
      // The number written down is nobody's edit: where the row lives by its old number alone, it would die by it.
      const key = aliveByOthers(merged, column) ? shown.key(table, row, merged) : null;
      if (key !== null) addMark(file.sql, file.numberOf(table), `s:${column}`, key);
    }
  }

  /** In quiet: forgets captured marks and writes the position. True if there is nothing left to do. */
  tidy(): boolean {
    const standing = this.#standing;
    const file = standing.ready();
    if (this.#foldEdited() === 'must apply' || standing.behind !== null || file.takenIn.size > 0) return false;
    const { position, options, id, mark } = standing;
    const upToDate = position !== null && !isBeyond(options.source, id, this.vector, position.vector);
    if (upToDate && !hasMarksToClear(file.sql, mark.id) && areCompared(file.sql)) return true;
    file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (!standing.isAsLeft(file) || newestMark(file.sql) > mark.id) return false;
      this.state.begin();
      standing.commit(file);
      return !hasMarksToClear(file.sql, mark.id);
    } finally {
      standing.undo(file);
    }
  }

  /**
   * Does what a person chose in the user's database, with a mark of our own, so that the next capture takes it for the
   * edit that it is: it is in the file, and in the log, or in neither. Everything must be captured before.
   */
  edit(work: (file: OpenFile, shown: Shown) => void): 'done' | 'capture' {
    const standing = this.#standing;
    const file = standing.ready();
    if (standing.edited.length > 0 || standing.behind !== null) return 'capture';
    file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (standing.isStale(file)) return 'capture';
      work(file, this.shown());
      file.sql.db.exec('COMMIT');
      return 'done';
    } finally {
      file.rollback();
    }
  }

  /**
   * Rows of another database, of which nobody here knew anything: the change is appended with nothing seen, and then
   * applied like a colleague's.
   */
  entering(path: string): AppendRequest | null {
    const body = rowsOfOther(path, this.shown(), this.#standing.id);
    return body === null ? null : { ...requestOf(body, EMPTY), entered: true };
  }

  /** The entered change is in the log and not in the file: the file is behind. */
  entered({ copy, seq }: Appended): void {
    const standing = this.#standing;
    const { options, state } = standing;
    const file = standing.ready();
    standing.behind ??= stateAt(standing.foldingBy(file), state.vector, []);
    const before = withEntry(options.source.vector(), copy, seq - 1);
    const change = options.source.after(before, { subject: standing.id, limit: 1 })[0];
    assert(change?.seq === seq, 'what was entered is not in the log');
    state.begin();
    try {
      foldInto(state, standing.foldingBy(file), [{ change, body: readBody(options.source, change) }]);
      state.commit();
    } catch (error) {
      state.rollback();
      throw error;
    }
  }

  #folding(known?: KnownRows): Folding {
    return new Folding(this.state, this.#standing.foldingBy(this), known);
  }
}

/** The same source, and what cannot be read of it is noted. */
function noting(source: ChangeSource, unreadable: Map<CopyId, number>): ChangeSource {
  return {
    vector: () => source.vector(),
    after: (vector, options) => source.after(vector, options),
    body: (change) => source.body(change),
    pieces: (change) => source.pieces(change),
    unreadable: ({ copy, seq }) => unreadable.set(copy, seq),
  };
}

function unreadableChange(copy: CopyId, seq: number, path: string): Problem {
  return {
    code: 'unreadable-change',
    text: `Edits by a colleague (change ${seq} of copy ${copy}) cannot be read by this release, and are not in this database.`,
    remedy: 'Install the newest release of Tieout on this machine.',
    path,
  };
}

function rowsNotFollowed(file: OpenFile, table: string, count: number): Problem {
  return {
    code: 'rows-not-followed',
    text: `Rows of the table ${table} stay on this computer: their key is empty or above 16 KiB (${count} at the last look).`,
    remedy: 'Give these rows a key with the program that owns the database.',
    path: file.connection.path,
  };
}

function requestOf(body: MadeBody, seen: Vector): AppendRequest {
  const { database, ops } = body;
  if (ops.items === null) {
    // What is stored while it is handed over is not in `seen`, whatever it is about.
    return { database, bytes: encodeHead({ ...body, seen }, ops.length), rest: ops.pieces(), seen, ops: ops.length };
  }
  const bytes = encode(bodyCodec, { kind: 'database', ...body, seen: null, ops: ops.items });
  return { database, bytes, seen, ops: ops.length };
}

function aliveByOthers(row: Row, column: string): boolean {
  if (row.base && !row.baseDead) return true;
  return [...row.cells].some(([id, writes]) => id !== column && writes.some(({ dead }) => !dead));
}

function planOf(folding: Folding, before: Shown, touched: TouchedRows): Plan {
  const { changes } = folding;
  const tables = [...folding.touched.keys()];
  const moved = [...folding.newlyNumbered()];
  return { changes, before, after: folding.after(), touched, tables, moved, close: () => folding.close() };
}
