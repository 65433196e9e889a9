/** One transaction in the user's database: planned without the lock, written under it, or nothing at all. */
import type { Row } from '../../core/rows.ts';
import { rebuildIndexes } from '../file/full-text.ts';
import { addMark } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { Folding } from '../folding/folding.ts';
import type { Renumbered } from '../folding/folding-views.ts';
import type { Shown } from '../folding/shown.ts';
import type { TouchedRows } from '../folding/touched.ts';
import type { Standing } from '../standing.ts';
import { commute } from './commuting.ts';
import { isHiding, mayHide } from './hidden-edits.ts';
import { PlacingRows } from './placing-rows.ts';
import type { Upgrade } from './upgrade.ts';

export type ApplyStep =
  | { readonly kind: 'nothing' }
  /** Marks came in between: capture, then again. */
  | { readonly kind: 'capture' }
  | { readonly kind: 'applied'; readonly changes: number; readonly rows: number };

/** What is to be written: found before the lock is taken, so that the application waits for no decoding. */
export interface Plan {
  readonly changes: number;
  readonly before: Shown;
  readonly after: Shown;
  readonly touched: TouchedRows;
  /** Where something changed: rows that were kept out of these tables may fit now. */
  readonly tables: readonly string[];
  readonly moved: Iterable<Renumbered>;
  /** Nothing of it is asked for any more. */
  readonly close: () => void;
}

export function planOf(folding: Folding, before: Shown, touched: TouchedRows): Plan {
  const { changes } = folding;
  const tables = [...folding.touched.keys()];
  const moved = [...folding.views.newlyNumbered()];
  return { changes, before, after: folding.after(), touched, tables, moved, close: () => folding.close() };
}

/**
 * Plans, takes the lock, makes sure that nothing came in between, writes, commits: the file first, then rows.db.
 * `schema`: what is to be folded before the tables are brought to the schema that is then shown; the lock comes first.
 */
export function writePlanned(
  standing: Standing,
  file: OpenFile,
  plan: (upgrade: Upgrade | null) => Plan,
  schema?: () => void,
): ApplyStep {
  // Of rows in tables that are about to be altered nobody could say any more how they were left.
  if (schema !== undefined && standing.behind === null && mayHide(standing, file)) return compareFirst(standing);
  const open: { close(): void }[] = [];
  standing.state.begin();
  try {
    if (schema !== undefined && !lock(standing, file)) return { kind: 'capture' };
    schema?.();
    const upgrade = schema === undefined ? null : standing.schema.bring(file);
    if (schema !== undefined) standing.schema.bringChoices(file);
    const { changes, before, after, touched, tables, moved, close } = plan(upgrade);
    open.push({ close });
    const from = upgrade?.before(before) ?? before;
    const placing = new PlacingRows(from, after, standing.state, (table) => file.sqlOf(table), standing.room);
    open.push(placing);
    const all = [...new Set([...tables, ...(upgrade?.tables ?? [])])];
    placing.plan(upgrade?.touched(touched, after) ?? touched, all);
    const hides = (): boolean => isHiding(standing, file, from, touched);
    // Without the lock: whatever is committed until we have it is looked at then.
    if (schema === undefined && hides()) {
      standing.undo(file);
      return compareFirst(standing);
    }
    const may = (): boolean => commute(file, standing.mark.id, from, touched) && !hides();
    if (schema === undefined && !lock(standing, file, may)) return { kind: 'capture' };
    file.withoutLeaks(all, () => placing.write());
    rebuildIndexes(file.sql, file.schema, new Set([...touched.keys(), ...all]));
    askToSettle(standing, file, after, moved);
    standing.commit(file);
    return { kind: 'applied', changes, rows: placing.rows };
  } catch (error) {
    standing.undo(file);
    throw error;
  } finally {
    for (const one of open) one.close();
  }
}

/** False, and everything undone: something is to be captured first. `may`: what was edited since is no reason. */
function lock(standing: Standing, file: OpenFile, may?: () => boolean): boolean {
  standing.lock(file);
  if (!standing.isStale(file, may)) return true;
  standing.undo(file);
  return false;
}

/** Marks do not tell of everything: all tables are compared before anything is written. */
function compareFirst(standing: Standing): ApplyStep {
  standing.looked = Number.NaN;
  return { kind: 'capture' };
}

/** Own rows that must move to another number are asked, by a mark, to write it down, so that it stays. */
function askToSettle(standing: Standing, file: OpenFile, shown: Shown, moved: Plan['moved']): void {
  for (const { table, row, column } of moved) {
    const merged = shown.merged(table, row);
    if (merged.cells.get(column)?.[0]?.copy !== standing.options.copy) continue;
    // The number written down is nobody's edit: where the row lives by its old number alone, it would die by it.
    const key = aliveByOthers(merged, column) ? shown.key(table, row, merged) : null;
    if (key !== null) addMark(file.sql, file.numberOf(table), `s:${column}`, key);
  }
}

function aliveByOthers(row: Row, column: string): boolean {
  if (row.base && !row.baseDead) return true;
  return [...row.cells].some(([id, writes]) => id !== column && writes.some(({ dead }) => !dead));
}
