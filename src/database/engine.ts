/**
 * One user database, step by step: capture what was edited, apply what arrived. Every step is synchronous and either done
 * or undone; whoever drives it (follower.ts, or a test) decides when. Never waits for a lock: a step that meets one
 * throws SQLITE_BUSY and has done nothing.
 *
 * Captured changes are appended by the driver: `capture` answers with the body, the driver makes it durable in the log
 * and hands its place back to `captured`. Between the two no other step may run.
 */
import { body as bodyCodec } from '../core/body.ts';
import { encodeHead } from '../core/body-pieces.ts';
import { encode } from '../core/codec.ts';
import { assert, type Problem } from '../core/problem.ts';
import type { Table } from '../core/tables.ts';
import { type CopyId, EMPTY, type Vector, withEntry } from '../core/vector.ts';
import type { RowState } from '../store/row-state.ts';
import { Applying } from './applying/applying.ts';
import { foldEdited } from './applying/own-edits.ts';
import { placeFormer } from './applying/placing-former.ts';
import type { ApplyStep } from './applying/writing.ts';
import { captureFile } from './capture/capture-file.ts';
import { markComparing } from './capture/comparing-marked.ts';
import { DoubtfulTables } from './capture/doubtful-tables.ts';
import { formerRows } from './capture/former-rows.ts';
import type { MadeBody } from './capture/ops.ts';
import { rowsOfOther } from './capture/other-rows.ts';
import { listBroken } from './conflicts/broken.ts';
import type { StateDigest } from './digesting.ts';
import { hasMarksToClear, newestMark } from './file/marks.ts';
import type { OpenFile } from './file/open-file.ts';
import { areCompared } from './file/triggers.ts';
import { foldInto, stateAt } from './folding/behind.ts';
import { isBeyond, readBody } from './folding/containing.ts';
import { isReserved } from './folding/folding.ts';
import type { Room } from './folding/room.ts';
import { Shown } from './folding/shown.ts';
import type { ChangeSource } from './folding/source.ts';
import type { KnownRows } from './folding/touched.ts';
import type { Appended, AppendRequest, DatabaseConflict } from './host.ts';
import { type EngineOptions, Standing } from './standing.ts';

export type { EngineOptions };

/** Rows of doubtful tables that are looked at in one piece: some ten milliseconds. */
const DOUBTED_ROWS = 1_000;

export type MayDoubt = 'no' | 'piece' | 'all';

export type CaptureStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'append'; readonly request: AppendRequest }
  /** Something has to be put in order first: apply, then again. */
  | { readonly kind: 'apply' };

export class DatabaseEngine {
  readonly #standing: Standing;
  readonly #applying: Applying;
  /** By table: rows that cannot be followed. */
  readonly #skipped = new Map<string, Problem>();
  /** By copy: the last change of it that this release cannot read. */
  readonly #unreadable = new Map<CopyId, number>();
  /** Somebody may have edited what no mark tells of; that is found by comparing tables. */
  comparison: 'none' | 'due' | 'begun' | 'done' = 'none';
  #comparesAll = false;
  readonly #doubtful = new DoubtfulTables();
  #capturing: { body: MadeBody; known: KnownRows | undefined } | null = null;

  constructor(options: EngineOptions) {
    this.#standing = new Standing({ ...options, source: noting(options.source, this.#unreadable) });
    this.#applying = new Applying(this.#standing);
  }

  get isOpen(): boolean {
    return this.#standing.file !== null;
  }

  /** Nobody has written to the closed file since. */
  get isAsClosed(): boolean {
    return this.#standing.isAsClosed;
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
    return into.take(this.state, this.#standing.foldingBy(this.#standing), vector);
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
  /** After `tidy`, and at least 2 s before it is disconnected: what is written to the file from now on is noticed. */
  rest(): void {
    this.#standing.rest();
  }

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

  /**
   * Reads what was edited since the last capture. `mayCompare`: also all tables, where somebody marks nothing;
   * `mayDoubt`: whether, and how far, also single ones are looked through.
   */
  capture(mayCompare = true, mayDoubt: MayDoubt = 'all'): CaptureStep {
    assert(this.#capturing === null, 'the last capture was not finished');
    const file = this.#standing.ready();
    if (this.#standing.position === null) placeFormer(this.#standing, file);
    foldEdited(this.#standing);
    this.comparison = 'none';
    this.#comparesAll = false;
    markComparing(this.#standing, file);
    const step = this.#captureMarked(file, mayCompare, mayDoubt);
    // What was marked is captured, and was nothing.
    const isDoubtful = step.kind === 'nothing' && this.#doubtful.size > 0 && this.comparison === 'none';
    return isDoubtful ? this.#captureMarked(file, mayCompare, mayDoubt) : step;
  }

  #captureMarked(file: OpenFile, mayCompare: boolean, mayDoubt: MayDoubt): CaptureStep {
    for (;;) {
      const step = this.#captureIn(file, mayCompare, mayDoubt);
      if (step !== 'not marked') return step;
      markComparing(this.#standing, file);
    }
  }

  #captureIn(file: OpenFile, mayCompare: boolean, mayDoubt: MayDoubt): CaptureStep | 'not marked' {
    if (!this.#standing.isHeld) file.sql.db.exec('BEGIN');
    try {
      // Somebody was quicker: the next step looks again.
      if (file.schemaMoved() || !this.#standing.isAsLeft(file)) return { kind: 'apply' };
      return this.#captureWithin(file, mayCompare, mayDoubt);
    } finally {
      if (!this.#standing.isHeld) file.rollback();
    }
  }

  /**
   * Throws SQLITE_BUSY where nothing seems to tell of a commit and a program is just writing: whoever begins a -wal anew
   * moves data_version before he commits, and what he marks shows when he has. All tables were compared for nothing.
   */
  #besideNoWriter(file: OpenFile): void {
    const { looked, mark } = this.#standing;
    if (Number.isNaN(looked) || file.connection.dataVersion() === looked) return;
    if (file.unmarked.size > 0 || newestMark(file.sql) > mark.id || !file.connection.isWal()) return;
    file.sql.db.exec('ROLLBACK; BEGIN IMMEDIATE; ROLLBACK; BEGIN');
  }

  #captureWithin(file: OpenFile, mayCompare: boolean, mayDoubt: MayDoubt): CaptureStep | 'not marked' {
    const standing = this.#standing;
    if (mayCompare && !standing.isHeld) this.#besideNoWriter(file);
    const version = file.connection.dataVersion();
    const isMarked = file.unmarked.size > 0 || newestMark(file.sql) > standing.mark.id;
    // Its program has triggers switched off, or wrote to tables that are not followed. Where there is such a one, it may
    // have committed beside another whose marks we see.
    if (version !== standing.looked && (!isMarked || standing.isUnmarked)) {
      this.comparison = mayCompare ? 'done' : 'due';
      this.#comparesAll = mayCompare;
    }
    if (this.#comparesAll) for (const id of file.tables.keys()) file.unmarked.add(id);
    else if (!isMarked && !this.#lacksRow(file, mayDoubt)) return { kind: 'nothing' };
    const step = standing.withFileShown(file, (shown, seen) => this.#edited(file, shown, seen));
    if (step !== 'not marked' && this.comparison !== 'due') standing.looked = version;
    if (step !== 'not marked' && this.#comparesAll) file.comparedAt = version;
    return step;
  }

  /** A table in which one is missing is compared. */
  #lacksRow(file: OpenFile, may: MayDoubt): boolean {
    if (this.#doubtful.size === 0) return false;
    const most = { no: 0, piece: DOUBTED_ROWS, all: Number.POSITIVE_INFINITY }[may];
    const found =
      most === 0 ? null : this.#standing.withFileShown(file, (shown) => this.#doubtful.look(file, shown, most));
    if (found !== null) file.unmarked.add(found);
    if (this.comparison === 'none') this.comparison = may === 'no' ? 'due' : this.#doubtful.size > 0 ? 'begun' : 'done';
    return found !== null;
  }

  #edited(file: OpenFile, shown: Shown, seen: Vector): CaptureStep | 'not marked' {
    const { id, mark, behind } = this.#standing;
    const former = behind === null ? undefined : formerRows(this.#standing, behind, shown);
    const captured = captureFile(file, shown, { after: mark.id, room: this.room, former });
    const { ops, skipped, doubtful, merged, last } = captured;
    for (const table of doubtful) this.#doubtful.add(table);
    for (const [table, count] of skipped) this.#skipped.set(table, rowsNotFollowed(file, table, count));
    if (ops.count === 0) {
      if (last !== null) this.#standing.mark = last;
      file.unmarked.clear();
      return { kind: 'nothing' };
    }
    if (last === null) {
      this.#standing.isUnmarked ||= this.#comparesAll;
      return 'not marked';
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
    if (body.uses.some(({ table }) => isReserved(table))) standing.schema.lookAgain();
    const folded = { change: { copy, seq, stamp, deps: body.seen ?? EMPTY, size: 0 }, body };
    behind?.edited.push(folded);
    edited.push(folded);
    foldEdited(standing, edited.length === 1 && behind === null ? known : undefined);
  }

  /** The captured change could not be appended: it will be captured again. */
  notCaptured(): void {
    this.#capturing = null;
  }

  /** Writes what the database lacks: one transaction of it. */
  apply(): ApplyStep {
    return this.#applying.step();
  }

  /** In quiet: forgets captured marks and writes the position. True if there is nothing left to do. */
  tidy(): boolean {
    const standing = this.#standing;
    const file = standing.ready();
    if (foldEdited(this.#standing) === 'must apply' || standing.behind !== null || file.takenIn.size > 0) return false;
    const { position, options, id, mark } = standing;
    if (position === null) return false;
    const upToDate = !isBeyond(options.source, id, this.vector, position.vector);
    if (upToDate && !hasMarksToClear(file.sql, mark.id) && areCompared(file.sql)) return true;
    file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (standing.isStale(file)) return false;
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
    if (standing.position === null || standing.edited.length > 0 || standing.behind !== null) return 'capture';
    file.sql.db.exec('BEGIN IMMEDIATE');
    try {
      if (standing.isStale(file)) return 'capture';
      file.connection.withChecks(() => work(file, this.shown()));
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
  entering(path: string): { readonly request: AppendRequest | null; readonly contained: Vector } {
    const { body, contained } = rowsOfOther(path, this.shown(), this.#standing.id);
    return { request: body && { ...requestOf(body, EMPTY), entered: contained }, contained };
  }

  /** The entered change is in the log and not in the file: the file is behind. */
  entered({ copy, seq }: Appended): void {
    const standing = this.#standing;
    const { options, state } = standing;
    const file = standing.ready();
    standing.behind ??= stateAt(standing.foldingBy(file), state.vector);
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
