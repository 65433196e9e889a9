/** What stands in the logs on the disks of a world, whoever runs: read beside their owners, and by nobody's leave. */
import { existsSync } from 'node:fs';
import { type Body, body as bodyCodec } from '../../src/core/body.ts';
import { decode } from '../../src/core/codec.ts';
import { type DocumentContent, decodeContent } from '../../src/core/content.ts';
import { bodyBytes } from '../../src/store/body-parts.ts';
import { ChunkStore } from '../../src/store/chunks.ts';
import { Log } from '../../src/store/log.ts';
import type { MachineDisk } from './machine-disk.ts';
import { ApplicationDatabase } from './open-stores.ts';
import { isToken } from './reading-databases.ts';

/** Where a log lies: the folder of a `store.db` and its packs. */
export type LogPlace = { readonly folder: string; readonly disk: MachineDisk };

/** The bodies of all changes in a log; none where there is no log. */
export function bodiesIn({ folder, disk }: LogPlace): Body[] {
  const read = (): Body[] =>
    reading(
      folder,
      (db) => {
        const chunks = new ChunkStore(db, `${folder}/packs`, disk.bytes, { readOnly: true });
        try {
          const changes = new Log(db, chunks).after(new Map(), { limit: Number.MAX_SAFE_INTEGER });
          return changes.map((change) => decode(bodyCodec, bodyBytes(change, chunks)));
        } finally {
          chunks.close();
        }
      },
      [],
    );
  return disk.withoutFaults(read);
}

export function chunksIn({ folder }: LogPlace): Set<string> {
  return reading(
    folder,
    (db) =>
      new Set(
        db
          .prepare('SELECT lower(hex(id)) AS id FROM chunk')
          .all()
          .map(({ id }) => String(id)),
      ),
    new Set<string>(),
  );
}

function reading<T>(folder: string, read: (db: ApplicationDatabase) => T, none: T): T {
  if (!existsSync(`${folder}/store.db`)) return none;
  const db = new ApplicationDatabase(`${folder}/store.db`, { readOnly: true });
  try {
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'change'").get() === undefined) return none;
    return read(db);
  } finally {
    db.close();
  }
}

/** The values of ours that a change carries. */
export function tokensOf(body: Body): string[] {
  if (body.kind !== 'database') return [];
  return body.ops.flatMap((op) => {
    if (op.kind === 'insert') return op.values.filter(isToken);
    if (op.kind === 'update') return op.cells.map(({ value }) => value).filter(isToken);
    return [];
  });
}

/** The contents that a change names. */
export function contentsOf(body: Body): DocumentContent[] {
  if (body.kind !== 'registry') return [];
  return body.ops.flatMap((op) => {
    if (op.kind !== 'set') return [];
    const cells = op.cells.filter(({ column, value }) => column === 'content' && value instanceof Uint8Array);
    return cells.map(({ value }) => decodeContent(value as Uint8Array));
  });
}
