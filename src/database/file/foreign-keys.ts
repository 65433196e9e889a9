/** The foreign keys that a table declares, as columns of the tables that are followed. */
import type { ForeignKey, Table } from '../../core/tables.ts';
import { literal, type Statements } from './sql.ts';

export function foreignKeysOf(sql: Statements, table: Table, all: readonly Table[]): ForeignKey[] {
  const rows = sql.all(
    `SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(${literal(table.name)}) ORDER BY id, seq`,
  );
  const byId = new Map<unknown, { parent: string; from: string[]; to: (string | null)[] }>();
  for (const [id, parent, from, to] of rows) {
    const known = byId.get(id) ?? { parent: parent as string, from: [], to: [] };
    byId.set(id, known);
    known.from.push(from as string);
    known.to.push(to as string | null);
  }
  return [...byId.values()].flatMap(({ parent, from, to }) => {
    const target = all.find(({ name }) => sameName(name, parent));
    if (target === undefined) return [];
    const names = to.includes(null) ? primaryKey(sql, target) : (to as string[]);
    const columns = from.map((name) => place(table, name));
    const targets = names.map((name) => place(target, name));
    const isWhole = columns.length === targets.length && ![...columns, ...targets].includes(-1);
    return isWhole ? [{ columns, target: target.id, to: targets }] : [];
  });
}

function primaryKey(sql: Statements, { name }: Table): string[] {
  const rows = sql.all(`SELECT name FROM pragma_table_xinfo(${literal(name)}) WHERE pk > 0 ORDER BY pk`);
  return rows.map(([column]) => column as string);
}

function place(table: Table, name: string): number {
  return table.columns.findIndex((column) => column.id !== '' && sameName(column.name, name));
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
