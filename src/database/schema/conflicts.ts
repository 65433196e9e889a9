/** What people did to a schema without knowledge of each other, and what merging cannot show: equal on all copies. */
import type { RowId } from '../../core/body.ts';
import { sha256 } from '../../core/bytes.ts';
import { toJson } from '../../core/plain-value.ts';
import { candidates, compareOrigins, type Origin, type Row } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import type { Shown } from '../folding/shown.ts';
import type { ConflictCandidate, DatabaseConflict } from '../host.ts';
import { bearable } from './bearable.ts';
import type { SchemaWrite } from './difference.ts';
import { mergedSchema } from './merged.ts';
import { SCHEMA, type SchemaCell } from './reserved.ts';
import { isDropped, readUses } from './uses.ts';
import { Written } from './written.ts';

/** A conflict, and what choosing each of its candidates writes. */
export interface SchemaConflict {
  readonly conflict: DatabaseConflict;
  readonly writes: ReadonlyMap<string, SchemaWrite>;
}

/** Cells that people decide about; the others follow from these. */
const DECIDED: readonly SchemaCell[] = ['name', 'definition', 'constraints', 'options', 'text', 'unique'];
const KINDS = ['table', 'column', 'index', 'view', 'trigger', 'virtual'];
/** What two people did to it, as the end of a sentence that begins with it. */
const BY_TWO: Partial<Record<SchemaCell, string>> = { name: 'has got two names', unique: 'is unique for one only' };
const DEFINED = 'was declared differently by two';

export function schemaConflicts(database: string, { view, base }: Shown): SchemaConflict[] {
  const rows = view.rows(SCHEMA);
  if (rows.length === 0) return [];
  const merged = mergedSchema(view, base.schema);
  const found: SchemaConflict[] = [];
  for (const row of [...rows].sort()) {
    const key = keyOfRow(row).map(String);
    const [kind = '', id = '', column = ''] = key;
    const written = KINDS.includes(kind) ? view.row(SCHEMA, row) : undefined;
    if (written === undefined) continue;
    const of = kind === 'table' || kind === 'column' ? id : '';
    const table = merged.tables.get(of)?.name ?? id;
    const about = { database, row, table, key: {}, column: kind === 'column' ? column : null };
    const called = `${kind} ${kind === 'column' ? column : table}`;
    for (const cell of DECIDED) {
      const note = `${called} ${BY_TWO[cell] ?? DEFINED}`;
      const one = cellConflict({ ...about, note }, key, cell, written);
      if (one !== null) found.push(one);
    }
    const isUsed = kind === 'table' ? merged.tables.has(id) : readUses(view, of).keeps(written, column);
    const note = `${called} was dropped by one, and used or made again by another`;
    const drop = dropConflict({ ...about, note }, key, written, of === '' ? null : isUsed);
    if (drop !== null) found.push(drop);
  }
  for (const [name, reason] of bearable(merged, new Written(view)).withheld) {
    const table = merged.tables.get(name)?.name ?? name;
    const about = { database, row: '', table, key: {}, column: null, note: reason };
    found.push({ conflict: { ...about, ...identified(about, 'constraint', name), candidates: [] }, writes: new Map() });
  }
  return found;
}

type About = Pick<DatabaseConflict, 'database' | 'row' | 'table' | 'key' | 'column' | 'note'>;

function cellConflict(about: About, key: readonly string[], cell: SchemaCell, row: Row): SchemaConflict | null {
  const values = candidates(row.cells.get(cell) ?? []);
  if (values.length < 2) return null;
  const writes = new Map<string, SchemaWrite>();
  const listed = values.map(({ value, by }, index): ConflictCandidate => {
    const [first] = by as [Origin];
    const id = `${first.copy}:${first.seq}`;
    writes.set(id, { row: key, cells: { [cell]: value } });
    return { id, value: toJson(value), shown: index === 0, by };
  });
  return { conflict: { ...about, ...identified(about, 'cell', cell), candidates: listed }, writes };
}

/** Dropped by one, and by another made again, or used without knowledge of that. `isUsed` null: nothing can use it. */
function dropConflict(about: About, key: readonly string[], row: Row, isUsed: boolean | null): SchemaConflict | null {
  const drops = row.cells.get('dropped') ?? [];
  const isAtOdds = candidates(drops).length > 1;
  if (!isAtOdds && !(isDropped(row) && isUsed === true)) return null;
  const isTable = key[0] === 'table';
  const isKept = !isDropped(row) || (isTable && isUsed === true);
  const by = drops.filter(({ value }) => value === 1n).map(({ copy, seq, stamp }) => ({ copy, seq, stamp }));
  const others = drops.filter(({ value }) => value !== 1n).map(({ copy, seq, stamp }) => ({ copy, seq, stamp }));
  const keep = { id: 'keep', value: 'stays', shown: isKept, by: others.sort((a, b) => compareOrigins(b, a)) };
  const drop = { id: 'delete', value: 'dropped', shown: !isKept, by: by.sort((a, b) => compareOrigins(b, a)) };
  return {
    conflict: { ...about, ...identified(about, 'row', 'dropped'), candidates: isKept ? [keep, drop] : [drop, keep] },
    writes: new Map([
      ['keep', { row: key, cells: { dropped: null } }],
      ['delete', { row: key, cells: { dropped: 1n } }],
    ]),
  };
}

function identified(about: { row: RowId }, kind: DatabaseConflict['kind'], what: string) {
  const id = sha256(Buffer.from(JSON.stringify([SCHEMA, kind, about.row, what]))).slice(0, 16);
  return { id, kind };
}
