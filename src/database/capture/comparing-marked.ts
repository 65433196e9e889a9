/** What is found by comparing gets a mark of our own, so that the file shows that it contains it. */
import { addMark, newestMark } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import { setCompared } from '../file/triggers.ts';
import { NO_TABLE } from '../schema/known.ts';
import type { Standing } from '../standing.ts';

const COMPARED_OP = 'x';

/**
 * A change is known again for what the file contains by its last mark. One without any would be found by comparing once
 * more after a crash, and its new rows be there twice. Takes the write lock: throws SQLITE_BUSY when it is taken.
 */
export function markComparing(standing: Standing, file: OpenFile): void {
  if (file.unmarked.size === 0 || newestMark(file.sql) > standing.mark.id) return;
  standing.letGo();
  file.write(() => {
    setCompared(file.sql, false, file.unmarked);
    addMark(file.sql, NO_TABLE, COMPARED_OP, [null]);
  });
}
