/** What is set about the tables and columns of a file's databases. Travels and merges like what is in them. */
import { z } from 'zod';
import { place, time } from './shapes.ts';

/** A table, or a column as `table.column`. */
const named = z.string().min(1);

const change = z.discriminatedUnion('set', [
  /** Every copy has its own rows, or its own values; false: it is followed again. */
  z.strictObject({ place: named, set: z.literal('left-out'), value: z.boolean() }),
  /** A column that holds the key of another table's rows without a FOREIGN KEY; null: it holds nothing of the kind. */
  z.strictObject({ place: named, set: z.literal('refers'), value: named.nullable() }),
  /** An integer that is handed out; false: it is somebody's choice. null: told by its name. */
  z.strictObject({ place: named, set: z.literal('number'), value: z.boolean().nullable() }),
  /** A deletion takes a row away also from whoever edited it without knowledge of that. */
  z.strictObject({ place: named, set: z.literal('deletion-wins'), value: z.boolean() }),
]);

export const settings = {
  /** What is set, after these changes were made: all of them, by one change to the database, or none. */
  settings: {
    params: z
      .strictObject({
        folder: place,
        /** Path of the database within the file. Default: all; with changes, the file's only one. */
        database: z.string().min(1).optional(),
        changes: z.array(change).optional(),
      })
      .refine(({ changes }) => changes === undefined || changes.length > 0, 'no changes'),
    result: z.array(
      z.object({
        database: z.string(),
        settings: z.array(
          z.object({
            table: z.string(),
            /** null: it is about the table. */
            column: z.string().nullable(),
            set: z.enum(['left-out', 'refers', 'number', 'deletion-wins']),
            value: z.union([z.boolean(), z.string()]),
            /** Who set it, and when; null: it follows from the database itself. */
            by: z.string().nullable(),
            at: time.nullable(),
          }),
        ),
      }),
    ),
  },
};
