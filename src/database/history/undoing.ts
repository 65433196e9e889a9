/**
 * Undo of one change, as a new change: what it replaced, read from the log, and what of that can be put back now. A cell
 * goes back only while it still shows what the change wrote; what somebody edited since is left alone and told.
 */
import type { DatabaseOp, RowId } from '../../core/body.ts';
import { namedValue } from '../../core/body.ts';
import { type ChangeId, sameChange } from '../../core/change.ts';
import { type JsonRow, sameKey } from '../../core/plain-value.ts';
import { ProblemError } from '../../core/problem.ts';
import {
  ABSENT,
  aliveByOwnWrites,
  candidates,
  foldDelete,
  foldWrite,
  IN_BASE,
  type Origin,
  type Row,
  seenVector,
} from '../../core/rows.ts';
import { keyOfRow, namedRowOrKey, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { covers, EMPTY, withEntry } from '../../core/vector.ts';
import { cellsOf, numberedBy } from '../capture/ops.ts';
import { keyOf } from '../conflicts/conflicts.ts';
import type { OpenFile } from '../file/open-file.ts';
import { changesAfter, readBody } from '../folding/containing.ts';
import { isReserved } from '../folding/folding.ts';
import type { Shown } from '../folding/shown.ts';
import type { ChangeSource, SourceChange } from '../folding/source.ts';
import type { LeftAlone, Undone, UndoQuery } from '../host.ts';
import { SCHEMA } from '../schema/reserved.ts';
import { SETTINGS } from '../settings/reserved.ts';
import { withFreeNumbers } from './free-numbers.ts';
import { type PutBack, putBack } from './putting-back.ts';

/** What one op of the change did to a row, and the row as its maker had it in front of him. */
interface Replaced {
  readonly table: Table;
  readonly row: RowId;
  readonly kind: DatabaseOp['kind'];
  readonly columns: readonly string[];
  readonly before: Row;
}

export type UndoneRows = Omit<Undone, 'schema'>;

export interface Undoable {
  readonly rows: readonly Replaced[];
  /** What cannot be undone. */
  readonly reserved: readonly LeftAlone[];
}

/** The change's rows, without a lock on the user's database. Throws `ProblemError` when there is no such change. */
export function replacedBy(database: string, source: ChangeSource, shown: Shown, query: UndoQuery): Undoable {
  const change = changeOf(database, source, query.change);
  const body = readBody(source, change);
  const seen = body.seen ?? change.deps;
  const ops = opsOf(shown, body, change).filter(({ table, row }) => isAsked(shown, query, table, row));
  const rows = new Map(
    ops.map(({ table, row }) => [`${table.id}\0${row}`, shown.base.has(table, row) ? IN_BASE : ABSENT]),
  );
  for (const earlier of changesAfter(source, database, EMPTY)) {
    if (!covers(seen, earlier.copy, earlier.seq)) continue;
    const known = readBody(source, earlier);
    const had = seenVector(known.seen ?? earlier.deps);
    for (const { table, row, op, cells } of opsOf(shown, known, earlier)) {
      const place = `${table.id}\0${row}`;
      const was = rows.get(place);
      if (was === undefined) continue;
      const by: Origin = { copy: earlier.copy, seq: earlier.seq, stamp: earlier.stamp };
      rows.set(
        place,
        op.kind === 'delete' ? foldDelete(was, by, had) : foldWrite(was, by, cells, had, numberedBy(op, by)),
      );
    }
  }
  const replaced = ops.map(({ table, row, op, cells }) => ({
    table,
    row,
    kind: op.kind,
    columns: cells.map(([id]) => id),
    before: rows.get(`${table.id}\0${row}`) as Row,
  }));
  return { rows: replaced, reserved: query.key === undefined ? reservedOf(shown, body, query.table) : [] };
}

/** What the change did to schema and settings: it stays, but for what it dropped and is there again. */
function reservedOf(shown: Shown, body: ReturnType<typeof readBody>, wanted: string | undefined): LeftAlone[] {
  const found = new Map<string, LeftAlone>();
  for (const [, op] of body.ops.entries()) {
    const of = body.uses[op.use]?.table;
    if (of === undefined || !isReserved(of) || op.row?.[0] !== 'k') continue;
    const drops = shown.view.row(of, op.row)?.cells.get('dropped') ?? [];
    if (of === SCHEMA && dropsOnly(op, body) && drops.length > 0 && drops.every(({ value }) => value === null))
      continue;
    const [kind, id = ''] = keyOfRow(op.row).map(String);
    const table = shown.tables.get(id)?.name ?? id;
    if (wanted !== undefined && wanted !== table) continue;
    const why =
      of === SETTINGS ? 'what was set about it stays: see `tieout settings`' : `its ${kind} was altered, and stays so`;
    found.set(`${table} ${why}`, { table, key: {}, column: null, why });
  }
  return [...found.values()];
}

function dropsOnly(op: DatabaseOp, { uses }: ReturnType<typeof readBody>): boolean {
  return cellsOf(op, uses[op.use]?.columns ?? []).every(([id]) => id === 'dropped');
}

/** Puts back what can be put back, for `DatabaseEngine.edit`. `tell` hears of it before it is committed. */
export function undoing(by: ChangeId, { rows, reserved }: Undoable, tell: (undone: UndoneRows) => void) {
  return (file: OpenFile, shown: Shown): void => {
    const left: LeftAlone[] = [...reserved];
    const leave = ({ table, row }: Replaced, why: string, column: string | null = null): null => {
      left.push({ table: table.name, key: keyOf(shown, table, row), column, why });
      return null;
    };
    const stepsOf = (as: Shown, leave: Leave): PutBack[] =>
      rows
        .map((one) => (file.tables.has(one.table.id) ? stepOf(as, by, one, leave) : leave(one, 'its table is gone')))
        .filter((step) => step !== null);
    const back = withFreeNumbers(
      file,
      shown,
      stepsOf(shown, () => null),
    );
    const { done, kept } = putBack(file, back, stepsOf(back, leave));
    for (const [{ table, row }, why] of kept)
      left.push({ table: table.name, key: keyOf(shown, table, row), column: null, why });
    tell({ rows: done, left });
  };
}

type Leave = (one: Replaced, why: string, column?: string | null) => null;

function stepOf(shown: Shown, by: ChangeId, one: Replaced, leave: Leave): PutBack | null {
  const { table, row, kind, before } = one;
  if (table.left) return leave(one, 'its table is left out');
  const merged = shown.merged(table, row);
  const isThere = shown.isThere(table, row, merged);
  // A number that mending gave is nobody's edit.
  if (kind === 'number') return null;
  // As the maker of the change had it in front of him.
  const was = shown.values(table, row, before);
  if (kind === 'delete') {
    if (isThere) return leave(one, 'it is there again');
    return was && { table, row, target: was };
  }
  if (!isThere) return leave(one, 'it is deleted');
  if (kind === 'insert' && !aliveByOwnWrites(before)) {
    const isEdited = [...merged.cells.values()].some((writes) =>
      writes.some((write) => !write.dead && !sameChange(write, by)),
    );
    return isEdited ? leave(one, 'it was edited since') : { table, row, target: null };
  }
  const values = shown.values(table, row, merged);
  if (values === null || was === null) return leave(one, 'it was deleted before');
  const target = [...values];
  for (const id of one.columns) {
    const at = table.columns.findIndex((column) => column.id === id);
    const name = table.columns[at]?.name ?? id;
    const writes = merged.cells.get(id) ?? [];
    if (at < 0) leave(one, 'the column is gone', name);
    else if (sameValue(was[at] ?? null, values[at] ?? null)) continue;
    else if (candidates(writes).length > 1) leave(one, 'it is in conflict', name);
    else if (writes[0] === undefined || !sameChange(writes[0], by)) leave(one, 'it was edited since', name);
    else target[at] = was[at] ?? null;
  }
  return target.some((item, at) => !sameValue(item, values[at] ?? null)) ? { table, row, target } : null;
}

function isAsked(shown: Shown, { table: name, key }: UndoQuery, table: Table, row: RowId): boolean {
  if (name !== undefined && name !== table.name) return false;
  return key === undefined || sameKey(keyOf(shown, table, row) as JsonRow, key);
}

function opsOf(shown: Shown, body: ReturnType<typeof readBody>, by: SourceChange) {
  const found = body.ops.entries().flatMap(([index, op]) => {
    const use = body.uses[op.use];
    const table = use && shown.tables.get(use.table);
    if (table === undefined) return [];
    const cells = cellsOf(op, use?.columns ?? []).map(([id, item]): [string, Value] => [id, namedValue(item, by)]);
    return [{ table, row: namedRowOrKey(op.row ?? `n${index}`, by), op, cells }];
  });
  return found.toArray();
}

export function changeOf(database: string, source: ChangeSource, id: ChangeId): SourceChange {
  const { copy, seq } = id;
  const [found] = source.after(withEntry(source.vector(), copy, seq - 1), { subject: database, limit: 1 });
  if (found !== undefined && sameChange(found, id)) return found;
  throw new ProblemError({
    code: 'no-change',
    text: `There is no change ${copy}:${seq} on this database.`,
    remedy: 'See `tieout history --json` for the changes that there are.',
  });
}
