/**
 * Two people made a database on one path. The earlier one stands there and the later shows a derived name, until the
 * copy in which the later was made enters its rows in the earlier one, as edits that knew nothing of it, and takes its
 * own out of the file. Entering and removing are one step in the log, so neither is done twice or without the other.
 */
import { foldPath } from '../core/paths.ts';
import type { Problem } from '../core/problem.ts';
import { DATABASES } from '../core/registry.ts';
import { type CopyId, type Vector, withEntry } from '../core/vector.ts';
import type { DatabaseDescription, Databases, TableDescription } from '../database/host.ts';
import type { Files } from '../platform/ports.ts';
import type { Entry, Registry } from '../store/registry.ts';
import { type DatabasePlacing, folderOf } from './database-placing.ts';
import type { PlacedDatabases } from './placed-databases.ts';
import type { Problems } from './problems.ts';
import { SYNC_FOLDER } from './sync-folder.ts';

export interface EnteringOptions {
  readonly copy: CopyId;
  readonly files: Files;
  readonly registry: Registry;
  readonly placed: PlacedDatabases;
  readonly problems: Problems;
  readonly databases: Databases;
  readonly steps: DatabasePlacing;
  /** Is there a change about a database beyond this vector? */
  readonly concerns: (vector: Vector, subject: string) => boolean;
  /** Takes a database out of the file, where nothing of it was entered. */
  readonly remove: (id: string) => Promise<void>;
  /** Asks for another look in a while. */
  readonly again: () => void;
}

const FOLDER = `${SYNC_FOLDER}/entering`;

export class Entering {
  readonly #options: EnteringOptions;
  #under: { readonly into: string; readonly other: string; done: boolean; isBehind: boolean } | null = null;

  constructor(options: EnteringOptions) {
    this.#options = options;
  }

  /**
   * The database whose rows are being entered in this one; whoever appends them removes it by the same step. `contained`:
   * what of colleagues' edits it holds. Undefined: nobody waits for it, or it lacks some that have come since.
   */
  take(into: string, contained: Vector): string | undefined {
    const under = this.#under;
    if (under?.into !== into || under.done) return undefined;
    under.isBehind = this.#isBehind(under.other, contained);
    if (under.isBehind) return undefined;
    under.done = true;
    return under.other;
  }

  #isBehind(other: string, contained: Vector): boolean {
    const { concerns, copy } = this.#options;
    return concerns(withEntry(contained, copy, Number.MAX_SAFE_INTEGER), other);
  }

  /** Lies this database aside to be entered? Then it has not gone from the disk. */
  isAside(id: string): boolean {
    return this.#options.files.facts(asidePath(id)) !== undefined;
  }

  async enterAll(): Promise<void> {
    for (const entry of [...this.#options.registry.entries('database')]) {
      const standing = this.#standingBefore(entry);
      if (standing) await this.#enter(entry, standing);
      else await this.#putBack(entry);
    }
  }

  /** What was entered is kept, like what a colleague has removed. */
  asideToRemoved(id: string, removed: string): void {
    if (this.isAside(id)) this.#options.files.rename(asidePath(id), removed);
  }

  /** The earlier of two that were made on one path, if the later was made in this copy. */
  #standingBefore(entry: Entry): Entry | undefined {
    if (entry.shown === entry.path || entry.by?.copy !== this.#options.copy || !this.#wasMadeThere(entry)) return;
    const there = this.#options.registry.entryAt(entry.path);
    const isOther =
      there?.kind === 'database' && there.id !== entry.id && foldPath(there.path) === foldPath(entry.path);
    return isOther && this.#wasMadeThere(there) ? there : undefined;
  }

  /** And not renamed to where it is: such a one is another database, with which it has nothing to do. */
  #wasMadeThere({ id, by }: Entry): boolean {
    const path = this.#options.registry.row(DATABASES, id).cells.get('path')?.[0];
    return path === undefined ? by === null : path.copy === by?.copy && path.seq === by.seq;
  }

  async #enter(entry: Entry, standing: Entry): Promise<void> {
    const { files, databases, steps } = this.#options;
    if (!steps.isOpen(standing.id)) return;
    if (!this.isAside(entry.id) && !(await this.#putAside(entry, standing))) return;
    const under = { into: standing.id, other: entry.id, done: false, isBehind: false };
    this.#under = under;
    try {
      const contained = await databases.enterRows(standing.id, files.native(asidePath(entry.id)));
      if (under.done) return;
      under.isBehind = this.#isBehind(entry.id, contained);
      if (!under.isBehind) await this.#options.remove(entry.id);
    } catch (error) {
      if (under.isBehind) return;
      throw error;
    } finally {
      this.#under = null;
      if (!under.done) this.#options.again();
      // What has come for it meanwhile is put into it first.
      if (under.isBehind) await this.#toItsPlace(entry);
    }
  }

  /** Out of everybody's reach: what is entered is all that was ever in it. */
  async #putAside(entry: Entry, standing: Entry): Promise<boolean> {
    const { files, registry, placed, databases, steps, problems, again } = this.#options;
    if (!steps.isOpen(entry.id) || placed.get(entry.id)?.path !== entry.shown) return false;
    const [mine, theirs] = [await databases.describe(entry.id), await databases.describe(standing.id)];
    if (!fits(mine, theirs)) {
      problems.set(`entering ${entry.id}`, twoDatabases(entry));
      return false;
    }
    problems.clear(`entering ${entry.id}`);
    if (!(await databases.settle([entry.id]))) {
      again();
      return false;
    }
    await steps.close(entry.id);
    files.makeFolder(FOLDER);
    if (!steps.moveAway(entry.shown, asidePath(entry.id))) {
      await steps.open(entry);
      again();
      return false;
    }
    registry.observations.remove(entry.shown);
    await files.syncFolder(FOLDER);
    await files.syncFolder(folderOf(entry.shown));
    return true;
  }

  /** The other one went elsewhere in the meantime: this one is a database like any other. */
  async #putBack(entry: Entry): Promise<void> {
    if (entry.shown === entry.path) this.#options.problems.clear(`entering ${entry.id}`);
    await this.#toItsPlace(entry);
  }

  async #toItsPlace(entry: Entry): Promise<void> {
    const { files, steps, placed } = this.#options;
    const was = placed.get(entry.id);
    if (!this.isAside(entry.id) || was === undefined || files.facts(was.path)) return;
    if (files.rename(asidePath(entry.id), was.path) === 'done') await steps.open({ ...entry, shown: was.path });
  }
}

function asidePath(id: string): string {
  return `${FOLDER}/${id}.db`;
}

/** Has the other one a place for every row that is here? */
function fits(mine: DatabaseDescription, theirs: DatabaseDescription): boolean {
  const others = new Map(theirs.tables.map((table) => [table.name, table]));
  return mine.tables.every((table) => table.rows === 0 || alike(table, others.get(table.name)));
}

function alike(a: TableDescription, b: TableDescription | undefined): boolean {
  if (b === undefined || a.key === 'not tracked' || a.key !== b.key) return false;
  return a.columns.length === b.columns.length && new Set(a.columns).isSubsetOf(new Set(b.columns));
}

function twoDatabases({ path, shown }: Entry): Problem {
  return {
    code: 'two-databases',
    text: `${path} was made by two people at once, with different tables, so the rows of yours were not entered in the other.`,
    remedy: `Yours lies beside it as ${shown}: move what you need with the program that owns them, then delete yours.`,
    path: shown,
  };
}
