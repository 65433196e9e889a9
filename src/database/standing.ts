/**
 * Where a database file stands: the open connection, what the file contains, what of it is captured, and what is not in
 * it yet. Finds that out anew whenever the file is not what we left: replaced, restored, crashed.
 */
import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../core/problem.ts';
import type { Renewed } from '../core/reissue.ts';
import type { Table } from '../core/tables.ts';
import { type CopyId, covers, join, same, type Vector } from '../core/vector.ts';
import type { FileFacts } from '../platform/ports.ts';
import { RowState } from '../store/row-state.ts';
import { MissingRows } from './applying/missing-rows.ts';
import { misnumbered, renumber } from './capture/hidden-numbers.ts';
import { mayLackTables } from './capture/vanished-tables.ts';
import { ClosedFile } from './closed-file.ts';
import { DueSchema } from './due-schema.ts';
import { emptied } from './file/failing.ts';
import { clearManyMarks, hasMark, newestMark } from './file/marks.ts';
import { OpenFile } from './file/open-file.ts';
import { type Position, readPosition, writePosition } from './file/position.ts';
import { setCompared } from './file/triggers.ts';
import { BaseFile } from './folding/base-file.ts';
import { type Behind, bodiesOf, type Folded, foldInto, foldMissed, seenBehind, stateAt } from './folding/behind.ts';
import {
  type Containing,
  isBeyond,
  lackingAt,
  readBody,
  renamedPosition,
  whatItContains,
} from './folding/containing.ts';
import { Folding, type FoldingBy } from './folding/folding.ts';
import { Room } from './folding/room.ts';
import { Shown } from './folding/shown.ts';
import type { ChangeSource } from './folding/source.ts';
import type { OpenDatabase } from './host.ts';
import type { Schema } from './schema/schema.ts';
import { type Choices, NO_CHOICES } from './settings/choices.ts';
import { isMendedBy } from './settings/mended-by.ts';
import { parseSettings } from './settings.ts';

export interface EngineOptions {
  readonly database: OpenDatabase;
  readonly copy: CopyId;
  /** The store opened with `ROWS`, shared by all databases of the copy. */
  readonly rows: DatabaseSync;
  readonly source: ChangeSource;
  readonly facts: (path: string) => FileFacts | undefined;
  readonly renamings?: readonly Renewed[];
  /** Rows that are held in memory at a time; what a step needs of more is on the disk meanwhile. */
  readonly heldRows?: number | undefined;
}

export class Standing {
  readonly options: EngineOptions;
  readonly id: string;
  readonly state: RowState;
  readonly base: BaseFile;
  readonly room: Room;
  readonly schema: DueSchema;
  /** The last mark that was captured. */
  mark: Containing['mark'] = { id: 0, nonce: null };
  /** SQLite's data_version when the file was last looked at: whoever has committed since may have marked nothing. */
  looked = 0;
  /** Somebody who edits this database marks nothing: marks do not tell of everything. */
  isUnmarked = false;
  readonly #closed: ClosedFile;
  /** Set while the file lacks what is folded. */
  behind: Behind | null = null;
  /** Own changes, in the log and in the file, that are not folded yet. */
  edited: Folded[] = [];
  readonly missing = new MissingRows();
  /** We have the write lock from one step to the next. */
  #held = false;
  #file: OpenFile | null = null;
  #lastTables: ReadonlyMap<string, Table> | null = null;
  #lastChoices: Choices = NO_CHOICES;
  /** What we left in the file. */
  #position: Position | null = null;
  #mayBeRenumbered = false;

  constructor(options: EngineOptions) {
    this.options = options;
    this.id = options.database.id;
    this.state = new RowState(options.rows, this.id);
    this.base = new BaseFile(options.database.basePath);
    this.room = new Room(options.heldRows);
    this.schema = new DueSchema(this.state, this.base);
    this.#closed = new ClosedFile(options.database.path, options.facts);
  }

  get #renamings(): readonly Renewed[] {
    return this.options.renamings ?? [];
  }

  get file(): OpenFile | null {
    return this.#file;
  }

  foldingBy({ tables }: { tables: ReadonlyMap<string, Table> }): FoldingBy {
    const choices = this.#file?.choices ?? this.#lastChoices;
    return { database: this.id, base: this.base, tables, choices, source: this.options.source, room: this.room };
  }

  /** Known also while the file is closed, once it was open. */
  get tables(): ReadonlyMap<string, Table> {
    return this.#file?.tables ?? this.#lastTables ?? this.ready().tables;
  }

  get position(): Position | null {
    return this.#position;
  }

  /** What the position says was applied, by the names that changes have now. */
  get contained(): Vector | null {
    return this.#position && renamedPosition(this.#position, this.#renamings).vector;
  }

  /** All is done in the file, and it is at rest. */
  rest(): void {
    this.#open().connection.checkpoint();
    this.#closed.rests();
  }

  /** Nobody has written to it since we closed it. */
  get isAsClosed(): boolean {
    return this.#closed.isAsClosed;
  }

  disconnect(): void {
    this.#lastTables = this.#file?.tables ?? this.#lastTables;
    this.#lastChoices = this.#file?.choices ?? this.#lastChoices;
    this.#file?.rollback();
    this.#file?.close();
    if (this.#file !== null) this.#closed.closes();
    this.behind?.store.close();
    this.#file = null;
    this.#position = null;
    this.behind = null;
    this.#held = false;
    this.schema.lookAgain();
    this.edited = [];
  }

  /** Has the file been replaced, or is it gone? Then the connection is to something that nobody sees any more. */
  isReplaced(): boolean {
    if (this.#file === null) return false;
    const now = this.options.facts(this.options.database.path);
    const then = this.#file.facts;
    return now?.inode !== then?.inode || now?.device !== then?.device;
  }

  /** The open file, known for what it is. */
  ready(): OpenFile {
    if (this.#file !== null && this.isReplaced()) this.disconnect();
    const { path } = this.options.database;
    if (this.options.facts(path)?.size === 0) throw emptied(path);
    if (this.#file === null) this.#connect();
    const file = this.#open();
    if (file.schemaMoved()) {
      file.follow();
      this.#mayBeRenumbered = true;
      this.schema.lookAgain();
      if (this.missing.forgetFresh(file, this.state)) this.#recover(file);
    }
    if (!this.isAsLeft(file)) this.#recover(file);
    if (this.#mayBeRenumbered) this.#restoreNumbers(file);
    return file;
  }

  #connect(): void {
    const { path, settings } = this.options.database;
    const isAsClosed = this.#closed.isNew || this.isAsClosed;
    const shown = (): Schema => this.schema.shown().schema;
    const file = new OpenFile(path, parseSettings(settings), this.options.facts(path), shown);
    try {
      file.follow();
      this.#file = file;
      this.#recover(file);
      this.looked = isAsClosed ? file.connection.dataVersion() : Number.NaN;
    } catch (error) {
      this.#file = null;
      file.close();
      throw error;
    }
  }

  #open(): OpenFile {
    assert(this.#file !== null, 'the database is not open');
    return this.#file;
  }

  /** Takes the write lock, or throws SQLITE_BUSY at once. */
  lock(file: OpenFile): void {
    if (!this.#held) file.sql.db.exec('BEGIN IMMEDIATE');
  }

  /** Keeps the lock from this step to the next that commits or fails. */
  hold(): void {
    this.lock(this.ready());
    this.#held = true;
  }

  get isHeld(): boolean {
    return this.#held;
  }

  letGo(): void {
    if (this.#held) this.#file?.rollback();
    this.#held = false;
  }

  /** Undoes what this step wrote, to the file and to rows.db. */
  undo(file: OpenFile): void {
    this.#held = false;
    file.rollback();
    this.schema.undone();
    this.state.rollback();
  }

  /** Is the file what we left, with nothing but new marks? */
  isAsLeft(file: OpenFile): boolean {
    const position = readPosition(file.sql);
    const left = this.#position;
    if (position === null || left === null) return position === left && file.isFollowed;
    if (position.database !== left.database || position.mark !== left.mark) return false;
    if (position.copy !== left.copy || !same(position.vector, left.vector)) return false;
    const { id, nonce } = this.mark;
    return nonce === null || hasMark(file.sql, { id, nonce });
  }

  /**
   * Did anything happen in the file that was not captured? Asked under the write lock. `may`: rows were edited, and
   * nothing else; do they matter?
   */
  isStale(file: OpenFile, may: () => boolean = () => false): boolean {
    if (!this.isAsLeft(file) || file.schemaMoved()) return true;
    if (newestMark(file.sql) > this.mark.id) return this.isUnmarked || !may();
    return file.connection.dataVersion() !== this.looked;
  }

  /** RACE: between the two commits a crash leaves the file ahead of rows.db; its position says so (see #recover). */
  commit(file: OpenFile): void {
    const position = this.#positionNow(file, this.mark.id);
    writePosition(file.sql, position);
    clearManyMarks(file.sql, this.mark.id, this.room.rows, file.connection.encoding);
    if (file.unmarked.size === 0 && file.takenIn.size === 0) setCompared(file.sql, true);
    file.sql.db.exec('COMMIT');
    file.committed();
    this.schema.committed();
    this.#held = false;
    this.state.commit();
    this.#position = position;
  }

  #positionNow(file: OpenFile, mark: number): Position {
    const schema = file.connection.schemaVersion();
    return { database: this.id, copy: this.options.copy, vector: this.state.vector, mark, schema };
  }

  /** What the file showed before the edits that are not captured, and which changes its program had in front of it. */
  withFileShown<T>(file: OpenFile, use: (shown: Shown, seen: Vector) => T): T {
    const { base, behind } = this;
    const { state, edited } = behind ?? this;
    if (edited.length === 0) {
      const seen = behind === null ? this.#seen() : seenBehind(behind);
      return state.reading(() => use(new Shown(state, base, file.tables), seen));
    }
    // Own changes whose consequences for other rows are not in the file yet.
    state.begin();
    try {
      const folding = new Folding(state, this.foldingBy(file));
      for (const { change, body } of edited) folding.fold(change, body);
      folding.settle();
      return use(folding.views.edited(), behind === null ? folding.vector : seenBehind(behind));
    } finally {
      state.rollback();
    }
  }

  #seen(): Vector {
    const { source } = this.options;
    const stored = source.vector();
    const pending = source.after(this.state.vector, { subject: this.id, limit: 1 });
    return pending.length === 0 ? join(this.state.vector, stored) : this.state.vector;
  }

  /** The next step finds out anew where the file stands. */
  lookAgain(): void {
    this.#position = null;
  }

  /** Finds out what the file contains, and brings what is folded in step with it. */
  #recover(file: OpenFile): void {
    this.behind?.store.close();
    this.behind = null;
    this.edited = [];
    const { source } = this.options;
    const stated = readPosition(file.sql);
    if (stated === null || stated.database !== this.id) return this.#start(file);
    this.missing.forgetFresh(file, this.state);
    const position = renamedPosition(stated, this.#renamings);
    const { vector, mark, edited } = whatItContains(file.sql, position, source, this.options);
    // A crash came between the two commits, or rows.db lost its last ones: the file has these already.
    const folded = this.#foldContained(file, vector);
    this.#position = stated;
    this.mark = mark;
    if (stated.schema !== file.connection.schemaVersion()) this.#mayBeRenumbered = true;
    if (folded !== null) this.#withhold(file, folded);
    foldMissed(this.state, this.foldingBy(file), { copy: this.options.copy, edited });
    const missing = edited.filter(({ copy, seq }) => !covers(this.state.vector, copy, seq));
    this.edited = missing.map((change) => ({ change, body: readBody(source, change) }));
    if (isBeyond(source, this.id, this.state.vector, vector, edited)) {
      this.behind = stateAt(this.foldingBy(file), vector, edited);
    }
  }

  /** A file that says nothing of this database: whatever differs from what we know was edited, its schema included. */
  #start(file: OpenFile): void {
    this.#mayBeRenumbered = false;
    mayLackTables(file, this.schema.shown().schema, this.state, this.base);
    file.followAnew();
    const { vector } = this.state;
    if (this.missing.forgetFresh(file, this.state)) this.#foldContained(file, vector);
    for (const { id, left } of file.tables.values()) if (!left) file.unmarked.add(id);
    file.write(() => setCompared(file.sql, false));
    // It gets one when it has been told apart what of that is older than what we know.
    this.#position = null;
    this.mark = { id: 0, nonce: null };
  }

  /** After what may have been a VACUUM. */
  #restoreNumbers(file: OpenFile): void {
    const mark = this.mark.id;
    this.withFileShown(file, (shown) => {
      if (misnumbered(file, shown, mark).length === 0) return;
      file.write(() => {
        for (const table of misnumbered(file, shown, mark)) renumber(file, shown, table, mark);
      });
    });
    this.#mayBeRenumbered = false;
  }

  #foldContained(file: OpenFile, contained: Vector): Folding | null {
    const { source } = this.options;
    const lacking = lackingAt(source, this.id, contained, this.state.vector, []);
    const isAny = isBeyond(source, this.id, contained, this.state.vector);
    if (!isAny && isMendedBy(this.state, file.choices)) return null;
    this.state.begin();
    try {
      // The file is as its own settings make it, also where only it came to be committed.
      foldInto(this.state, this.foldingBy(file), []);
      const folding = foldInto(this.state, this.foldingBy(file), bodiesOf(source, lacking));
      this.state.commit();
      return isAny ? folding : null;
    } catch (error) {
      this.state.rollback();
      throw error;
    }
  }

  /** Changes that the file has, and that the log has only got now, are folded without being written. */
  foldContained(file: OpenFile): void {
    const folded = this.contained && this.#foldContained(file, this.contained);
    if (folded !== null) this.#withhold(file, folded);
  }

  #withhold(file: OpenFile, folded: Folding): void {
    const { state, base, mark } = this;
    this.missing.withhold(file, { state, base, mark: mark.id, folded, mayBeRenumbered: this.#mayBeRenumbered });
  }
}
