/**
 * The databases of one copy: which there are says the registry, where they lie say the reports from the disk, and what
 * is in them is the business of the database process. This puts the three together, one step after the other.
 */
import { type RegistryOp, withSeen } from '../core/body.ts';
import type { DocumentContent } from '../core/content.ts';
import { ProblemError, StorageError } from '../core/problem.ts';
import { allWrites, contentCell, DATABASES, removeOp, setOp } from '../core/registry.ts';
import type { Origin } from '../core/rows.ts';
import type { Vector } from '../core/vector.ts';
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
import type { Registry } from '../store/registry.ts';
import type { CopyEvent } from './copy-options.ts';
import { DatabasePlacing } from './database-placing.ts';
import { unreadableDatabase } from './database-problems.ts';
import type { ChunkSource, Contents, DatabaseReports } from './documents/ports.ts';
import { PlacedDatabases } from './placed-databases.ts';
import type { Problems } from './problems.ts';
import { SYNC_FOLDER, type SyncFolder } from './sync-folder.ts';

/** Starts following databases for a copy: in the child process, or in this one. */
export type MakeDatabases = (copy: string, folder: SyncFolder, events: DatabaseEvents) => Databases;

export interface CopyDatabasesOptions {
  readonly folder: SyncFolder;
  readonly files: Files;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly problems: Problems;
  readonly record: (ops: readonly RegistryOp[], within?: (by: Origin) => void) => Promise<Origin>;
  readonly append: (bytes: Uint8Array) => StoredChange;
  readonly concerns: (vector: Vector, subject: string) => boolean;
  readonly make: (events: DatabaseEvents) => Databases;
  /** Asks for `place` in a while: the disk did not do what it was asked to. */
  readonly again: () => void;
  readonly tell: (event: CopyEvent) => void;
}

export class CopyDatabases implements DatabaseReports {
  readonly #options: CopyDatabasesOptions;
  readonly #databases: Databases;
  readonly #placed: PlacedDatabases;
  readonly #steps: DatabasePlacing;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #placing = false;

  constructor(options: CopyDatabasesOptions) {
    this.#options = options;
    this.#databases = options.make({
      append: (request) => this.#append(request),
      applied: (event) => this.#applied(event),
      problems: (database, problems) => this.#problems(database, problems),
    });
    this.#placed = new PlacedDatabases(options.folder.db);
    const { signal } = this.#stopping;
    this.#steps = new DatabasePlacing({ ...options, placed: this.#placed, databases: this.#databases, signal });
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
    this.#do('placing databases', async () => {
      this.#placing = false;
      for (const entry of [...this.#options.registry.entries('database')]) await this.#steps.place(entry);
      await this.#steps.removeDead();
    });
  }

  /** Everything on disk is in the log, and everything in the log on disk, or a problem says why not. */
  async settle(): Promise<void> {
    this.place();
    await this.#work;
    await this.#databases.settle();
  }

  /** What is in conflict in each database that is followed here. */
  async conflicts(): Promise<{ id: string; path: string; conflicts: readonly DatabaseConflict[] }[]> {
    const entries = [...this.#options.registry.entries('database')].filter(({ id }) => this.#steps.isOpen(id));
    return Promise.all(
      entries.map(async ({ id, shown }) => ({ id, path: shown, conflicts: await this.#databases.conflicts(id) })),
    );
  }

  /** Databases that the registry has and that are not in their place yet. */
  missing(): { documents: number; bytes: number } {
    const found = [...this.#options.registry.entries('database')].filter(({ id }) => !this.#steps.isOpen(id));
    return { documents: found.length, bytes: found.reduce((sum, { size }) => sum + size, 0) };
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

  // Reports from the disk

  databaseFound(path: string): void {
    this.#do(path, async () => {
      const { registry } = this.#options;
      const known = registry.entryAt(path);
      if (known?.kind !== 'database') return this.#register(path);
      if (this.#steps.isOpen(known.id)) return this.#databases.poke(known.id);
      await this.#steps.place(known);
    });
  }

  databaseChanged(path: string): void {
    const entry = this.#options.registry.entryAt(path);
    if (entry && this.#steps.isOpen(entry.id)) this.#databases.poke(entry.id);
  }

  databaseReplaced(path: string): void {
    this.databaseChanged(path);
  }

  databaseGone(path: string): void {
    this.#do(path, async () => {
      const { registry, files, record } = this.#options;
      const entry = registry.entryAt(path);
      if (entry?.kind !== 'database' || this.#placed.get(entry.id) === undefined || files.facts(path)) return;
      await this.#steps.close(entry.id);
      await record([removeOp(DATABASES, entry.id, allWrites(registry.row(DATABASES, entry.id)))]);
      this.#placed.forget(entry.id);
    });
  }

  databaseMoved(from: string, to: string): void {
    this.#do(from, async () => {
      const { registry, record } = this.#options;
      const entry = registry.entryAt(from);
      if (entry?.kind !== 'database' || this.#placed.get(entry.id) === undefined) return this.databaseFound(to);
      const written = registry.row(DATABASES, entry.id).cells.get('path') ?? [];
      await this.#steps.close(entry.id);
      await record([setOp(DATABASES, entry.id, { path: { value: to, over: written } })]);
      this.#placed.put({ id: entry.id, path: to, hash: this.#placed.get(entry.id)?.hash ?? entry.hash });
      const moved = registry.entry(entry.id);
      if (moved) await this.#steps.open(moved);
    });
  }

  // The steps

  /** A database that nobody knew: its content now is its base, which travels like a document. */
  async #register(path: string): Promise<void> {
    const { registry, record } = this.#options;
    const id = registry.newId(path, 'database');
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

  async #append({ bytes, seen, database }: AppendRequest): Promise<Appended> {
    const { append, concerns } = this.#options;
    const { copy, seq, stamp } = append(concerns(seen, database) ? withSeen(bytes, seen) : bytes);
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
    for (const { text } of problems) this.#options.tell({ what: 'problem', text });
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
        if (error instanceof StorageError) this.#options.again();
      }
    });
  }
}
