/** Tables that are not there any more, as they were last: what was written to them is in the log, and is told. */
import { DatabaseSync } from 'node:sqlite';
import type { Row } from '../../core/rows.ts';
import { keyOfRow, type Table } from '../../core/tables.ts';
import { describeTables } from '../file/describe.ts';
import { Statements } from '../file/sql.ts';
import { forwarding, Shown } from '../folding/shown.ts';
import { mergedSchema } from '../schema/merged.ts';
import { SCHEMA } from '../schema/reserved.ts';
import { createTable, type Schema } from '../schema/schema.ts';
import { isDropped } from '../schema/uses.ts';
import { NO_SETTINGS } from '../settings.ts';

/** `shown` with the dropped tables beside the others; itself where none was dropped. */
export function withDropped(shown: Shown): Shown {
  const { view, base, tables } = shown;
  const isGone = (row: string): boolean => {
    const [kind, id] = keyOfRow(row).map(String);
    return kind === 'table' && id !== undefined && !tables.has(id) && isDropped(view.row(SCHEMA, row));
  };
  const gone = new Set(view.rows(SCHEMA).filter(isGone));
  if (gone.size === 0) return shown;
  const undropped = {
    ...forwarding(view),
    row: (table: string, row: string) => {
      const merged = view.row(table, row);
      return table === SCHEMA && merged !== undefined && gone.has(row) ? withoutDrop(merged) : merged;
    },
  };
  const schema = mergedSchema(undropped, base.schema);
  const ids = [...gone].map((row) => String(keyOfRow(row)[1]));
  const described = describedIn(schema, ids).map((table): [string, Table] => [table.id, table]);
  return new Shown(view, base, new Map([...tables, ...described]));
}

function withoutDrop(row: Row): Row {
  return { ...row, cells: new Map([...row.cells].filter(([cell]) => cell !== 'dropped')) };
}

function describedIn(schema: Schema, ids: readonly string[]): Table[] {
  const db = new DatabaseSync(':memory:', {
    enableForeignKeyConstraints: false,
    enableDoubleQuotedStringLiterals: true,
  });
  try {
    for (const id of ids) {
      const table = schema.tables.get(id);
      try {
        if (table) db.exec(createTable(table, schema));
      } catch {
        // It speaks of what only its application knows.
      }
    }
    return describeTables(new Statements(db), NO_SETTINGS, schema);
  } finally {
    db.close();
  }
}
