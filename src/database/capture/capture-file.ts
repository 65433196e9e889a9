/** What was edited in a user's database since a mark: rows and schema, held whole or, where it is much, in parts. */

import { type Mark, type MarkId, marksAfter } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { Room } from '../folding/room.ts';
import type { Shown } from '../folding/shown.ts';
import { addWrites, NO_TABLE, SCHEMA_OP, tablesMade, writesOf } from '../schema/known.ts';
import { SETTINGS_OP } from '../settings/changing.ts';
import { SETTINGS_TABLE } from '../settings/reserved.ts';
import { type Captured, capture } from './capture.ts';
import { captureMany } from './capture-many.ts';
import { compareTables } from './comparing-tables.ts';
import type { FormerRow } from './former-rows.ts';
import { ManyMarks } from './many-marks.ts';

export interface CapturedFile extends Captured {
  /** The last mark that is contained; null: there are none. */
  readonly last: MarkId | null;
}

export interface CaptureFrom {
  /** The last mark that was captured. */
  readonly after: number;
  /** For marks, and for rows. */
  readonly room: Room;
  readonly former?: FormerRow | undefined;
}

/** The caller holds a transaction on the file. */
export function captureFile(file: OpenFile, shown: Shown, from: CaptureFrom): CapturedFile {
  const { after, room } = from;
  const { sql, width, connection } = file;
  const marks = marksAfter(sql, after, width, connection.encoding, room.rows + 1);
  const compared = compareTables(file, shown);
  const found: Mark[] = [];
  for (const mark of compared) {
    found.push(mark);
    if (found.length > room.rows) break;
  }
  if (marks.length + found.length > room.rows) {
    // Begun again: a statement that is under way when a table is made, if only a temporary one, may be aborted by that.
    const all = found.length > room.rows ? compareTables(file, shown) : found;
    const captured = inParts(file, shown, from, all);
    if (captured !== null) return captured;
    return whole(
      file,
      shown,
      from,
      [...compareTables(file, shown)],
      marksAfter(sql, after, width, connection.encoding),
    );
  }
  return whole(file, shown, from, found, marks);
}

function whole(
  file: OpenFile,
  shown: Shown,
  { former }: CaptureFrom,
  found: readonly Mark[],
  marks: readonly Mark[],
): CapturedFile {
  const writes = writesOf(marks);
  const captured = capture({
    marks: [...found, ...marks],
    tableOf: (num) => file.tableOf(num),
    sqlOf: (table) => file.sqlOf(table),
    shown,
    made: tablesMade(writes),
    former,
  });
  addWrites(captured.ops, writes);
  addWrites(captured.ops, writesOf(marks, SETTINGS_OP), SETTINGS_TABLE);
  const last = marks.at(-1);
  return { ...captured, last: last === undefined ? null : { id: last.id, nonce: last.nonce } };
}

function inParts(
  file: OpenFile,
  shown: Shown,
  { after, room, former }: CaptureFrom,
  found: Iterable<Mark>,
): CapturedFile | null {
  const { sql, width, connection } = file;
  const marks = new ManyMarks({ sql, after, width, encoding: connection.encoding });
  try {
    for (const mark of found) marks.add(mark);
    const reserved = [
      ...marks.inOrder(
        NO_TABLE,
        [SCHEMA_OP, SETTINGS_OP].map((op) => op.slice(0, 1)),
      ),
    ];
    const writes = writesOf(reserved);
    const captured = captureMany({
      marks,
      tableOf: (num) => file.tableOf(num),
      sqlOf: (table) => file.sqlOf(table),
      shown,
      made: tablesMade(writes),
      former,
      room,
    });
    if (captured === null) return null;
    addWrites(captured.ops, writes);
    addWrites(captured.ops, writesOf(reserved, SETTINGS_OP), SETTINGS_TABLE);
    return { ...captured, last: marks.last() };
  } finally {
    marks.close();
  }
}
