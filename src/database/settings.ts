/**
 * What is fixed about a database when it is published or found, and carried in the registry: which integer keys are
 * numbers that SQLite hands out, and which are names.
 */
import { z } from 'zod';

const tableSettings = z.object({
  key: z.enum(['name', 'number', 'hidden']),
});

const databaseSettings = z.object({
  version: z.literal(1),
  tables: z.record(z.string(), tableSettings),
  /** The one journal mode that a database file keeps. Every copy begins in the mode that the application chose. */
  journal: z.literal('wal').optional(),
});

export type DatabaseSettings = z.infer<typeof databaseSettings>;

/** Nothing is decided yet: the database is just being published. */
export const NO_SETTINGS: DatabaseSettings = { version: 1, tables: {} };

/** Settings come from other copies: what does not parse counts as none, so that the defaults hold. */
export function parseSettings(json: string): DatabaseSettings {
  try {
    return databaseSettings.parse(JSON.parse(json));
  } catch {
    return NO_SETTINGS;
  }
}
