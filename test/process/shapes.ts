/**
 * What cli.md promises of every `--json`, written down a second time on purpose: scripts rely on that page, not on our
 * schemas. Strict: a field that the page does not name fails the test.
 */
import { z } from 'zod';

const id = z.string().min(1);
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const count = z.int().nonnegative();
const file = z.strictObject({ id, name: z.string().min(1) });
const amount = z.strictObject({ changes: count, bytes: count });
const state = z.enum(['online', 'offline', 'syncing', 'unreachable']);
const problems = z.array(z.strictObject({ path: z.string().nullable(), text: z.string(), since: time }));
/** A value of SQLite as JSON has it; what JSON does not have is an object with one $-field. */
const cell = z.union([z.null(), z.number(), z.string(), z.record(z.string().regex(/^\$[a-z]+$/), z.string())]);
const row = z.record(z.string(), cell);

const version = z.strictObject({
  id,
  by: z.string().min(1),
  alsoBy: z.array(z.string()),
  at: time,
  size: count,
  current: z.boolean(),
  conflict: z.boolean(),
  here: z.boolean(),
});

export const shapes = {
  join: z.strictObject({ hub: z.string().min(1), user: z.string(), device: z.string() }),
  publish: z.strictObject({ file, copy: id, documents: count, databases: count, problems }),
  files: z.array(
    z.strictObject({ id, name: z.string(), documents: count, databases: count, bytes: count, copies: count }),
  ),
  copy: z.strictObject({ file, copy: id, folder: z.string() }),
  copies: z.array(z.strictObject({ file, copy: id, folder: z.string(), state })),
  status: z.strictObject({
    file,
    copy: id,
    folder: z.string(),
    state,
    pending: z.strictObject({ out: amount, in: amount }),
    conflicts: count,
    problems,
    safe: z.boolean(),
  }),
  sync: z.strictObject({ sent: amount, received: amount, problems }),
  detach: z.strictObject({ folder: z.string() }),
  offline: z.strictObject({ state }),
  online: z.strictObject({ state }),
  docs: z.array(
    z.strictObject({
      id,
      path: z.string().min(1),
      behaviour: z.enum(['automatic', 'on-demand', 'never']),
      registered: z.boolean(),
      size: count,
      version: id,
      by: z.string().min(1),
      at: time,
      state: z.enum(['current', 'modified', 'held', 'missing']),
      conflict: z.boolean(),
      openBy: z.array(z.strictObject({ user: z.string(), device: z.string() })),
    }),
  ),
  versions: z.array(version),
  get: z.strictObject({ path: z.string(), size: count }),
  promote: version,
  conflicts: z.array(
    z.strictObject({
      id,
      kind: z.enum(['cell', 'row', 'document', 'constraint']),
      database: z.string().nullable(),
      table: z.string().nullable(),
      key: row.nullable(),
      column: z.string().nullable(),
      path: z.string().nullable(),
      note: z.string().nullable(),
      candidates: z
        .array(z.strictObject({ id, value: z.union([cell, row]), by: z.string().min(1), at: time, shown: z.boolean() }))
        .min(1),
    }),
  ),
  resolve: z.strictObject({ id }),
  'conflicts accept': z.strictObject({ settled: z.number().int(), left: z.number().int() }),
  history: z.array(
    z.strictObject({
      at: time,
      by: z.string().min(1),
      copy: id,
      change: id.nullable(),
      what: z.string().min(1),
      from: z.union([cell, row]),
      to: z.union([cell, row]),
    }),
  ),
  undo: z.strictObject({
    change: id,
    rows: count,
    schema: z.array(z.string().min(1)),
    left: z.array(z.strictObject({ table: z.string(), key: row, column: z.string().nullable(), why: z.string() })),
  }),
  settings: z.array(
    z.strictObject({
      database: z.string().min(1),
      settings: z.array(
        z.strictObject({
          table: z.string().min(1),
          column: z.string().nullable(),
          set: z.enum(['left-out', 'refers', 'number', 'deletion-wins']),
          value: z.union([z.boolean(), z.string()]),
          by: z.string().nullable(),
          at: time.nullable(),
        }),
      ),
    }),
  ),
  users: z.array(
    z.strictObject({
      user: z.string().min(1),
      device: z.string().min(1),
      copy: id,
      state: z.enum(['online', 'offline']),
      lastSeen: time.nullable(),
      open: z.array(z.string()),
    }),
  ),
  doctor: z.strictObject({
    ok: z.boolean(),
    checks: z.array(
      z.strictObject({
        name: z.string(),
        state: z.enum(['ok', 'warning', 'failed']),
        text: z.string(),
        remedy: z.string().nullable(),
      }),
    ),
  }),
  stop: z.strictObject({ stopped: z.boolean() }),
};

export type Shape<C extends keyof typeof shapes> = z.infer<(typeof shapes)[C]>;
