/**
 * The schema that is shown by the merged changes: rows of one reserved table, merged by the rules of all rows. Here are
 * what these rules leave open: who keeps a name that two have, what keeps a dropped table, which version is the higher.
 */

import { compareClaims } from '../../core/numbers.ts';
import { type Origin, type Row, winner } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { stillNamed } from './gone.ts';
import { keepReferred } from './referred.ts';
import { type SchemaCell as Cell, SCHEMA, schemaRow } from './reserved.ts';
import {
  type ObjectType,
  objectName,
  type Schema,
  type SchemaColumn,
  type SchemaObject,
  type SchemaTable,
  VALUES,
} from './schema.ts';
import { folded } from './text.ts';
import { isDropped, readUses } from './uses.ts';

export interface SchemaRows {
  rows(table: string): readonly string[];
  row(table: string, row: string): Row | undefined;
}

type Claimed<T> = T & { readonly by: Origin | null; readonly kept?: boolean };

const OBJECTS: readonly string[] = ['index', 'view', 'trigger', 'virtual'] satisfies ObjectType[];

/** What nobody wrote to is as in the base. `base` itself where there is nothing else. */
export function mergedSchema(view: SchemaRows, base: Schema): Schema {
  const ids = view.rows(SCHEMA);
  if (ids.length === 0) return base;
  return new Merging(
    view,
    base,
    ids.map((id) => keyOfRow(id).map(String)),
  ).schema();
}

class Merging {
  readonly #view: SchemaRows;
  readonly #base: Schema;
  readonly #keys: readonly (readonly string[])[];
  readonly #retired = new Map<string, Set<string>>();

  constructor(view: SchemaRows, base: Schema, keys: readonly (readonly string[])[]) {
    this.#view = view;
    this.#base = base;
    this.#keys = keys;
  }

  schema(): Schema {
    const all = new Map([...this.#tableIds()].flatMap((id) => this.#table(id) ?? []).map((table) => [table.id, table]));
    const gone = new Set([...this.#tableIds()].filter((id) => this.#isGone(id)));
    keepReferred(this.#view, all, gone);
    for (const id of gone) this.#retire('', id);
    const found = [...all.values()].filter(({ id }) => !gone.has(id));
    const objects = this.#objects(new Set(found.map(({ id }) => id)));
    const others = new Set(
      [...objects.values()].flatMap(({ type, name }) => (type === 'view' || type === 'virtual' ? [folded(name)] : [])),
    );
    const tables = distinct(found, others).map(({ by: _, kept: _kept, ...table }): SchemaTable => table);
    return {
      tables: new Map(tables.map((table) => [table.id, table])),
      gone: stillNamed(
        [...gone].flatMap((id) => all.get(id) ?? []),
        tables,
      ),
      byName: new Set(),
      objects,
      values: this.#values(),
      retired: this.#retired,
    };
  }

  #row(...key: string[]): Row | undefined {
    return this.#view.row(SCHEMA, schemaRow(...key));
  }

  #of(kind: string): (readonly string[])[] {
    return this.#keys.filter(([first]) => first === kind);
  }

  #retire(of: string, id: string): void {
    this.#retired.set(of, (this.#retired.get(of) ?? new Set()).add(id));
  }

  #tableIds(): Set<string> {
    return new Set([...this.#base.tables.keys(), ...this.#of('table').map(([, id]) => id as string)]);
  }

  #table(id: string): Claimed<SchemaTable> | null {
    const base = this.#base.tables.get(id);
    const row = this.#row('table', id);
    const cell = (name: Cell, otherwise: Value): Value => valueIn(row, name, otherwise);
    const name = cell('name', base?.name ?? null);
    const columns = this.#columns(id, base);
    if (typeof name !== 'string' || columns.length === 0) return null;
    const kind = cell('kind', base?.kind ?? null);
    return {
      id,
      name,
      columns,
      constraints: stringsOf(cell('constraints', null)) ?? base?.constraints ?? [],
      options: String(cell('options', base?.options ?? '')),
      kind: kind === 'name' || kind === 'number' || kind === 'hidden' ? kind : null,
      key: stringsOf(cell('key', null)) ?? base?.key ?? null,
      by: claim(row),
      kept: isDropped(row),
    };
  }

  /** Dropped, and written to by nobody who did not know. */
  #isGone(id: string): boolean {
    const row = this.#row('table', id);
    return row !== undefined && isDropped(row) && !readUses(this.#view, id).keeps(row, '');
  }

  #columns(table: string, base: SchemaTable | undefined): SchemaColumn[] {
    const written = this.#of('column').flatMap(([, of, id]) => (of === table ? [id as string] : []));
    const found: Claimed<SchemaColumn>[] = [];
    for (const id of new Set([...(base?.columns.map((column) => column.id) ?? []), ...written])) {
      const known = base?.columns.find((column) => column.id === id);
      const row = this.#row('column', table, id);
      if (isDropped(row)) {
        this.#retire(table, id);
        continue;
      }
      const name = valueIn(row, 'name', known?.name ?? null);
      if (typeof name !== 'string') continue;
      found.push({
        id,
        name,
        definition: String(valueIn(row, 'definition', known?.definition ?? '')),
        initial: valueIn(row, 'initial', known?.initial ?? null),
        refers: textIn(row, 'refers', known?.refers ?? null),
        place: Number(valueIn(row, 'place', BigInt(known?.place ?? 0))),
        by: claim(row),
      });
    }
    const order = (column: Claimed<SchemaColumn>) => ({ row: column.id, by: column.by });
    const sorted = found.sort((a, b) => a.place - b.place || compareClaims(order(a), order(b)));
    return distinct(sorted, new Set()).map(({ by: _, kept: _kept, ...column }): SchemaColumn => column);
  }

  #objects(tables: ReadonlySet<string>): Map<string, SchemaObject> {
    const objects = new Map<string, SchemaObject>();
    const add = (object: SchemaObject): void => {
      if (object.table === null || tables.has(object.table)) objects.set(objectName(object), object);
    };
    const written = new Set(
      this.#keys.filter(([kind]) => OBJECTS.includes(kind as string)).map((key) => key.join(' ')),
    );
    for (const [key, object] of this.#base.objects) if (!written.has(key)) add(object);
    for (const [kind, id] of this.#keys) {
      if (!OBJECTS.includes(kind as string)) continue;
      const row = this.#row(kind as string, id as string);
      const known = this.#base.objects.get(`${kind} ${id}`);
      const name = valueIn(row, 'name', known?.name ?? null);
      const text = valueIn(row, 'text', known?.text ?? null);
      if (isDropped(row) || typeof name !== 'string' || typeof text !== 'string') continue;
      const table = valueIn(row, 'table', known?.table ?? null);
      const unique = valueIn(row, 'unique', known?.unique ? 1n : 0n) === 1n;
      add({ type: kind as ObjectType, name, table: typeof table === 'string' ? table : null, text, unique });
    }
    return objects;
  }

  /** A program that still has the old version must not turn it back: of versions that nobody replaced the highest. */
  #values(): Schema['values'] {
    const [user_version, application_id] = VALUES.map((name) => {
      const written =
        this.#row('value', name)
          ?.cells.get('value')
          ?.map((write) => write.value) ?? [];
      const numbers = written.filter((item) => typeof item === 'bigint');
      return numbers.length === 0 ? this.#base.values[name] : numbers.reduce((a, b) => (a > b ? a : b));
    });
    return { user_version: user_version as bigint, application_id: application_id as bigint };
  }
}

export function valueIn(row: Row | undefined, cell: Cell, otherwise: Value): Value {
  const write = row && winner(row, cell);
  return write ? write.value : otherwise;
}

function textIn(row: Row | undefined, cell: Cell, otherwise: string | null): string | null {
  const item = valueIn(row, cell, otherwise);
  return typeof item === 'string' ? item : null;
}

/** Since when something has its name; null: since the base. */
function claim(row: Row | undefined): Origin | null {
  const write = row && winner(row, 'name');
  return write ? { copy: write.copy, seq: write.seq, stamp: write.stamp } : null;
}

/** A list as it is kept in a cell; null: it is none. */
export function stringsOf(item: Value): readonly string[] | null {
  if (typeof item !== 'string') return null;
  try {
    const list: unknown = JSON.parse(item);
    return Array.isArray(list) ? list.map(String) : null;
  } catch {
    return null;
  }
}

/** Of two that have one name the earlier keeps it; the later is shown under a name that says so. */
function distinct<T extends Claimed<{ id: string; name: string }>>(all: readonly T[], used: Set<string>): T[] {
  const names = new Map<T, string>();
  const taken = new Set([...used, ...all.map(({ name }) => folded(name))]);
  const given = new Set(used);
  // What somebody dropped and somebody else goes on using makes room for what took its place.
  const order = [...all].sort(
    (a, b) =>
      Number(a.kept ?? false) - Number(b.kept ?? false) ||
      compareClaims({ row: a.id, by: a.by }, { row: b.id, by: b.by }),
  );
  for (const each of order) {
    let name = each.name;
    for (let count = 2; given.has(folded(name)); count++) {
      const other = `${each.name}_${count}`;
      if (!taken.has(folded(other)) && !given.has(folded(other))) name = other;
    }
    given.add(folded(name));
    names.set(each, name);
  }
  return all.map((each) => ({ ...each, name: names.get(each) as string }));
}
