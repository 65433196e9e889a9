/**
 * Puts the databases of a copy where the registry shows them, follows renames and removals, and opens what lies in its
 * place. Each step can be cut short: the next look finds from the disk and the observations where it stood.
 */
import type { DocumentContent } from '../core/content.ts';
import { foldPath } from '../core/paths.ts';
import { DATABASES } from '../core/registry.ts';
import type { Databases } from '../database/host.ts';
import type { Files } from '../platform/ports.ts';
import { observationOf } from '../store/observations.ts';
import type { Entry, Registry } from '../store/registry.ts';
import { Bases } from './bases.ts';
import type { CopyEvent } from './copy-options.ts';
import { damagedBase, databaseInTheWay, waitsForName, waitsForRename } from './database-problems.ts';
import type { ChunkSource, Contents } from './documents/ports.ts';
import { isLeftBehind } from './documents/walking.ts';
import type { PlacedDatabases } from './placed-databases.ts';
import type { Problems } from './problems.ts';
import { SYNC_FOLDER, type SyncFolder } from './sync-folder.ts';

/** What SQLite keeps beside a database. */
const SIDECARS = ['-wal', '-shm', '-journal'];

export interface DatabasePlacingOptions {
  readonly folder: SyncFolder;
  readonly files: Files;
  readonly registry: Registry;
  readonly placed: PlacedDatabases;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly problems: Problems;
  readonly databases: Databases;
  /** Asks for another look in a while: the disk did not do what it was asked to. */
  readonly again: () => void;
  readonly tell: (event: CopyEvent) => void;
  readonly signal: AbortSignal;
}

/** A file on this disk that has much of the same content. */
type Like = { readonly path: string; readonly content: DocumentContent };

export class DatabasePlacing {
  readonly #options: DatabasePlacingOptions;
  readonly #open = new Set<string>();
  /** The disk did not take what was to be fetched for them. */
  readonly #unfetched = new Set<string>();
  readonly bases: Bases;
  /** Something lies where they should be that only a person can judge. */
  readonly #blocked = new Set<string>();

  constructor(options: DatabasePlacingOptions) {
    this.#options = options;
    this.bases = new Bases(options);
  }

  isOpen(id: string): boolean {
    return this.#open.has(id);
  }

  /** Whatever lay in the way may be gone. */
  lookAgain(): void {
    this.#blocked.clear();
  }

  isBlocked(id: string): boolean {
    return this.#blocked.has(id);
  }

  /** Opens what lies where it was left: a colleague may have renamed it since, and it follows once it is open. */
  async openPlaced(): Promise<void> {
    const { registry, placed, files } = this.#options;
    for (const entry of registry.entries('database')) {
      const path = placed.get(entry.id)?.path;
      if (path === undefined || !files.facts(path) || files.facts(incomingPath(entry.id))) continue;
      await this.open({ ...entry, shown: path });
    }
  }

  /** Brings one database to where it is shown. */
  async place(entry: Entry): Promise<void> {
    const { files, folder, placed, databases, registry } = this.#options;
    const content = registry.content(entry.id, entry.by ?? 'base');
    if (this.#open.has(entry.id)) {
      if (content) await this.#healBase(entry, content);
      return this.#follow(entry);
    }
    const incoming = incomingPath(entry.id);
    if (content === undefined) return;
    const was = placed.get(entry.id);
    if (was !== undefined && this.#isMoved(was.path, entry.shown)) return this.#follow(entry);
    // Listed, and still incoming: the last steps were cut short.
    if (was && files.facts(incoming)) return this.#putIncoming(entry, incoming);
    if (was && (files.facts(was.path) || registry.observations.at(was.path))) return;
    // Where it went is not known any more, nor will anybody be told that it is gone.
    if (was) placed.forget(entry.id);
    if (!files.facts(basePath(entry.id)) && !(await this.#fetchTo(basePath(entry.id), content)))
      return void this.#unfetched.add(entry.id);
    if (await this.#liesThere(entry)) return this.#takeBack(entry, content);
    if (!this.#isFree(entry)) return this.#inTheWay(entry);
    files.remove(incoming);
    const like = { path: folder.basePath(entry.id), content };
    if (!(await this.#fetchTo(incoming, content, like))) return void this.#unfetched.add(entry.id);
    await databases.adopt({ ...this.#asOpened(entry), path: files.native(incoming) });
    files.makeFolder(folderOf(entry.shown));
    if (!this.#isFree(entry)) return this.#inTheWay(entry);
    // Listed first: what then lies in its place and not among the incoming is ours, whenever the power goes.
    placed.put({ id: entry.id, path: entry.shown, hash: content.hash });
    await this.#putIncoming(entry, incoming);
  }

  /**
   * What a colleague has deleted goes out of the way, once everything in it is in the log. `keep` says whether it is to
   * be kept after all. `left` is told where to it goes: what lies elsewhere for a while goes there, too.
   */
  async removeDead(keep: (id: string) => Promise<boolean>, left: (id: string, removed: string) => void): Promise<void> {
    const { registry, files, placed, databases, problems } = this.#options;
    for (const id of this.#unfetched) {
      if (registry.entry(id)?.alive) continue;
      // Nobody needs it any more.
      this.#unfetched.delete(id);
      for (const path of [basePath(id), incomingPath(id)]) problems.clear(`database ${path}`);
    }
    for (const { id, path } of placed.all()) {
      const entry = registry.entry(id);
      if (entry?.alive !== false) continue;
      // Kept aside rather than deleted: a deletion can be taken back, and a program may have it open.
      files.makeFolder(`${SYNC_FOLDER}/removed`);
      const removed = `${SYNC_FOLDER}/removed/${id}.db`;
      // A former try may have failed after it was closed, and programs went on with it.
      if (!this.#open.has(id) && files.facts(path)) await this.open({ ...entry, shown: path });
      // What a program has committed and keeps from us may be what keeps the database.
      if (!(await databases.settle([id]))) {
        this.#options.again();
        continue;
      }
      if (await keep(id)) continue;
      await this.close(id);
      left(id, removed);
      if (this.#putAside(path, removed)) {
        placed.forget(id);
        // Nobody needs to find out why it has gone.
        registry.observations.remove(path);
        await files.syncFolder(folderOf(path));
      } else this.#options.again();
    }
  }

  async open(entry: Entry): Promise<void> {
    await this.#options.databases.open(this.#asOpened(entry));
    this.#open.add(entry.id);
  }

  async close(id: string): Promise<void> {
    this.#open.delete(id);
    await this.#options.databases.close(id);
    // What was wrong with it there need not be wrong where it is opened next, and nobody else takes that back.
    this.#options.problems.replace(`database ${id}`, []);
    this.#options.problems.clear(`database ${id}`);
  }

  /**
   * A closed database was renamed by a person. What SQLite keeps beside it stayed behind, for we had it open: without
   * its log it would lose its last commits.
   */
  bringAlong(from: string, to: string): void {
    const { files } = this.#options;
    for (const suffix of SIDECARS) {
      if (files.facts(from + suffix) && !files.facts(to + suffix)) files.rename(from + suffix, to + suffix);
    }
  }

  async #putIncoming(entry: Entry, incoming: string): Promise<void> {
    const { files, problems, placed, tell } = this.#options;
    files.makeFolder(folderOf(entry.shown));
    if (!this.#isFree(entry) || files.rename(incoming, entry.shown) !== 'done') {
      placed.forget(entry.id);
      return this.#inTheWay(entry);
    }
    problems.clear(`database ${entry.id}`);
    this.#observe(entry.shown);
    await this.open(entry);
    await files.syncFolder(folderOf(entry.shown));
    tell({ what: 'placed', text: `${entry.shown} is here`, path: entry.shown });
  }

  async #healBase(entry: Entry, content: DocumentContent): Promise<void> {
    const { placed, problems } = this.#options;
    const { id } = entry;
    if (!(await this.bases.isLost(id, content))) return;
    problems.replace(`database ${id}`, []);
    problems.set(`database ${id}`, damagedBase(entry.shown));
    if (!(await this.#assemble(basePath(id), content))) return this.#options.again();
    await this.close(id);
    const isThere = this.#putPart(basePath(id));
    await this.open({ ...entry, shown: placed.get(id)?.path ?? entry.shown });
    if (isThere) this.bases.renewed(id);
  }

  /** The base of a database that was published from here. False: it could not be had now. */
  async bringBase(id: string, content: DocumentContent): Promise<boolean> {
    return (await this.bases.isIntact(id, content)) || this.#fetchTo(basePath(id), content);
  }

  /** A colleague has renamed a database that is open here. */
  async #follow(entry: Entry): Promise<void> {
    const { files, placed, databases, problems, registry } = this.#options;
    const was = placed.get(entry.id);
    if (was === undefined || was.path === entry.shown) return;
    const from = was.path;
    // Before it is closed: what the disk refuses here leaves it followed.
    files.makeFolder(folderOf(entry.shown));
    await databases.settle([entry.id]);
    await this.close(entry.id);
    let moved = false;
    try {
      moved = this.#isMoved(from, entry.shown) || (this.#isFree(entry) && this.moveAway(from, entry.shown));
    } catch (error) {
      // The next look finds it moved, if it was before the disk failed.
      await this.open({ ...entry, shown: from });
      throw error;
    }
    if (moved) {
      placed.put({ ...was, path: entry.shown });
      registry.observations.remove(from);
      this.#observe(entry.shown);
      problems.clear(`database ${entry.id}`);
    } else {
      const why = placed.at(entry.shown) ? waitsForName : waitsForRename;
      problems.set(`database ${entry.id}`, why(from, entry.shown));
      this.#options.again();
    }
    await this.open(moved ? entry : { ...entry, shown: from });
  }

  /** A rename whose last steps a failing disk cut short: what was seen at one path lies at the other. */
  #isMoved(from: string, to: string): boolean {
    const { files, registry } = this.#options;
    const seen = registry.observations.at(from);
    return seen !== undefined && !files.facts(from) && files.facts(to)?.inode === seen.inode;
  }

  /**
   * Nothing lies where it is shown, and nothing that lay there is still to be found elsewhere. What SQLite left there
   * goes: it would be taken for the log of what comes. Anything else under such a name is a document.
   */
  #isFree({ id, shown }: Entry): boolean {
    const { files, placed } = this.#options;
    const isAwaited = placed.all().some((other) => other.id !== id && foldPath(other.path) === foldPath(shown));
    const beside = SIDECARS.map((suffix) => shown + suffix);
    if (isAwaited || files.facts(shown) || beside.some((path) => this.#isDocument(path))) return false;
    for (const path of beside) files.remove(path);
    return true;
  }

  #isDocument(path: string): boolean {
    const { files } = this.#options;
    const kind = files.facts(path)?.kind;
    return kind !== undefined && !path.endsWith('-shm') && !(kind === 'file' && isLeftBehind(files, path));
  }

  /** With what SQLite keeps beside it: a program may have it open. False: not now. */
  #putAside(path: string, removed: string): boolean {
    const { files } = this.#options;
    for (const suffix of SIDECARS) files.remove(removed + suffix);
    if (files.rename(path, removed) === 'busy') return false;
    this.bringAlong(path, removed);
    return true;
  }

  /** Renames a closed database, unless a program has it open or left its journal behind. */
  moveAway(from: string, to: string): boolean {
    const { files } = this.#options;
    // An empty log or journal says nothing: some programs leave it there for good.
    const isUsed = SIDECARS.some((suffix) => (files.facts(from + suffix)?.size ?? 0) > 0);
    return !isUsed && files.rename(from, to) === 'done';
  }

  /**
   * A person has moved it there, and it was taken for deleted meanwhile: it is what it was, with all that was edited
   * in it since. Or this machine was put back to when the database was made here, and not followed yet.
   */
  async #liesThere(entry: Entry): Promise<boolean> {
    const { files, placed, databases } = this.#options;
    const { id, shown } = entry;
    if (!files.facts(shown) || placed.at(shown) !== undefined) return false;
    const found = await databases.idOf(files.native(shown));
    return found === id || (found === null && this.#isOfFormer(entry));
  }

  /** Was it made at its path by this copy under an id that it had before? */
  #isOfFormer({ id, path, shown }: Entry): boolean {
    const { registry, folder } = this.#options;
    const [made] = registry.row(DATABASES, id).cells.get('content') ?? [];
    return path === shown && folder.renamings.some(({ from }) => from === made?.copy);
  }

  async #takeBack(entry: Entry, { hash }: DocumentContent): Promise<void> {
    const { placed, problems } = this.#options;
    placed.put({ id: entry.id, path: entry.shown, hash });
    problems.clear(`database ${entry.id}`);
    this.#observe(entry.shown);
    await this.open(entry);
  }

  /** What we have put there is known for a database to who watches the folder, and need not settle like a new file. */
  #observe(path: string): void {
    const { files, registry } = this.#options;
    const facts = files.facts(path);
    if (facts) registry.observations.put(observationOf(path, '', '', facts));
  }

  async #fetchTo(path: string, content: DocumentContent, like?: Like): Promise<boolean> {
    if (await this.#assemble(path, content, like)) return this.#putPart(path);
    this.#options.again();
    return false;
  }

  /** Beside `path`; false: it could not be had now. */
  async #assemble(path: string, content: DocumentContent, like?: Like): Promise<boolean> {
    const { files, contents, source, problems, signal } = this.#options;
    const wanted = { path: files.native(partOf(path)), content, ...(like ? { like } : {}) };
    const [made] = await contents.assemble([wanted], source, { sync: true, signal });
    if (made?.kind === 'failed') problems.set(`database ${path}`, made.problem);
    if (made?.kind === 'done') problems.clear(`database ${path}`);
    return made?.kind === 'done';
  }

  #putPart(path: string): boolean {
    // A virus scanner may hold what was just written.
    const isThere = this.#options.files.rename(partOf(path), path) === 'done';
    if (!isThere) this.#options.again();
    return isThere;
  }

  #inTheWay({ id, shown }: Entry): void {
    this.#blocked.add(id);
    this.#options.problems.set(`database ${id}`, databaseInTheWay(shown));
  }

  #asOpened({ id, shown }: Entry): { id: string; path: string; basePath: string; settings: string } {
    const { files, folder, registry } = this.#options;
    const written = registry.row(DATABASES, id).cells.get('settings')?.[0]?.value;
    const settings = typeof written === 'string' ? written : (registry.baseSettings(id) ?? '{}');
    return { id, path: files.native(shown), basePath: folder.basePath(id), settings };
  }
}

function partOf(path: string): string {
  return `${path}.part`;
}

/** A database that is made ready before it is renamed to its place. */
function incomingPath(id: string): string {
  return `${SYNC_FOLDER}/incoming/${id}.db`;
}

function basePath(id: string): string {
  return `${SYNC_FOLDER}/base/${id}.db`;
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
