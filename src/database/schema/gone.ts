/**
 * Tables that are gone and that foreign keys still name. SQLite leaves such a key as it is, and takes it for one to
 * whatever gets that name later: so it has to be called alike in all copies.
 */
import { type DeclaredKey, keysOf } from './declared-keys.ts';
import { type Translation, translated } from './naming.ts';
import { columnsByName, type GoneTable, nameOfNobody, type Schema, type SchemaTable } from './schema.ts';
import { folded, textOf, tokensOf } from './text.ts';

export function stillNamed(gone: Iterable<GoneTable>, tables: Iterable<SchemaTable>): Map<string, GoneTable> {
  const named = new Set([...tables].flatMap((table) => keysOf(table).map(({ target }) => target)));
  const found = [...gone].filter(({ id }) => named.has(id));
  return new Map(
    found.map(({ id, name, columns }) => [id, { id, name, columns: columns.map(({ id, name }) => ({ id, name })) }]),
  );
}

export function sameGone(a: ReadonlyMap<string, GoneTable>, b: ReadonlyMap<string, GoneTable>): boolean {
  const names = (of: ReadonlyMap<string, GoneTable>): string =>
    JSON.stringify(
      [...of.values()].map(({ id, name, columns }) => [id, name, columns.map((each) => [each.id, each.name])]).sort(),
    );
  return a.size === b.size && names(a) === names(b);
}

/**
 * A program may give a table, or its columns, new names and drop it before we look: SQLite has taken the keys along to
 * names that nobody has. What they call the tables that are gone by `now`, where that is not as it was known.
 */
export function calledAnew(known: Schema, now: ReadonlyMap<string, SchemaTable>): Map<string, GoneTable> {
  const found = new Map<string, GoneTable>();
  for (const table of now.values()) {
    const lost = keysOf(known.tables.get(table.id) ?? table).filter(
      ({ target }) => known.tables.has(target) && !now.has(target),
    );
    const keys = keysOf(table);
    const named = new Set(keys.map(({ target }) => target));
    for (const { columns, target, to } of lost.length === 0 ? [] : keys) {
      if (now.has(target) || known.gone.has(target)) continue;
      const isIt = (key: DeclaredKey): boolean =>
        key.columns.join('\0') === columns.join('\0') &&
        key.to.length === to.length &&
        (known.tables.has(target) ? key.target === target : !named.has(key.target));
      const at = lost.findIndex(isIt);
      const [key] = at < 0 ? [] : lost.splice(at, 1);
      const gone = key && (found.get(key.target) ?? known.tables.get(key.target));
      if (key === undefined || gone === undefined) continue;
      const names = new Map(key.to.flatMap((id, index) => (to[index] === id ? [] : [[id, to[index] as string]])));
      const name = known.tables.has(target) ? gone.name : nameOfNobody(target);
      if (name === gone.name && names.size === 0) continue;
      const columnsNow = gone.columns.map(({ id, name }) => ({ id, name: names.get(id) ?? name }));
      found.set(gone.id, { id: gone.id, name, columns: columnsNow });
    }
  }
  return found;
}

/** As SQLite takes it: a key to a table that is gone, or that never was, is one to whatever has its name by now. */
export function meantByName(schema: Schema): Schema {
  const named = (of: Iterable<GoneTable>) => new Map([...of].map((table) => [folded(table.name), table]));
  const [there, gone] = [named(schema.tables.values()), named(schema.gone.values())];
  const meant = (id: string): GoneTable | undefined => {
    if (schema.tables.has(id)) return undefined;
    const known = schema.gone.get(id);
    const name = folded(known?.name ?? nameOfNobody(id));
    return there.get(name) ?? (known === undefined ? gone.get(name) : undefined);
  };
  const names: Translation = {
    own: () => undefined,
    self: () => undefined,
    table: (id) => meant(id)?.id,
    foreign: (of, id) => {
      const name = schema.gone.get(of)?.columns.find((column) => column.id === id)?.name ?? id;
      return columnsByName(meant(of)).get(folded(name));
    },
  };
  const tables = [...schema.tables.values()].map((table): SchemaTable => {
    if (keysOf(table).every(({ target }) => meant(target) === undefined)) return table;
    const text = (of: string, outside: 'own' | 'none'): string => textOf(translated(tokensOf(of), outside, names));
    return {
      ...table,
      columns: table.columns.map((column) => ({ ...column, definition: text(column.definition, 'none') })),
      constraints: table.constraints.map((constraint) => text(constraint, 'own')),
    };
  });
  if (tables.every((table) => schema.tables.get(table.id) === table)) return schema;
  const all = new Map(tables.map((table) => [table.id, table]));
  const byNameAlone = tables.flatMap((table) => (schema.tables.get(table.id) === table ? [] : [table.id]));
  return { ...schema, tables: all, gone: stillNamed(schema.gone.values(), tables), byName: new Set(byNameAlone) };
}
