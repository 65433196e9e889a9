/** Databases that a person has renamed or moved, and that the log does not say yet: from where to where. */
import type { RegistryOp } from '../core/body.ts';
import { DATABASES, setOp } from '../core/registry.ts';
import type { Origin } from '../core/rows.ts';
import type { Entry, Registry } from '../store/registry.ts';
import type { DatabasePlacing } from './database-placing.ts';
import type { PlacedDatabases } from './placed-databases.ts';
import type { Problems } from './problems.ts';

interface DatabaseMovesOptions {
  readonly registry: Registry;
  readonly placed: PlacedDatabases;
  readonly steps: DatabasePlacing;
  readonly problems: Problems;
  readonly record: (ops: readonly RegistryOp[]) => Promise<Origin>;
  /** The living database that lies at a path. */
  readonly entryAt: (path: string) => Entry | undefined;
  /** What was moved there is none that we know. */
  readonly found: (path: string) => void;
}

export class DatabaseMoves {
  readonly #options: DatabaseMovesOptions;
  readonly #moves = new Map<string, string>();

  constructor(options: DatabaseMovesOptions) {
    this.#options = options;
  }

  note(from: string, to: string): void {
    this.#moves.set(from, to);
  }

  /** Is something on its way to this path? */
  hasTo(path: string): boolean {
    return [...this.#moves.values()].includes(path);
  }

  /** A disk that fails here may be asked again: nobody else remembers where it came from. */
  async take(): Promise<void> {
    const { registry, placed, steps, problems, record } = this.#options;
    for (const [from, to] of this.#moves) {
      const entry = this.#options.entryAt(from);
      if (entry === undefined) {
        this.#moves.delete(from);
        this.#options.found(to);
        continue;
      }
      const written = registry.row(DATABASES, entry.id).cells.get('path') ?? [];
      await steps.close(entry.id);
      steps.bringAlong(from, to);
      await record([setOp(DATABASES, entry.id, { path: { value: to, over: written } })]);
      placed.put({ id: entry.id, path: to, hash: placed.get(entry.id)?.hash ?? entry.hash });
      this.#moves.delete(from);
      problems.clear(`step ${from}`);
      const moved = registry.entry(entry.id);
      if (moved) await steps.open(moved);
    }
  }
}
