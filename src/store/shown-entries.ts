/**
 * Keeps the paths at which documents and databases are shown, when one of them was given another path, came or went:
 * computed again for whoever could be in each other's way, and for nobody else.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type Claim, foldersOf, shownPaths } from '../core/shown-paths.ts';
import { originOf } from './entries.ts';
import { type Sql, Statements } from './statements.ts';

export class ShownEntries {
  readonly #statements: Statements;
  readonly #userOf: (copy: string) => string | undefined;

  constructor(db: DatabaseSync, userOf: (copy: string) => string | undefined) {
    this.#statements = new Statements(db);
    this.#userOf = userOf;
  }

  /**
   * Computes the shown paths again of all that could be in each other's way after `paths` were taken or left: those
   * that stood displaced, and whoever is at, above or below the paths.
   */
  showAgain(paths: readonly string[], id: string, moved: Set<string>): void {
    const near = new Map<string, Claim>();
    const displaced = this.#statements.get(`SELECT * FROM entry WHERE shown IS NOT NULL`).all();
    if (displaced.length === 0 && paths.every((path) => this.#alone(path, id))) return;
    const queue: Sql[] = [...displaced, ...paths.flatMap((path) => this.#around(path))];
    for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
      if (near.has(String(row.id)) || row.alive !== 1) continue;
      near.set(String(row.id), claimOf(row));
      queue.push(...this.#around(String(row.folded)));
    }
    const shown = shownPaths([...near.values()], this.#userOf, (folded) => this.#outside(folded, near));
    this.#statements.get('UPDATE entry SET shown = NULL WHERE shown IS NOT NULL AND alive = 0').run();
    for (const [each, path] of shown) {
      const wanted = path === near.get(each)!.path ? null : path;
      const changed = this.#statements
        .get('UPDATE entry SET shown = ? WHERE id = ? AND shown IS NOT ?')
        .run(wanted, each, wanted);
      if (Number(changed.changes) > 0) moved.add(each);
    }
  }

  #alone(folded: string, id: string): boolean {
    return this.#around(folded).every((row) => row.id === id);
  }

  /** Living entries at a folded path, in it, or on the way to it. */
  #around(folded: string): Sql[] {
    const at = this.#statements.get('SELECT * FROM entry WHERE folded = ? AND alive');
    // '0' follows '/': all that begins with "folded/".
    const below = this.#statements.get('SELECT * FROM entry WHERE folded > ? AND folded < ? AND alive');
    const found = [...at.all(folded), ...below.all(`${folded}/`, `${folded}0`)];
    for (const folder of foldersOf(folded)) found.push(...at.all(folder));
    return found;
  }

  #outside(folded: string, near: ReadonlyMap<string, Claim>): 'thing' | 'folder' | undefined {
    const at = this.#statements.get('SELECT id FROM entry WHERE folded = ? AND alive').all(folded);
    if (at.some(({ id }) => !near.has(String(id)))) return 'thing';
    const below = this.#statements.get('SELECT id FROM entry WHERE folded > ? AND folded < ? AND alive LIMIT 2');
    return below.all(`${folded}/`, `${folded}0`).some(({ id }) => !near.has(String(id))) ? 'folder' : undefined;
  }
}

export function claimOf(row: Sql): Claim {
  const by = originOf({ copy: row.path_copy, seq: row.path_seq, stamp: row.path_stamp });
  return { id: String(row.id), path: String(row.path), by, database: row.kind === 'database' };
}
