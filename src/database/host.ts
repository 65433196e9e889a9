/**
 * The databases of one sync copy, as the agent sees them. Behind it is one child process that owns every SQLite
 * connection to users' databases (`child.ts`, reached through `child-databases.ts`), or, in the seeded world, the same
 * code in the caller's own process (`databases.ts`).
 *
 * The agent never opens a user's database, and this room never writes the log: what was edited goes up as bodies
 * (`DatabaseEvents.append`), what is in the log comes down when `forward` says that there is more.
 */
import type { ChangeId } from '../core/change.ts';
import type { Stamp } from '../core/clock.ts';
import type { JsonRow, JsonValue } from '../core/plain-value.ts';
import type { Problem } from '../core/problem.ts';
import type { Renewed } from '../core/reissue.ts';
import type { CopyId, Vector } from '../core/vector.ts';

export interface OpenDatabase {
  /** The database's id in the registry: 16 hex characters. */
  readonly id: string;
  /** The user's database, absolute. */
  readonly path: string;
  /** The base content, a plain SQLite file in the sync folder, absolute. */
  readonly basePath: string;
  /** What the registry says in the cell `settings` of this database: JSON, made by `makeBase`. */
  readonly settings: string;
}

export interface BaseMade {
  /** To be put into the registry: key kinds and what else is fixed at publish. JSON. */
  readonly settings: string;
  readonly tables: number;
  readonly rows: number;
}

export interface Databases {
  /**
   * Starts tracking at `path` (installs marks and position) and puts a consistent copy of the content, without what is
   * ours, at `basePath`. What is edited from then on is marked. For publish, and for a database found later.
   */
  makeBase(request: { id: string; path: string; basePath: string }): Promise<BaseMade>;
  /**
   * Makes `path`, an exact copy of the base that is not yet in its place, ready for tracking. The caller renames it
   * into place and calls `open`. For `copy`.
   */
  adopt(request: OpenDatabase): Promise<void>;
  /** Which database of this copy the file at `path` says that it is. Null: none, or it is no database. */
  idOf(path: string): Promise<string | null>;
  /** Follows this database from now on: captures what is edited, applies what arrives. Returns before either is done. */
  open(database: OpenDatabase): Promise<void>;
  /** Leaves it alone: it was moved away, deleted or unregistered. What is marked stays marked. */
  close(id: string): Promise<void>;
  /** The watcher or the scan saw the file, its -wal or its -journal change. Cheap, coalesced. */
  poke(id: string): void;
  /** The log has more than before. Cheap, coalesced. */
  forward(): void;
  /**
   * Resolves when all that was on disk at the call is in the log, and all that was in the log is on disk (or a problem
   * says why not). False: a program keeps one of them locked, and may have committed what nobody could read yet.
   */
  settle(ids?: readonly string[]): Promise<boolean>;
  conflicts(id: string): Promise<readonly DatabaseConflict[]>;
  /**
   * Settles conflicts everywhere, by an own change that replaces all candidates: all or none. Throws `ProblemError` if one
   * is no longer there.
   */
  resolve(id: string, choices: readonly Choice[]): Promise<void>;
  history(id: string, query: HistoryQuery): Promise<readonly HistoryEntry[]>;
  /**
   * Undoes one change, or what it did to one row, by a new change: cells that still show what it wrote go back to what
   * it replaced, its new rows are deleted, what it deleted is brought back. Throws `ProblemError` if there is no such
   * change on this database.
   */
  undo(id: string, query: UndoQuery): Promise<Undone>;
  settings(id: string): Promise<readonly Setting[]>;
  /** All of them, by one change. Throws `ProblemError` where one cannot be. */
  changeSettings(id: string, changes: readonly SettingChange[]): Promise<void>;
  describe(id: string): Promise<DatabaseDescription>;
  /** The merged rows as they are at `vector`, as one hash, equal on all copies. Null: they are at another one by now. */
  digest(id: string, vector: Vector): Promise<string | null>;
  /**
   * Two databases were made on one path and `id` stands: enters the rows of the other one (`path`, a plain SQLite file
   * that lies aside) as edits made without knowledge of `id`'s content. Resolves when the change is appended, with what
   * the other one contained of its own colleagues' edits.
   */
  enterRows(id: string, path: string): Promise<Vector>;
  /**
   * Takes everything of ours out of the database at `path`, which is not open here, in one transaction. Throws a
   * `ProblemError` when it cannot, and has done nothing then.
   */
  detach(path: string): Promise<void>;
  /** Closes everything; nothing is called any more after it resolves. */
  stop(): Promise<void>;
}

export interface AppendRequest {
  readonly database: string;
  /** The encoded `Body`, with `seen` omitted. */
  readonly bytes: Uint8Array;
  /** Of a body too large to be held: what follows on `bytes`, which then have `seen` in them. Gone through once. */
  readonly rest?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Put into the bytes by `withSeen(bytes, seen)` unless no stored change on this database is beyond it. */
  readonly seen: Vector;
  readonly ops: number;
  /** These are the rows of `enterRows`, not somebody's edits: what the other database contained. */
  readonly entered?: Vector;
}

/** The own change, durable in the log. */
export type Appended = ChangeId & { readonly stamp: Stamp };

export interface Applied {
  readonly database: string;
  readonly changes: number;
  readonly rows: number;
  /** What the database contains now. */
  readonly vector: Vector;
}

export interface DatabaseProblem extends Problem {
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** What the agent is told. Called in order per database. */
export interface DatabaseEvents {
  /** Makes the own change and answers once it is durable. Rejecting stops the capture of this database until the next poke. */
  append(request: AppendRequest): Promise<Appended>;
  applied(event: Applied): void;
  /** All that is wrong with this database now, whenever that changes; empty: all is well. */
  problems(database: string, problems: readonly DatabaseProblem[]): void;
  /** The list of conflicts of this database may have changed. */
  conflictsChanged?(database: string): void;
  /** A record of the log was met that the disk has damaged. */
  recordDamaged?(id: ChangeId): void;
}

/** A candidate taken in a conflict, by their ids. */
export interface Choice {
  readonly conflict: string;
  readonly candidate: string;
}

export type DatabaseConflict = {
  /** Stable while the conflict lasts, equal on all copies. */
  readonly id: string;
  readonly database: string;
  readonly table: string;
  /** The row's id. */
  readonly row: string;
  /** The row's key columns as they are shown: {no: 4010}. Not its hidden id. */
  readonly key: JsonRow;
  /** cell: several values; row: deleted by one, edited by another; constraint: cannot be shown as it is. */
  readonly kind: 'cell' | 'row' | 'constraint';
  readonly column: string | null;
  /** For people, where it is not obvious: what constraint withholds the row. */
  readonly note: string | null;
  /** The column is a number that became another one because of another row: the note, where names of people belong. */
  readonly moved?: Moved;
  readonly candidates: readonly ConflictCandidate[];
};

export interface Moved {
  readonly from: JsonValue;
  readonly to: JsonValue;
  readonly because: Because;
}

/** The row that has the number, by its key as it is shown now, and who gave it that; null: it was there at publish. */
export type Because = { readonly key: JsonRow; readonly by: CopyId | null };

export interface ConflictCandidate {
  readonly id: string;
  /** The cell's value, or the whole row; null also for a row that is deleted. */
  readonly value: JsonValue | JsonRow;
  readonly shown: boolean;
  readonly by: readonly (ChangeId & { readonly stamp: Stamp })[];
}

export interface HistoryQuery {
  /** Without a table: the newest edits of the whole database. */
  readonly table?: string;
  /** The row by its key columns as they are shown. */
  readonly key?: JsonRow;
  readonly column?: string;
  /** Only entries of this kind: `delete` lists the rows that were deleted, with their last values. */
  readonly kind?: HistoryEntry['kind'];
  /** Newest first; default 100. */
  readonly limit?: number;
}

export interface HistoryEntry extends ChangeId {
  readonly stamp: Stamp;
  readonly table: string;
  readonly row: string;
  readonly key: JsonRow;
  readonly kind: 'insert' | 'update' | 'delete' | 'number' | 'schema' | 'setting';
  readonly column: string | null;
  /** Of a number: the row that has the one which this row had, and who made it; nobody: it was there at publish. */
  readonly because: Because | null;
  /** The cell's value before and after; the whole row where the entry is not about one cell (null: it was not there). */
  readonly from: JsonValue | JsonRow;
  readonly to: JsonValue | JsonRow;
}

/** What people set about a table (`line`) or a column (`line.account`), by their names. */
export type SettingChange = { readonly place: string } & (
  | { readonly set: 'left-out'; readonly value: boolean }
  /** The table to which a column refers; null: none. */
  | { readonly set: 'refers'; readonly value: string | null }
  /** A number that is handed out, or a name; null: as it is called. */
  | { readonly set: 'number'; readonly value: boolean | null }
  | { readonly set: 'deletion-wins'; readonly value: boolean }
);

export interface Setting {
  readonly table: string;
  /** null: it is about the table. */
  readonly column: string | null;
  readonly set: SettingChange['set'];
  /** The table to which a column refers, by its name. */
  readonly value: boolean | string;
  /** Who set it; null: it follows from the database itself. */
  readonly by: (ChangeId & { readonly stamp: Stamp }) | null;
}

export interface UndoQuery {
  readonly change: ChangeId;
  /** Only in this table; with `key`: only this row, by its key columns as they are shown. */
  readonly table?: string;
  readonly key?: JsonRow;
}

/** What could not be put back. */
export interface LeftAlone {
  readonly table: string;
  readonly key: JsonRow;
  /** null: the whole row. */
  readonly column: string | null;
  /** As the end of a sentence that begins with what it is about. */
  readonly why: string;
}

export interface Undone {
  /** How many rows were put back. */
  readonly rows: number;
  /** What was dropped of the schema and is there again, with its rows or values: `table note`, `column note.old`. */
  readonly schema: readonly string[];
  readonly left: readonly LeftAlone[];
}

export interface DatabaseDescription {
  readonly id: string;
  readonly path: string;
  readonly vector: Vector;
  readonly tables: readonly TableDescription[];
  /** What this child did so far, for `doctor` and the bench. */
  readonly figures: DatabaseFigures;
}

export interface TableDescription {
  readonly name: string;
  readonly key: 'name' | 'number' | 'hidden' | 'not tracked';
  readonly columns: readonly string[];
  readonly rows: number;
}

export interface DatabaseFigures {
  readonly captures: number;
  readonly capturedRows: number;
  readonly applies: number;
  readonly appliedRows: number;
  /** How often the application held the lock when we wanted it. */
  readonly busy: number;
  /** Longest time that we held the write lock, ms. */
  readonly longestLockMs: number;
}

/** What runs the databases needs to know; the same for the child and for the caller's own process. */
export interface DatabasesOptions {
  readonly copy: CopyId;
  /** `rows.db` in the sync folder; ':memory:' in tests that throw it away. */
  readonly rowsPath: string;
  /** Under which ids this copy numbered before, oldest first. */
  readonly renamings?: readonly Renewed[];
}
