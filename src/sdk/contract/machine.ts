/** This machine and its agent. */
import { z } from 'zod';
import { bytes, file, id, name, place, time } from './shapes.ts';

const check = z.object({
  name: z.string(),
  state: z.enum(['ok', 'warning', 'failed']),
  /** What was found. */
  text: z.string(),
  /** What to do; null when there is nothing to do. */
  remedy: z.string().nullable(),
});

/** Something that a person may like to see pass by. */
export const event = z.object({
  at: time,
  file,
  copy: id,
  what: z.enum(['sent', 'received', 'captured', 'placed', 'conflict', 'problem', 'online', 'offline']),
  /** One sentence for people. */
  text: z.string(),
  /** The document or database concerned, within the file. */
  path: z.string().optional(),
  bytes: bytes.optional(),
});

export const machine = {
  /** Enrols this machine. `device` is what colleagues see it called; default: the computer's own name. */
  join: {
    params: z.strictObject({ invitation: z.string().trim().min(1).max(4096), device: name.optional() }),
    result: z.object({ hub: z.string(), user: z.string(), device: z.string() }),
  },

  /** Checks certificates, reach of the hub, clock, disk, watch limits, and each copy's log, chunks and bases. */
  doctor: {
    params: z.strictObject({
      /** Only the copy that this lies in. Default: all. */
      folder: place.optional(),
    }),
    result: z.object({ ok: z.boolean(), checks: z.array(check) }),
    progress: z.object({ text: z.string() }),
  },

  /** Ends the agent, after this answer. */
  stop: { params: z.strictObject({}), result: z.object({ stopped: z.literal(true) }) },

  /** Tells what happens from now on, until the caller goes away. */
  watch: {
    params: z.strictObject({ folder: place.optional() }),
    result: z.object({}),
    progress: event,
    live: true,
  },
} as const;
