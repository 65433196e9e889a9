/** Own edits that are in the log and in the file are folded, as long as nothing else in the file has to follow them. */
import { join } from '../../core/vector.ts';
import { Folding } from '../folding/folding.ts';
import type { KnownRows } from '../folding/touched.ts';
import type { Standing } from '../standing.ts';

/**
 * Folds own changes that the file contains; their consequences for other rows need the lock. `known`: rows as they were
 * read when the only one of them was captured.
 */
export function foldEdited(standing: Standing, known?: KnownRows): 'done' | 'must apply' {
  const { state, edited, behind } = standing;
  const [first] = edited;
  if (first === undefined) return 'done';
  state.begin();
  const folding = new Folding(state, standing.foldingBy(standing), known);
  try {
    for (const { change, body } of edited) folding.fold(change, body);
    // What was stored and not applied is in the deps, but it was not seen.
    folding.settle(join(folding.vector, first.body.seen ?? first.change.deps));
    if (behind === null && (folding.consequences.size > 0 || mayMakeRoom(standing, folding))) {
      state.rollback();
      return 'must apply';
    }
    state.commit();
    standing.edited = [];
    return 'done';
  } catch (error) {
    state.rollback();
    throw error;
  } finally {
    folding.close();
  }
}

/** Rows that a constraint keeps out of a table may fit once something was edited in it. */
function mayMakeRoom({ state }: Standing, folding: Folding): boolean {
  return state.allUnplaced().some(({ table }) => folding.touched.has(table));
}
