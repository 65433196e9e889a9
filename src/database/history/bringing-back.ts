/** Undo of what a change dropped of the schema: tables with their rows, columns with their values, and what stood beside. */
import { sameChange } from '../../core/change.ts';
import { candidates, winner } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import type { OpenFile } from '../file/open-file.ts';
import { readBody } from '../folding/containing.ts';
import type { Shown } from '../folding/shown.ts';
import type { ChangeSource } from '../folding/source.ts';
import type { UndoQuery } from '../host.ts';
import type { SchemaWrite } from '../schema/difference.ts';
import { markWrites } from '../schema/known.ts';
import { mergedSchema, valueIn } from '../schema/merged.ts';
import { SCHEMA } from '../schema/reserved.ts';
import type { Schema } from '../schema/schema.ts';
import { folded } from '../schema/text.ts';
import { inBase } from './history-of-schema.ts';
import { changeOf } from './undoing.ts';

export interface Dropped {
  readonly write: SchemaWrite;
  /** As people call it: `table note`, `column note.old`, `index by_code`. */
  readonly what: string;
}

/** What the change dropped and can be brought back now: nobody decided about it since, nor took its name. */
export function droppedBy(database: string, source: ChangeSource, shown: Shown, query: UndoQuery): Dropped[] {
  if (query.key !== undefined) return [];
  const change = changeOf(database, source, query.change);
  const body = readBody(source, change);
  const merged = mergedSchema(shown.view, shown.base.schema);
  const found = body.ops.entries().flatMap(([, op]): Dropped[] => {
    if (body.uses[op.use]?.table !== SCHEMA || op.row?.[0] !== 'k') return [];
    const row = shown.view.row(SCHEMA, op.row);
    const drops = row?.cells.get('dropped') ?? [];
    if (row === undefined || candidates(drops).length !== 1) return [];
    const drop = winner(row, 'dropped');
    if (drop?.value !== 1n || !sameChange(drop, query.change)) return [];
    const key = keyOfRow(op.row).map(String);
    const [kind = '', id = '', column = ''] = key;
    const cell = (name: 'name' | 'table') => valueIn(row, name, inBase(shown.base.schema, key, name));
    const name = String(cell('name') ?? (kind === 'column' ? column : id));
    const of = kind === 'table' || kind === 'column' ? id : String(cell('table') ?? '');
    const table = kind === 'table' ? name : (merged.tables.get(of)?.name ?? of);
    if (query.table !== undefined && query.table !== table) return [];
    if (isTaken(merged, kind, id, name)) return [];
    const what = kind === 'column' ? `${kind} ${table}.${name}` : `${kind} ${name}`;
    return [{ write: { row: key, cells: { dropped: null } }, what }];
  });
  return found.toArray();
}

/** For `DatabaseEngine.edit`. The rows follow when the schema is brought to what is shown then. */
export function bringingBack(dropped: readonly Dropped[]) {
  return ({ sql }: OpenFile): void =>
    markWrites(
      sql,
      dropped.map(({ write }) => write),
    );
}

/** Under this name there is another by now, which would have to give way. */
function isTaken({ tables, objects }: Schema, kind: string, id: string, name: string): boolean {
  const isCalled = (each: { readonly name: string }): boolean => folded(each.name) === folded(name);
  if (kind === 'column') return tables.get(id)?.columns.some(isCalled) ?? false;
  return [...tables.values(), ...objects.values()].some(isCalled);
}
