/** The shapes that several methods share. Times are ISO 8601 UTC with milliseconds, sizes bytes, ids opaque. */
import { z } from 'zod';

/** The longest path that any of our systems takes (Windows, with the long-path prefix). */
const MAX_PATH = 32_767;
const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/]|\\\\)/;

export const id = z.string().min(1).max(1024);
export const time = z.iso.datetime({ precision: 3 });
export const bytes = z.int().nonnegative();
export const count = z.int().nonnegative();

/** A place on the agent's disk. Whoever calls knows the current folder, the agent does not: so always absolute. */
export const place = z
  .string()
  .max(MAX_PATH)
  .refine((path) => ABSOLUTE.test(path), 'must be an absolute path')
  .refine((path) => !path.includes('\0'), 'must not hold a NUL character');

/** The longest name of a file on any of our disks. */
const MAX_NAME = 255;

/** A name that a person chooses: of a file, a user, a machine. */
export const name = z
  .string()
  .trim()
  .refine((text) => text.length > 0, 'is empty: a name needs at least one letter or digit')
  .refine((text) => text.length <= MAX_NAME, `is too long: a name has at most ${MAX_NAME} characters`)
  .refine((text) => !/\p{Cc}/u.test(text), 'holds a tab, a line end or another control character: a name is one line');

/** A file's folder or any folder inside it. */
export const inFile = z.strictObject({ folder: place });

export const file = z.object({ id, name: z.string() });

export const amount = z.object({ changes: count, bytes });

/** How far a long call is. Totals may still grow while it looks around. */
export const transfer = z.object({
  phase: z.enum(['reading', 'sending', 'receiving', 'placing', 'checking']),
  bytes: z.object({ done: bytes, total: bytes }),
  documents: z.object({ done: count, total: count }),
});

/**
 * A cell's value. JSON holds SQLite's null, its text and most numbers as they are; the rest is spelled out:
 * integers beyond 2^53, blobs (and text that is not UTF-8) in base64, infinities and -0.0.
 */
export const value = z.union([
  z.null(),
  z.number(),
  z.string(),
  z.strictObject({ $integer: z.string().regex(/^-?\d{1,19}$/) }),
  z.strictObject({ $real: z.enum(['Infinity', '-Infinity', '-0']) }),
  z.strictObject({ $blob: z.base64() }),
  z.strictObject({ $text: z.base64() }),
  /** A reference to a row that has no number yet. */
  z.strictObject({ $row: z.string() }),
]);

/** Values by column: a row, or a row's key. */
export const row = z.record(z.string(), value);

/** What needs attention now, the oldest first: with which path within the file (null: the copy), and what to do. */
export const problems = z.array(z.object({ path: z.string().nullable(), text: z.string(), since: time }));
