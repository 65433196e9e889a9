/**
 * FTS5 and FTS4 tables whose content is a followed table: the application's triggers keep them in step with what it writes, and
 * do not run for what is applied. Such an index is rebuilt in the transaction that applies; other virtual tables have
 * content of their own, and are told.
 */
import type { Problem } from '../../core/problem.ts';
import type { Schema, SchemaObject } from '../schema/schema.ts';
import { folded, isWord, nameOf, tokensOf } from '../schema/text.ts';
import { quoted, type Statements } from './sql.ts';

const SQL_ERROR = 1;

/** The table that a full-text table is an index of; null: it has its own content, or none, or is another one. */
export function indexedTable({ type, text }: SchemaObject): string | null {
  const tokens = type === 'virtual' ? tokensOf(text) : [];
  const using = tokens.findIndex((token) => isWord(token, 'USING'));
  if (using < 0 || !isWord(tokens[using + 1], 'FTS5', 'FTS4')) return null;
  const at = tokens.findIndex((token, index) => isWord(token, 'CONTENT') && tokens[index + 1]?.text === '=');
  const content = at < 0 ? undefined : tokens[at + 2];
  return content === undefined || nameOf(content) === '' ? null : nameOf(content);
}

/** `tables`: ids of those whose rows were written, or that were altered. */
export function rebuildIndexes(sql: Statements, schema: Schema, tables: ReadonlySet<string>): void {
  const names = new Set([...tables].map((id) => folded(schema.tables.get(id)?.name ?? '')));
  for (const object of schema.objects.values()) {
    const content = indexedTable(object);
    if (content === null || !names.has(folded(content))) continue;
    const name = quoted(object.name);
    try {
      sql.run(`INSERT INTO ${name} (${name}) VALUES ('rebuild')`);
    } catch (error) {
      // An index that no longer fits its table (a column of it is gone) keeps nobody from the rows.
      if ((error as { errcode?: number }).errcode !== SQL_ERROR) throw error;
    }
  }
}

export function notSynced(schema: Schema, path: string): Problem[] {
  const names = new Set([...schema.tables.values()].map(({ name }) => folded(name)));
  const isRebuilt = (object: SchemaObject): boolean => names.has(folded(indexedTable(object) ?? ''));
  return [...schema.objects.values()]
    .filter((object) => object.type === 'virtual' && !isRebuilt(object))
    .map(({ name }) => ({
      code: 'virtual-table-not-followed',
      text: `The virtual table ${name} has content of its own, which stays on this computer.`,
      remedy: 'Let the program that owns the database fill it again where it is needed.',
      path,
    }));
}
