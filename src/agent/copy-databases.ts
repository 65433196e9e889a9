/**
 * The databases of one copy: which there are says the registry, where they lie say the reports from the disk, and what
 * is in them is the business of the database process. This puts the three together, one step after the other.
 */
import { type RegistryOp, withSeen } from '../core/body.ts';
import type { DocumentContent } from '../core/content.ts';
import type { Problem } from '../core/problem.ts';
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
import { observationOf } from '../store/observations.ts';
import type { Entry, Registry } from '../store/registry.ts';
import type { CopyEvent } from './copy-options.ts';
import type { ChunkSource, Contents, DatabaseReports } from './documents/ports.ts';
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
  readonly #open = new Set<string>();
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
  }

  /** The database process, for what only it knows: conflicts, history. */
  get process(): Databases {
    return this.#databases;
  }

  /** Follows all databases that lie in their place. */
  async start(): Promise<void> {
    for (const entry of this.#options.registry.entries('database')) {
      // Where it was left: a colleague may have renamed it since, and it follows once it is open.
      const at = this.#placedPath(entry.id);
      const isIncoming = this.#options.files.facts(`${SYNC_FOLDER}/incoming/${entry.id}.db`);
      if (at !== undefined && this.#options.files.facts(at) && !isIncoming) await this.#openAt({ ...entry, shown: at });
    }
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
      for (const entry of [...this.#options.registry.entries('database')]) await this.#placeOne(entry);
      await this.#removeDead();
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
    const entries = [...this.#options.registry.entries('database')].filter(({ id }) => this.#open.has(id));
    return Promise.all(
      entries.map(async ({ id, shown }) => ({ id, path: shown, conflicts: await this.#databases.conflicts(id) })),
    );
  }

  /** Databases that the registry has and that are not in their place yet. */
  missing(): { documents: number; bytes: number } {
    const found = [...this.#options.registry.entries('database')].filter(({ id }) => !this.#open.has(id));
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
    if (read?.kind !== 'done') throw unreadable(path);
    this.#setPlaced(id, path, read.content.hash);
    return { settings: made.settings, content: read.content, pageSize: 0 };
  }

  // Reports from the disk

  databaseFound(path: string): void {
    this.#do(path, async () => {
      const { registry } = this.#options;
      const known = registry.entryAt(path);
      if (known?.kind !== 'database') return this.#register(path);
      if (this.#open.has(known.id)) return this.#databases.poke(known.id);
      await this.#placeOne(known);
    });
  }

  databaseChanged(path: string): void {
    const entry = this.#options.registry.entryAt(path);
    if (entry && this.#open.has(entry.id)) this.#databases.poke(entry.id);
  }

  databaseReplaced(path: string): void {
    this.databaseChanged(path);
  }

  databaseGone(path: string): void {
    this.#do(path, async () => {
      const { registry, files, record } = this.#options;
      const entry = registry.entryAt(path);
      if (entry?.kind !== 'database' || !this.#isPlaced(entry.id) || files.facts(path)) return;
      await this.#close(entry.id);
      await record([removeOp(DATABASES, entry.id, allWrites(registry.row(DATABASES, entry.id)))]);
      this.#forgetPlaced(entry.id);
    });
  }

  databaseMoved(from: string, to: string): void {
    this.#do(from, async () => {
      const { registry, record } = this.#options;
      const entry = registry.entryAt(from);
      if (entry?.kind !== 'database' || !this.#isPlaced(entry.id)) return this.databaseFound(to);
      const written = registry.row(DATABASES, entry.id).cells.get('path') ?? [];
      await this.#close(entry.id);
      await record([setOp(DATABASES, entry.id, { path: { value: to, over: written } })]);
      this.#setPlaced(entry.id, to, this.#placedHash(entry.id) ?? entry.hash);
      const moved = registry.entry(entry.id);
      if (moved) await this.#openAt(moved);
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
    if (entry) await this.#openAt(entry);
  }

  async #placeOne(entry: Entry): Promise<void> {
    if (this.#open.has(entry.id)) return this.#follow(entry);
    const { files, folder } = this.#options;
    const content = this.#baseContent(entry);
    const incoming = `${SYNC_FOLDER}/incoming/${entry.id}.db`;
    if (content === undefined) return;
    // Listed, and still incoming: the last steps were cut short.
    if (this.#isPlaced(entry.id)) return files.facts(incoming) ? this.#putIncoming(entry, incoming) : undefined;
    const base = `${SYNC_FOLDER}/base/${entry.id}.db`;
    if (!files.facts(base) && !(await this.#fetchTo(base, content))) return;
    files.remove(incoming);
    if (!(await this.#fetchTo(incoming, content, { path: folder.basePath(entry.id), content }))) return;
    await this.#databases.adopt({ ...this.#asOpened(entry), path: files.native(incoming) });
    files.makeFolder(folderOf(entry.shown));
    if (files.facts(entry.shown)) return this.#inTheWay(entry);
    // Listed first: what then lies in its place and not among the incoming is ours, whenever the power goes.
    this.#setPlaced(entry.id, entry.shown, content.hash);
    await this.#putIncoming(entry, incoming);
  }

  async #putIncoming(entry: Entry, incoming: string): Promise<void> {
    const { files, problems } = this.#options;
    files.makeFolder(folderOf(entry.shown));
    if (files.facts(entry.shown) || files.rename(incoming, entry.shown) !== 'done') {
      this.#forgetPlaced(entry.id);
      return this.#inTheWay(entry);
    }
    problems.clear(`database ${entry.id}`);
    this.#observe(entry.shown);
    await this.#openAt(entry);
    await files.syncFolder(folderOf(entry.shown));
    this.#options.tell({ what: 'placed', text: `${entry.shown} is here`, path: entry.shown });
  }

  /** A colleague has renamed a database that is open here. */
  async #follow(entry: Entry): Promise<void> {
    const { files } = this.#options;
    const from = this.#placedPath(entry.id);
    if (from === undefined || from === entry.shown) return;
    await this.#databases.settle([entry.id]);
    await this.#close(entry.id);
    const sidecars = ['-wal', '-journal', '-shm'].some((suffix) => files.facts(from + suffix));
    files.makeFolder(folderOf(entry.shown));
    const moved = !sidecars && !files.facts(entry.shown) && files.rename(from, entry.shown) === 'done';
    if (moved) {
      this.#setPlaced(entry.id, entry.shown, this.#placedHash(entry.id) ?? entry.hash);
      this.#options.registry.observations.remove(from);
      this.#observe(entry.shown);
    } else this.#options.problems.set(`database ${entry.id}`, waitsForRename(from, entry.shown));
    await this.#openAt(moved ? entry : { ...entry, shown: from });
  }

  /** What a colleague has deleted goes out of the way, once everything in it is in the log. */
  async #removeDead(): Promise<void> {
    const { registry, files } = this.#options;
    for (const { id, path } of this.#allPlaced()) {
      if (registry.entry(id)?.alive !== false) continue;
      await this.#databases.settle([id]);
      await this.#close(id);
      // Kept aside rather than deleted: a deletion can be taken back, and a program may have it open.
      files.makeFolder(`${SYNC_FOLDER}/removed`);
      if (files.rename(path, `${SYNC_FOLDER}/removed/${id}.db`) !== 'busy') {
        this.#forgetPlaced(id);
        await files.syncFolder(folderOf(path));
      }
    }
  }

  /** What we have put there is known for a database to who watches the folder, and need not settle like a new file. */
  #observe(path: string): void {
    const { files, registry } = this.#options;
    const facts = files.facts(path);
    if (facts) registry.observations.put(observationOf(path, '', '', facts));
  }

  async #fetchTo(
    path: string,
    content: DocumentContent,
    like?: { path: string; content: DocumentContent },
  ): Promise<boolean> {
    const { files, contents, source } = this.#options;
    const part = `${path}.part`;
    const wanted = { path: files.native(part), content, ...(like ? { like } : {}) };
    const [made] = await contents.assemble([wanted], source, { sync: true, signal: this.#stopping.signal });
    if (made?.kind === 'failed') {
      this.#options.problems.set(`database ${path}`, made.problem);
      this.#options.again();
    }
    if (made?.kind === 'done') this.#options.problems.clear(`database ${path}`);
    return made?.kind === 'done' && files.rename(part, path) === 'done';
  }

  #inTheWay(entry: Entry): void {
    this.#options.problems.set(`database ${entry.id}`, {
      code: 'in-the-way',
      text: `${entry.shown} cannot be placed: another file lies there.`,
      remedy: 'Move that file away; the database then appears by itself.',
      path: entry.shown,
    });
  }

  async #openAt(entry: Entry): Promise<void> {
    await this.#databases.open(this.#asOpened(entry));
    this.#open.add(entry.id);
  }

  async #close(id: string): Promise<void> {
    this.#open.delete(id);
    await this.#databases.close(id);
  }

  #asOpened({ id, shown }: Entry): { id: string; path: string; basePath: string; settings: string } {
    const { files, folder, registry } = this.#options;
    const written = registry.row(DATABASES, id).cells.get('settings')?.[0]?.value;
    const settings = typeof written === 'string' ? written : (registry.baseSettings(id) ?? '{}');
    return { id, path: files.native(shown), basePath: folder.basePath(id), settings };
  }

  #baseContent({ id, by }: Entry): DocumentContent | undefined {
    return this.#options.registry.content(id, by ?? 'base');
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

  #isPlaced(id: string): boolean {
    return this.#placedPath(id) !== undefined;
  }

  #placedPath(id: string): string | undefined {
    return this.#placedRow(id)?.path as string | undefined;
  }

  #placedHash(id: string): string | undefined {
    return this.#placedRow(id)?.hash as string | undefined;
  }

  #placedRow(id: string): Record<string, unknown> | undefined {
    return this.#options.folder.db.prepare('SELECT path, hash FROM placed_database WHERE id = ?').get(id);
  }

  #allPlaced(): { id: string; path: string }[] {
    const rows = this.#options.folder.db.prepare('SELECT id, path FROM placed_database').all();
    return rows.map(({ id, path }) => ({ id: String(id), path: String(path) }));
  }

  #setPlaced(id: string, path: string, hash: string): void {
    this.#options.folder.db
      .prepare('INSERT OR REPLACE INTO placed_database (id, path, hash) VALUES (?, ?, ?)')
      .run(id, path, hash);
  }

  #forgetPlaced(id: string): void {
    this.#options.folder.db.prepare('DELETE FROM placed_database WHERE id = ?').run(id);
  }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function unreadable(path: string): ProblemError {
  return new ProblemError({
    code: 'unreadable-database',
    text: `${path} cannot be read now.`,
    remedy: 'Close the program that holds it; it is tried again.',
    path,
  });
}

function waitsForRename(from: string, to: string): Problem {
  return {
    code: 'waits-for-rename',
    text: `${from} was renamed to ${to} by a colleague and is open here.`,
    remedy: 'Close the program that uses it; the name then follows by itself.',
    path: from,
  };
}
