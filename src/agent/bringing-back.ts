/** Databases and documents that a change deleted, brought back for everybody by a new change. */
import type { RegistryOp } from '../core/body.ts';
import { DATABASES, DOCUMENTS, setOp } from '../core/registry.ts';
import type { StoredChange } from '../store/log.ts';
import type { Entry, Registry } from '../store/registry.ts';
import type { Copy } from './copy.ts';
import { readableOps } from './registry-folding.ts';

export interface BroughtBack {
  readonly entries: readonly Entry[];
  readonly left: readonly { readonly path: string; readonly why: string }[];
}

/** undefined: the change deleted nothing. Returns when what came back is in its place here, if that can be had now. */
export async function bringBack(copy: Copy, change: StoredChange): Promise<BroughtBack | undefined> {
  const { registry, store, documents, databases } = copy;
  const deleted = (readableOps(store, change) ?? []).flatMap(({ kind, row }) =>
    kind === 'remove' && row !== null ? (registry.entry(row) ?? []) : [],
  );
  if (deleted.length === 0) return undefined;
  const judged = deleted.map((entry) => ({ entry, why: obstacle(registry, entry) }));
  const free = judged.filter(({ why }) => why === null).map(({ entry }) => entry);
  if (free.length > 0) {
    await copy.record(free.map((entry) => revival(registry, entry)));
    await databases.placed();
    documents.place();
    await documents.placed();
  }
  return {
    entries: free.flatMap(({ id }) => registry.entry(id) ?? []),
    left: judged.flatMap(({ entry, why }) => (why === null ? [] : [{ path: entry.path, why }])),
  };
}

/** It is written where it was, by somebody who knows of the deletions: that settles them. */
export function revival(registry: Registry, { id, kind, path }: Entry): RegistryOp {
  const table = kind === 'database' ? DATABASES : DOCUMENTS;
  const { cells, deletions } = registry.row(table, id);
  return setOp(table, id, { path: { value: path, over: [...(cells.get('path') ?? []), ...deletions] } });
}

/** Beside what has its name now it would be shown under another, which nobody has asked for. */
function obstacle(registry: Registry, { alive, path }: Entry): string | null {
  if (alive) return 'it is there';
  return registry.entryAt(path) ? 'something else has its name now; rename that, then undo this again' : null;
}
