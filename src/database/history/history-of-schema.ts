/** What people did to the schema of a database, and set about it: rows of the reserved tables, told as people read them. */
import { type JsonValue, toJson } from '../../core/plain-value.ts';
import type { Origin, Seen } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import type { Shown } from '../folding/shown.ts';
import type { HistoryEntry, HistoryQuery } from '../host.ts';
import { SCHEMA, type SchemaCell } from '../schema/reserved.ts';
import type { Schema } from '../schema/schema.ts';
import { SETTINGS } from '../settings/reserved.ts';
import { CellPast } from './past.ts';

type Cells = readonly (readonly [string, Value])[];

/** Of settings: what each cell is called where it is set (`SettingChange`). */
const SET: Readonly<Record<string, string>> = {
  left: 'left-out',
  deletes: 'deletion-wins',
  key: 'number',
  refers: 'refers',
  counted: 'number',
};

export class SchemaPast {
  readonly #shown: Shown;
  readonly #query: HistoryQuery;
  /** By table, row and cell. */
  readonly #pasts = new Map<string, CellPast>();

  constructor(shown: Shown, query: HistoryQuery) {
    this.#shown = shown;
    this.#query = query;
  }

  /** What the write did, after everything that it has seen was told. Nothing for what only follows from it. */
  tell(table: string, row: string, cells: Cells, by: Origin, seen: Seen): HistoryEntry[] {
    const key = keyOfRow(row).map(String);
    const found = table === SCHEMA ? this.#schema(row, key, cells, seen) : this.#settings(row, key, cells, seen);
    for (const [id, value] of cells) this.#past(table, row, id).add(by, value, seen);
    const about = { ...by, row, key: {}, because: null };
    return found.map((entry) => ({ ...about, ...entry })).filter((entry) => this.#isWanted(entry));
  }

  #isWanted({ table, column, kind }: HistoryEntry): boolean {
    const { table: of, key, column: at, kind: wanted } = this.#query;
    if (key !== undefined || (of !== undefined && of !== table) || (at !== undefined && at !== column)) return false;
    return wanted === undefined || wanted === kind;
  }

  #schema(row: string, key: readonly string[], cells: Cells, seen: Seen): Told[] {
    const [kind = '', id = '', column = ''] = key;
    const before = (cell: SchemaCell): Value =>
      this.#past(SCHEMA, row, cell).shownTo(seen)?.value ?? inBase(this.#shown.base.schema, key, cell);
    const written = new Map<string, Value>(cells);
    const after = (cell: SchemaCell): Value => (written.has(cell) ? (written.get(cell) ?? null) : before(cell));
    const [from, to] = [textOf(kind, before), textOf(kind, after)];
    if (from === to) return [];
    const of = kind === 'table' || kind === 'column' ? id : String(after('table') ?? before('table') ?? '');
    const name = this.#nameOf(of === '' ? id : of);
    return [
      { kind: 'schema', table: name, column: kind === 'column' ? String(after('name') ?? column) : null, from, to },
    ];
  }

  #settings(row: string, [kind, id = '', column = '']: readonly string[], cells: Cells, seen: Seen): Told[] {
    const name = kind === 'column' ? (this.#columnOf(id, column) ?? column) : null;
    return cells.map(([cell, value]): Told => {
      const from = this.#past(SETTINGS, row, cell).shownTo(seen)?.value ?? null;
      const said = (item: Value): JsonValue =>
        item === null ? null : `${SET[cell] ?? cell}: ${this.#said(cell, item)}`;
      return { kind: 'setting', table: this.#nameOf(id), column: name, from: said(from), to: said(value) };
    });
  }

  #said(cell: string, item: Value): JsonValue {
    if (cell === 'refers') return this.#nameOf(String(item));
    return item === 0n ? 'no' : item === 1n || cell !== 'counted' ? 'yes' : toJson(item);
  }

  #nameOf(id: string): string {
    return this.#shown.tables.get(id)?.name ?? id.replace(/\(.*$/, '');
  }

  #columnOf(table: string, id: string): string | undefined {
    return this.#shown.tables.get(table)?.columns.find((column) => column.id === id)?.name;
  }

  #past(table: string, row: string, cell: string): CellPast {
    const place = `${table}\0${row}\0${cell}`;
    const known = this.#pasts.get(place) ?? new CellPast();
    this.#pasts.set(place, known);
    return known;
  }
}

type Told = Pick<HistoryEntry, 'kind' | 'table' | 'column' | 'from' | 'to'>;

/** null: it is not there. */
function textOf(kind: string, cell: (name: SchemaCell) => Value): string | null {
  const said = (name: SchemaCell): string => String(cell(name) ?? '');
  if (kind === 'value') return said('value') === '' ? null : said('value');
  if (cell('dropped') === 1n || cell('name') === null) return null;
  if (kind === 'table') return `table ${said('name')}`;
  if (kind === 'column') return `${said('name')} ${said('definition')}`.trim();
  return `${kind} ${said('name')} ${said('text')}`.trim();
}

/** What a row of the schema says where nobody wrote to it. */
export function inBase(schema: Schema, [kind = '', id = '', column = '']: readonly string[], cell: SchemaCell): Value {
  const table = schema.tables.get(id);
  const found: Partial<Record<SchemaCell, Value>> | undefined =
    kind === 'table'
      ? table && { name: table.name }
      : kind === 'column'
        ? columnCells(table?.columns.find((each) => each.id === column))
        : kind === 'value'
          ? { value: schema.values[id as keyof Schema['values']] }
          : objectCells(schema.objects.get(`${kind} ${id}`));
  return found?.[cell] ?? null;
}

function columnCells(column: { name: string; definition: string } | undefined) {
  return column && { name: column.name, definition: column.definition };
}

function objectCells(object: { name: string; text: string; table: string | null } | undefined) {
  return object && { name: object.name, text: object.text, table: object.table };
}
