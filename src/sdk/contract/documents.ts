/** The Document Manager: documents and their versions. `document` is the absolute path of one on disk. */
import { z } from 'zod';
import { bytes, id, inFile, place, time, transfer } from './shapes.ts';

export const documentEntry = z.object({
  id,
  /** Within the file, names joined by '/'. */
  path: z.string(),
  behaviour: z.enum(['automatic', 'on-demand', 'never']),
  registered: z.boolean(),
  size: bytes,
  version: id,
  by: z.string(),
  at: time,
  state: z.enum(['current', 'modified', 'held', 'missing']),
  conflict: z.boolean(),
  openBy: z.array(z.object({ user: z.string(), device: z.string() })),
});

export const versionEntry = z.object({
  id,
  by: z.string(),
  /** Who saved the same content without knowing of it. */
  alsoBy: z.array(z.string()),
  at: time,
  size: bytes,
  current: z.boolean(),
  conflict: z.boolean(),
  /** Its content is on this machine. */
  here: z.boolean(),
});

const oneVersion = z.strictObject({ document: place, version: id });

export const documents = {
  docs: { params: inFile, result: z.array(documentEntry) },

  /** Newest first. */
  versions: { params: z.strictObject({ document: place }), result: z.array(versionEntry) },

  /** Saves a version as the file `out`, which must not exist yet. */
  get: {
    params: z.strictObject({ ...oneVersion.shape, out: place }),
    result: z.object({ path: z.string(), size: bytes }),
    progress: transfer,
  },

  /** Makes a version the current one, for everybody. */
  promote: { params: oneVersion, result: versionEntry, progress: transfer },
};
