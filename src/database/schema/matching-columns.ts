/** Which column of a table is which: by its name, else by its place where nothing but the name is another. */
import type { ActualTable } from './actual.ts';
import { translated } from './naming.ts';
import { columnsByName, freshId, nobodyCalled, type Schema, type SchemaColumn, type SchemaTable } from './schema.ts';
import { folded, textOf } from './text.ts';

/** Ids of columns by folded name. */
type Names = ReadonlyMap<string, string>;

/** `definitionOf`: the definition at a place as the known names, and these, say it. */
export function matchColumns(
  table: ActualTable,
  before: SchemaTable | undefined,
  isRetired: (id: string) => boolean,
  isAdded: (id: string) => boolean,
  definitionOf: (at: number, as: Names) => string,
) {
  const old = (before?.columns ?? []).filter(({ id }) => !isAdded(id));
  const names = new Set(table.text.columns.map(({ name }) => folded(name)));
  const byName = new Map(old.map(({ id, name }) => [folded(name), id]));
  const ids = table.text.columns.map(({ name }) => byName.get(folded(name)) ?? null);
  // Old columns without a name here are paired with new ones that stand between the same neighbours.
  let neighbour = -1;
  for (const [at, id] of ids.entries()) {
    if (id !== null) {
      neighbour = old.findIndex((column) => column.id === id);
      continue;
    }
    const next = old.findIndex((column, place) => place > neighbour && names.has(folded(column.name)));
    const candidates = old.slice(neighbour + 1, next < 0 ? undefined : next);
    // What a definition says of itself, and of columns before it, it says by their new names.
    const isDefinedAs = (candidate: SchemaColumn): boolean => {
      const as: Names = new Map(
        table.text.columns.flatMap(({ name }, each) => {
          const is = each === at ? candidate.id : ids[each];
          return is ? [[folded(name), is]] : [];
        }),
      );
      return candidate.definition === definitionOf(at, as);
    };
    // ALTER adds behind all others only: what stands between two got another name, and one beside it may have gone.
    const isAltered = table.marked !== null;
    const isBetween = isAltered && ids.slice(at + 1).some((other) => other !== null);
    const found = (isAltered ? candidates : candidates.slice(0, 1)).find(isDefinedAs);
    const candidate = found ?? (isBetween ? candidates[0] : undefined);
    if (candidate === undefined) continue;
    ids[at] = candidate.id;
    neighbour = old.indexOf(candidate);
  }
  // Whatever is more than new names between others, or new columns behind them, can have come about in several ways.
  const isPlain = old.every(({ id, name }, at) => {
    const isSame = folded(table.text.columns[at]?.name ?? '') === folded(name);
    return ids[at] === id && (isSame || at < old.length - 1);
  });
  const used = new Set(ids.filter((id) => id !== null));
  const known = new Set(before?.columns.map(({ id }) => id));
  const columns = new Map<string, string>();
  for (const [at, { name }] of table.text.columns.entries()) {
    const id = ids[at] ?? freshId(name, (each) => used.has(each) || known.has(each) || isRetired(each));
    used.add(id);
    columns.set(folded(name), id);
  }
  return { columns, isDoubtful: !isPlain || old.length !== (before?.columns.length ?? 0) };
}

/** A definition as the known names say it, and `as`: whether a column is the same is asked before all new names are known. */
export function textByKnownNames(
  table: ActualTable,
  at: number,
  as: Names,
  before: SchemaTable | undefined,
  known: Schema,
): string {
  const named = [...known.gone.values(), ...known.tables.values()];
  const byName = new Map(named.map((each) => [folded(each.name), each]));
  const own = columnsByName(before);
  const tokens = translated(table.text.columns[at]?.definition ?? [], 'none', {
    own: (name) => as.get(folded(name)) ?? own.get(folded(name)),
    self: () => undefined,
    table: (name) => byName.get(folded(name))?.id ?? nobodyCalled(name, known),
    foreign: (of, name) => columnsByName(byName.get(folded(of))).get(folded(name)) ?? name,
  });
  return textOf(tokens);
}
