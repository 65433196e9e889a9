/** What was written without knowledge of each other, and what was written before. */
import { z } from 'zod';
import { count, id, inFile, place, row, time, value } from './shapes.ts';

/** A cell's value, a whole row, or a version id of a document; null also where a row was deleted. */
const content = z.union([value, row]);

export const conflicts = {
  conflicts: {
    params: inFile,
    result: z.array(
      z.object({
        id,
        kind: z.enum(['cell', 'row', 'document', 'constraint']),
        /** Path of the database within the file. What does not apply to the kind is null. */
        database: z.string().nullable(),
        table: z.string().nullable(),
        key: row.nullable(),
        column: z.string().nullable(),
        /** Path of the document within the file. */
        path: z.string().nullable(),
        /** What a constraint does not allow, and what was done about it; null where the values say it all. */
        note: z.string().nullable(),
        candidates: z.array(z.object({ id, value: content, by: z.string(), at: time, shown: z.boolean() })),
      }),
    ),
  },

  /**
   * Settles a conflict for everybody. Conflict ids are equal on all copies: `folder` tells the copy to write it in if
   * it lies inside one, otherwise the machine's only copy that lists the conflict is taken.
   */
  resolve: {
    params: z.strictObject({ folder: place, conflict: id, candidate: id }),
    result: z.object({ id }),
  },

  /**
   * Settles all conflicts of a file, or of a database or table in it, by what is shown now. What has to be chosen, or
   * corrected by somebody, is left; so is what appears meanwhile.
   */
  accept: {
    params: z
      .strictObject({
        folder: place,
        /** Path of the database within the file. Default: all, and the documents. */
        database: z.string().min(1).optional(),
        table: z.string().min(1).optional(),
      })
      .refine(({ database, table }) => table === undefined || database !== undefined, 'a table is one of a database'),
    result: z.object({ settled: count, left: count }),
  },

  /** What happened, newest first: in the whole file (`path` is a folder), in a document, or in a database, a row or a cell. */
  history: {
    params: z.strictObject({
      path: place,
      row: z
        .strictObject({
          /** Path of the database within the file. */
          database: z.string().min(1),
          /** Default: all its tables. */
          table: z.string().min(1).optional(),
          /** Only this row of the table, by its key columns. */
          key: row.optional(),
          /** Only this column. */
          column: z.string().min(1).optional(),
          /** `delete` lists the rows that were deleted, with their last values. */
          kind: z.enum(['insert', 'update', 'delete', 'number', 'schema', 'setting']).optional(),
        })
        .refine(({ table, key }) => table !== undefined || key === undefined, 'a key is one of a table')
        .optional(),
      /** Not more than this many entries. Default: all. */
      limit: count.optional(),
    }),
    result: z.array(
      z.object({
        at: time,
        by: z.string(),
        copy: id,
        /** For `undo`. null: neither an edit of a database nor a deletion. */
        change: id.nullable(),
        what: z.string(),
        from: content,
        to: content,
      }),
    ),
  },

  /**
   * Undoes one change, as a new change. A deletion of databases or documents: they come back (`schema` names them, `left`
   * those that do not, by their paths). A change to a database: every cell that still shows what it wrote goes back to what it
   * replaced, its new rows are deleted, what it deleted is brought back. `left` is what was left alone, and why.
   */
  undo: {
    params: z
      .strictObject({
        folder: place,
        change: id,
        /** Only in this table. */
        table: z.string().min(1).optional(),
        /** Only this row of the table, by its key columns. */
        key: row.optional(),
      })
      .refine(({ table, key }) => table !== undefined || key === undefined, 'a key is one of a table'),
    result: z.object({
      change: id,
      rows: count,
      /** What was dropped or deleted and is there again: `table note`, `column note.old`, `database j.db`, `document a.txt`. */
      schema: z.array(z.string()),
      left: z.array(z.object({ table: z.string(), key: row, column: z.string().nullable(), why: z.string() })),
    }),
  },
};
