/** Databases that have gone: from this disk, by whatever hand, or from the file, by a colleague's deletion. */
import type { RegistryOp } from '../core/body.ts';
import type { ChangeId } from '../core/change.ts';
import { allWrites, DATABASES, removeOp, setOp } from '../core/registry.ts';
import type { Origin } from '../core/rows.ts';
import type { Vector } from '../core/vector.ts';
import type { DatabaseProblem } from '../database/host.ts';
import type { Registry } from '../store/registry.ts';
import type { DatabasePlacing } from './database-placing.ts';
import type { PlacedDatabases } from './placed-databases.ts';

/** Of these a person is told to put the right file in the place of the one that lies there. */
const REFUSED: ReadonlySet<string> = new Set(['rows-missing', 'damaged-database']);

interface DatabaseDeletionsOptions {
  readonly registry: Registry;
  readonly placed: PlacedDatabases;
  readonly steps: DatabasePlacing;
  readonly record: (ops: readonly RegistryOp[]) => Promise<Origin>;
  readonly concerns: (vector: Vector, subject: string) => boolean;
  readonly knownTo: (changes: readonly ChangeId[]) => Vector;
}

export class DatabaseDeletions {
  readonly #options: DatabaseDeletionsOptions;

  constructor(options: DatabaseDeletionsOptions) {
    this.#options = options;
  }

  /** What is wrong with a database: noted for when its file goes, also while nobody looks. */
  note(id: string, problems: readonly DatabaseProblem[]): void {
    // That it is missing says nothing of what lay there.
    if (problems.some(({ code }) => code === 'database-missing')) return;
    this.#options.placed.refuse(
      id,
      problems.some(({ code }) => REFUSED.has(code)),
    );
  }

  /** Is what was last seen in its place a file that cannot be the database? */
  isRefused(id: string): boolean {
    return this.#options.placed.get(id)?.refused === true;
  }

  /** It lies no longer where we have put it: whoever took it away deletes it for everybody. `to`: where it went. */
  async gone(id: string, to?: string): Promise<void> {
    const { registry, placed, steps, record } = this.#options;
    const was = placed.get(id);
    await steps.close(id);
    if (was && to !== undefined) steps.bringAlong(was.path, to);
    // It was the wrong file that was taken away, as we had asked.
    if (was?.refused !== true) await record([this.removal(id)]);
    placed.forget(id);
    const entry = registry.entry(id);
    if (entry?.alive) await steps.place(entry);
  }

  removal(id: string): RegistryOp {
    return removeOp(DATABASES, id, allWrites(this.#options.registry.row(DATABASES, id)));
  }

  /**
   * Who deleted it did not know of edits in it: it is kept for everybody, and listed until somebody chooses. False: it is
   * not.
   */
  async keepEdited(id: string): Promise<boolean> {
    const { registry, record, concerns, knownTo } = this.#options;
    const row = registry.row(DATABASES, id);
    const merged = registry.document(id, 'database');
    if (merged === undefined || !concerns(knownTo(row.deletions), id)) return false;
    await record([setOp(DATABASES, id, { path: { value: merged.path, over: row.cells.get('path') ?? [] } })]);
    return true;
  }
}
