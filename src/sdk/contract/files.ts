/** Files, their sync copies on this machine, and how those stand. */
import { z } from 'zod';
import { amount, bytes, count, file, id, inFile, name, place, problems, time, transfer } from './shapes.ts';

const state = z.enum(['online', 'offline', 'syncing', 'unreachable']);

export const files = {
  /** Makes `folder` a parent file on the hub and its first sync copy. Goes on where an earlier call stopped. */
  publish: {
    params: z.strictObject({
      folder: place,
      /** Default: the folder's own name. */
      name: name.optional(),
      /** Default: everybody of the office. */
      members: z.array(name).min(1).max(10_000).optional(),
    }),
    /** `problems`: what in the folder is not in the file, too. */
    result: z.object({ file, copy: id, documents: count, databases: count, problems }),
    progress: transfer,
  },

  /** Parent files on the hub that this machine's user may see. */
  files: {
    params: z.strictObject({}),
    result: z.array(z.object({ ...file.shape, documents: count, databases: count, bytes, copies: count })),
  },

  /** Makes a sync copy of the file `name` in `folder`. Returns when it is complete; goes on where it stopped. */
  copy: {
    params: z.strictObject({ name, folder: place }),
    result: z.object({ file, copy: id, folder: z.string() }),
    progress: transfer,
  },

  /** Sync copies on this machine. */
  copies: {
    params: z.strictObject({}),
    result: z.array(
      z.object({
        file,
        copy: id,
        folder: z.string(),
        /** `closed`: it cannot be opened now, and is tried again; `problem` says why. */
        state: z.enum([...state.options, 'closed']),
        problem: z.string().optional(),
      }),
    ),
  },

  status: {
    params: inFile,
    result: z.object({
      file,
      copy: id,
      folder: z.string(),
      state,
      pending: z.object({ out: amount, in: amount }),
      conflicts: count,
      problems,
      /** The parent has everything that was done here. */
      safe: z.boolean(),
    }),
  },

  /** Takes in what was saved on disk and exchanges until nothing is pending. Fails if the parent is out of reach. */
  sync: {
    params: z.strictObject({
      folder: place,
      /** On-demand documents to send as well. */
      documents: z.union([z.literal('all'), z.array(place).max(100_000)]).default([]),
      /** What has gone from the folder is to be deleted for everybody, however much it is. */
      deleteGone: z.boolean().optional(),
    }),
    result: z.object({ sent: amount, received: amount, problems }),
    progress: transfer,
  },

  /**
   * The copy becomes an ordinary folder: nothing of ours stays in its databases, nor beside its documents. Refused
   * when the hub lacks something that was done in it. Goes on where it stopped.
   */
  detach: {
    params: z.strictObject({
      folder: place,
      /** What the hub lacks may stay in the folder only. */
      unsent: z.boolean().default(false),
    }),
    result: z.object({ folder: z.string() }),
  },

  /**
   * Waits no longer for a copy of the same file: what everybody else has is packed without its word. Refused but for the
   * owner of the file, and the device that the copy is on. When it comes back it goes on as a new copy.
   */
  retire: {
    params: z.strictObject({
      folder: place,
      /** Its id, or how it begins. */
      copy: id,
    }),
    result: z.object({ copy: id, user: z.string(), device: z.string() }),
  },

  offline: { params: inFile, result: z.object({ state }) },
  online: { params: inFile, result: z.object({ state }) },

  /** Who works on this file, with which machine and copy, and what they have open. */
  users: {
    params: inFile,
    result: z.array(
      z.object({
        user: z.string(),
        device: z.string(),
        copy: id,
        state: z.enum(['online', 'offline']),
        /** null: never seen. */
        lastSeen: time.nullable(),
        open: z.array(z.string()),
      }),
    ),
  },
};
