/**
 * The databases of one copy: which there are says the registry, where they lie say the reports from the disk, and what
 * is in them is the business of the database process. This puts the three together, one step after the other.
 */

import { type RegistryOp, withSeen } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import type { ChangeId } from '../core/change.ts';
import type { DocumentContent } from '../core/content.ts';
import { foldPath } from '../core/paths.ts';
import { assert, ProblemError, StorageError } from '../core/problem.ts';
import { contentCell, DATABASES, setOp } from '../core/registry.ts';
import type { Origin } from '../core/rows.ts';
import type { CopyId, Vector } from '../core/vector.ts';
import type {
  Appended,
  AppendRequest,
  Applied,
  DatabaseConflict,
  DatabaseEvents,
  DatabaseProblem,
  Databases,
} from '../database/host.ts';
import type { Files } from '../platform/ports.ts';
import type { StoredChange } from '../store/log.ts';
import type { Entry, Registry } from '../store/registry.ts';
import type { CopyEvent } from './copy-options.ts';
import { DatabaseDeletions } from './database-deletions.ts';
import { DatabaseMoves } from './database-moves.ts';
import { DatabasePlacing } from './database-placing.ts';
import { notEntered, unreadableDatabase } from './database-problems.ts';
import type { ChunkSource, Contents, DatabaseReports } from './documents/ports.ts';
import { Entering } from './entering.ts';
import { PlacedDatabases } from './placed-databases.ts';
import type { Problems } from './problems.ts';
import { SYNC_FOLDER, type SyncFolder } from './sync-folder.ts';
import { Unfollowed } from './unfollowed.ts';

/** Starts following databases for a copy: in the child process, or in this one. */
export type MakeDatabases = (copy: string, folder: SyncFolder, events: DatabaseEvents) => Databases;

export interface CopyDatabasesOptions {
  readonly copy: CopyId;
  readonly folder: SyncFolder;
  readonly files: Files;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly problems: Problems;
  readonly record: (ops: readonly RegistryOp[], within?: (by: Origin) => void) => Promise<Origin>;
  /** One change of these bytes, and another of the ops, if there are any: both or none. */
  readonly append: (bytes: Uint8Array, ops: readonly RegistryOp[]) => StoredChange;
  readonly appendPieces: (pieces: AsyncIterable<Uint8Array>) => Promise<StoredChange>;
  readonly concerns: (vector: Vector, subject: string) => boolean;
  /** Everything that the makers of these changes had stored, and the changes themselves. */
  readonly knownTo: (changes: readonly ChangeId[]) => Vector;
  readonly make: (events: DatabaseEvents) => Databases;
  /** Asks for `place` in a while: the disk did not do what it was asked to. */
  readonly again: () => void;
  readonly tell: (event: CopyEvent) => void;
}

export class CopyDatabases implements DatabaseReports {
  readonly unfollowed: Unfollowed;
  readonly #options: CopyDatabasesOptions;
  readonly #databases: Databases;
  readonly #placed: PlacedDatabases;
  readonly #steps: DatabasePlacing;
  readonly #entering: Entering;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #placing = false;
  readonly #moves: DatabaseMoves;
  readonly #deletions: DatabaseDeletions;
  /** `place` is asked for in a while already. */
  #isAsked = false;

  constructor(options: CopyDatabasesOptions) {
    this.#options = options;
    this.#databases = options.make({
      append: (request) => this.#append(request),
      applied: (event) => this.#applied(event),
      problems: (database, problems) => this.#problems(database, problems),
    });
    this.#placed = new PlacedDatabases(options.folder.db);
    this.unfollowed = new Unfollowed(options.files);
    const { signal } = this.#stopping;
    const [placed, databases] = [this.#placed, this.#databases];
    const again = (): void => this.#again();
    const steps = new DatabasePlacing({ ...options, placed, databases, signal, again });
    this.#steps = steps;
    this.#deletions = new DatabaseDeletions({ ...options, placed, steps });
    const remove = async (id: string) => void (await options.record([this.#deletions.removal(id)]));
    const entryAt = (path: string) => this.#entryAt(path);
    this.#moves = new DatabaseMoves({ ...options, placed, steps, entryAt, found: (path) => this.databaseFound(path) });
    this.#entering = new Entering({ ...options, placed, databases, steps, remove, again });
  }

  /** The database process, for what only it knows: conflicts, history. */
  get process(): Databases {
    return this.#databases;
  }

  /** Follows all databases that lie in their place. */
  async start(): Promise<void> {
    await this.#steps.openPlaced();
    this.place();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
    await this.#databases.stop();
  }

  /** The log has grown. */
  forward(): void {
    this.#databases.forward();
  }

  /** The registry has changed: what is to be placed, moved or removed? */
  place(): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#placing) return;
    this.#placing = true;
    this.#steps.lookAgain();
    this.#do('placing databases', async () => {
      this.#placing = false;
      this.#isAsked = false;
      await this.#moves.take();
      const entries = [...this.#options.registry.entries('database')];
      // What lies here already may have to make way for what is to come.
      for (const entry of entries.filter(({ id }) => this.#steps.isOpen(id))) await this.#steps.place(entry);
      for (const entry of entries.filter(({ id }) => !this.#steps.isOpen(id))) await this.#steps.place(entry);
      await this.#entering.enterAll();
      await this.#steps.removeDead(
        async (id) => {
          const isKept = await this.#deletions.keepEdited(id);
          // Whoever deleted it may have renamed it before.
          if (isKept) this.place();
          return isKept;
        },
        (id, removed) => this.#entering.asideToRemoved(id, removed),
      );
    });
  }

  /** What the registry shows is in its place, if it can be had now. */
  async placed(): Promise<void> {
    this.place();
    await this.#work;
  }

  /** Everything on disk is in the log, and everything in the log on disk, or a problem says why not. */
  async settle(): Promise<void> {
    await this.placed();
    await this.#databases.settle();
  }

  /** The base of each database that is followed here: native paths. */
  basePaths(): string[] {
    return this.#followed().map(({ id }) => this.#options.folder.basePath(id));
  }

  /** Reads the bases of all that is followed here. Which of them the disk has damaged or lost: they are fetched again. */
  async damagedBases(signal: AbortSignal): Promise<Entry[]> {
    const ends = AbortSignal.any([signal, this.#stopping.signal]);
    const damaged: Entry[] = [];
    // Not as a step: one of these may be waiting for the hub.
    for (const entry of this.#followed()) {
      if (!ends.aborted && !(await this.#steps.bases.prove(entry))) damaged.push(entry);
    }
    if (damaged.length > 0) this.place();
    return damaged;
  }

  #followed(): Entry[] {
    return [...this.#options.registry.entries('database')].filter(({ id }) => this.#steps.isOpen(id));
  }

  /** What is in conflict in each database that is followed here. */
  async conflicts(): Promise<{ id: string; path: string; conflicts: readonly DatabaseConflict[] }[]> {
    return Promise.all(
      this.#followed().map(async ({ id, shown }) => ({ id, path: shown, conflicts: await this.#conflictsOf(id) })),
    );
  }

  /** One that cannot be asked has its problem, and keeps nobody from hearing of the others. */
  async #conflictsOf(id: string): Promise<readonly DatabaseConflict[]> {
    try {
      return await this.#databases.conflicts(id);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return [];
    }
  }

  /** Databases that the registry has, that are not in their place yet, and that do not wait for a person. */
  missing(): { documents: number; bytes: number } {
    const isAwaited = ({ id }: Entry) => !this.#steps.isOpen(id) && !this.#steps.isBlocked(id);
    const found = [...this.#options.registry.entries('database')].filter(isAwaited);
    return { documents: found.length, bytes: found.reduce((sum, { size }) => sum + size, 0) };
  }

  /** One in whose place something lies that is not ours. */
  blocked(): Entry | undefined {
    return [...this.#options.registry.entries('database')].find(({ id }) => this.#steps.isBlocked(id));
  }

  /** A database as part of the base that is being published: tracked from here on. */
  async publish(
    id: string,
    path: string,
    ingest: Contents['ingest'] = (paths) => this.#options.contents.ingest(paths),
  ): Promise<{ settings: string; content: DocumentContent; pageSize: number }> {
    const { files, folder } = this.#options;
    const basePath = folder.basePath(id);
    // Of a publish that was stopped: the content is taken anew, as it is now.
    files.remove(`${SYNC_FOLDER}/base/${id}.db`);
    files.remove(`${SYNC_FOLDER}/base/${id}.db-journal`);
    const made = await this.#databases.makeBase({ id, path: files.native(path), basePath });
    const [read] = await ingest([basePath]);
    if (read?.kind !== 'done') throw unreadableDatabase(path);
    this.#placed.put({ id, path, hash: read.content.hash });
    return { settings: made.settings, content: read.content, pageSize: 0 };
  }

  /** The base of a database that was published from here. False: it could not be had now. */
  bringBase(id: string, content: DocumentContent): Promise<boolean> {
    return this.#steps.bringBase(id, content);
  }

  // Reports from the disk

  databaseFound(path: string): void {
    this.#do(path, async () => {
      const { registry, files } = this.#options;
      const shown = registry.entryAt(path);
      // What lies elsewhere still, and is to come here, is not what was found here.
      const known = this.#entryAt(path) ?? (shown && this.#placed.get(shown.id) ? undefined : shown);
      if (!files.facts(path) || this.#moves.hasTo(path)) return;
      if (known?.kind !== 'database') return this.unfollowed.tryAt(path, () => this.#takeIn(path));
      if (this.#steps.isOpen(known.id)) return this.#databases.poke(known.id);
      await this.#steps.place(known);
    });
  }

  databaseChanged(path: string): void {
    const entry = this.#entryAt(path);
    if (entry && this.#steps.isOpen(entry.id)) this.#databases.poke(entry.id);
    // It was found, and could not be taken in then.
    else if (!entry && this.#placed.at(path) === undefined) this.databaseFound(path);
  }

  databaseReplaced(path: string): void {
    this.databaseChanged(path);
  }

  databaseGone(path: string): void {
    this.#do(path, async () => {
      const { files } = this.#options;
      const entry = this.#entryAt(path);
      if (entry === undefined || files.facts(path) || this.#entering.isAside(entry.id)) return;
      await this.#deletions.gone(entry.id);
    });
  }

  databaseMoved(from: string, to: string): void {
    const entry = this.#entryAt(from);
    if (entry && this.#deletions.isRefused(entry.id)) {
      // It is not the database that was moved.
      this.#do(from, () => this.#deletions.gone(entry.id, to));
      return this.databaseFound(to);
    }
    this.#moves.note(from, to);
    this.#do(from, () => this.#moves.take());
  }

  /**
   * Nothing of ours is known to lie there. It may say itself what it is: one that lies no longer where it was left was
   * moved, and nobody was told; one that had gone before it was found here was taken for deleted.
   */
  async #takeIn(path: string): Promise<void> {
    const { files, registry, record } = this.#options;
    const id = await this.#databases.idOf(files.native(path));
    const entry = id === null ? undefined : registry.entry(id);
    const from = entry && this.#placed.get(entry.id)?.path;
    const isThere = entry && from !== undefined && (files.facts(from) || this.#deletions.isRefused(entry.id));
    if (entry?.kind !== 'database' || isThere) return this.#register(path);
    if (from === undefined || !entry.alive) {
      const written = registry.row(DATABASES, entry.id).cells.get('path') ?? [];
      await record([setOp(DATABASES, entry.id, { path: { value: path, over: written } })]);
    }
    if (from !== undefined) {
      this.#moves.note(from, path);
      return this.#moves.take();
    }
    const back = registry.entry(entry.id);
    if (back) await this.#steps.place(back);
  }

  /** The living database that we have put, or left, at a path; where it should be is another matter. */
  #entryAt(path: string): Entry | undefined {
    const { registry } = this.#options;
    const there = this.#placed.at(path);
    const entry = there && registry.entry(there.id);
    if (entry?.alive) return entry;
    // A disk that minds no case tells of it under another spelling.
    const known = registry.entryAt(path);
    const placed = known && this.#placed.get(known.id);
    return placed && foldPath(placed.path) === foldPath(path) ? known : undefined;
  }

  // The steps

  /** A database that nobody knew: its content now is its base, which travels like a document. */
  async #register(path: string): Promise<void> {
    const { registry, record, copy } = this.#options;
    const id = ownDatabaseId(registry.newId(path, 'database'), copy);
    const { settings, content } = await this.publish(id, path);
    await record([
      setOp(DATABASES, id, {
        path: { value: path, over: [] },
        settings: { value: settings, over: [] },
        content: contentCell(content, []),
      }),
    ]);
    const entry = registry.entry(id);
    if (entry) await this.#steps.open(entry);
  }

  // What the database process says

  async #append({ bytes, rest, seen, database, entered }: AppendRequest): Promise<Appended> {
    const { append, appendPieces, concerns } = this.#options;
    const other = entered && this.#entering.take(database, entered);
    // Nobody waits for it any more: entered without its database being removed, it would be entered again.
    if (entered && other === undefined) throw notEntered();
    const ops = other === undefined ? [] : [this.#deletions.removal(other)];
    assert(
      ops.length === 0 || rest === undefined,
      'rows are entered and their database removed by one step, or neither',
    );
    const { copy, seq, stamp } =
      rest === undefined
        ? append(concerns(seen, database) ? withSeen(bytes, seen) : bytes, ops)
        : await appendPieces(joined(bytes, rest));
    const path = this.#options.registry.entry(database)?.shown ?? '';
    this.#options.tell({ what: 'captured', text: `${path}: edited here`, path, bytes: bytes.byteLength });
    return { copy, seq, stamp };
  }

  #applied({ database, rows }: Applied): void {
    const path = this.#options.registry.entry(database)?.shown ?? '';
    if (rows > 0) this.#options.tell({ what: 'received', text: `${path}: ${rows} rows by colleagues`, path });
  }

  #problems(database: string, problems: readonly DatabaseProblem[]): void {
    this.#options.problems.replace(`database ${database}`, problems);
    this.#deletions.note(database, problems);
    for (const { text } of problems) this.#options.tell({ what: 'problem', text });
    const isUnread = problems.some(({ code }) => code === 'damaged-database' || code === 'database-missing');
    if (!isUnread) this.#steps.bases.trust(database);
    // Once: looking for its place may open it again, and be told the same.
    else if (this.#steps.bases.doubt(database)) this.place();
  }

  #again(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#options.again();
  }

  /** One step at a time: each looks at what the one before has left. */
  #do(what: string, step: () => Promise<void>): void {
    const { problems } = this.#options;
    this.#work = this.#work.then(async () => {
      if (this.#stopping.signal.aborted) return;
      try {
        await step();
        problems.clear(`step ${what}`);
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        problems.set(`step ${what}`, error.problem);
        if (error instanceof StorageError) this.#again();
      }
    });
  }
}

async function* joined(head: Uint8Array, rest: NonNullable<AppendRequest['rest']>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

/** Two people who make a database on one path make two: what is in one cannot be read as edits of the other. */
function ownDatabaseId(id: string, copy: CopyId): string {
  return sha256(Buffer.from(`${id}\0${copy}`)).slice(0, id.length);
}
