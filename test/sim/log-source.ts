/** The log as the database process reads it: over a connection of its own that only reads. */
import type { SyncFolder } from '../../src/agent/sync-folder.ts';
import { STORE_SCHEMA } from '../../src/agent/sync-folder.ts';
import type { ChangeSource } from '../../src/database/source.ts';
import { bodyBytes } from '../../src/store/file-store.ts';
import { Log, type StoredChange } from '../../src/store/log.ts';
import { openStore } from '../../src/store/sqlite.ts';

export function logSource(folder: SyncFolder): ChangeSource {
  const db = openStore(folder.path('store.db'), { schema: STORE_SCHEMA, synchronous: 'FULL', readOnly: true });
  const log = new Log(db);
  return {
    vector() {
      log.reload();
      return log.vector();
    },
    after: (vector, options) => log.after(vector, options),
    body: (change) => bodyBytes(change as StoredChange, folder.chunks),
  };
}
