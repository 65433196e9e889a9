/**
 * The settings by which a user's database is followed, noted in it: they change in the transaction that brings what
 * follows from them, so that a file that comes back in an older state is followed as it was then until it is brought
 * forward.
 */

import type { Statements } from '../file/sql.ts';
import { SCHEMA } from '../schema/reserved.ts';
import { type Choices, choicesFromJson, choicesToJson, NO_CHOICES } from './choices.ts';

/** Beside what is known of the schema, which is the first row. */
const ROW = 2n;

export function readNoted(sql: Statements): Choices {
  if (sql.one('SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)', [SCHEMA]) !== 1n) return NO_CHOICES;
  const json = sql.one(`SELECT known FROM ${SCHEMA} WHERE id = ?`, [ROW]);
  try {
    return typeof json === 'string' ? choicesFromJson(json) : NO_CHOICES;
  } catch {
    return NO_CHOICES;
  }
}

export function writeNoted(sql: Statements, choices: Choices): void {
  sql.run(`INSERT OR REPLACE INTO ${SCHEMA} VALUES (?, ?)`, [ROW, choicesToJson(choices)]);
}
