/** Folding the registry's changes from their bytes, for whoever has the log. */
import { body as bodyCodec, type RegistryOp } from '../core/body.ts';
import type { Change } from '../core/change.ts';
import { decode, MalformedError } from '../core/codec.ts';
import { EMPTY, withEntry } from '../core/vector.ts';
import type { FileStore } from '../store/file-store.ts';
import type { StoredChange } from '../store/log.ts';
import type { Registry } from '../store/registry.ts';
import { DamagedChunk } from '../store/stored-chunk.ts';
import type { RegistryChange } from './documents/past.ts';

const PAGE = 1000;

/**
 * False: the body cannot be read. Its maker signed it, so the log stays closed; it has no effect on any copy.
 */
export function foldRegistry(registry: Registry, change: Change, bytes: Uint8Array): boolean {
  try {
    const read = decode(bodyCodec, bytes);
    if (read.kind === 'registry') registry.fold(change, read);
    return true;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

/** All changes of the registry that can be read, in a causal order, a page at a time. */
export function* registryChanges(store: FileStore): Generator<RegistryChange> {
  for (let from = EMPTY; ; ) {
    const page = store.log.after(from, { subject: '', limit: PAGE });
    for (const change of page) {
      const { copy, seq, stamp } = change;
      from = withEntry(from, copy, seq);
      const ops = readableOps(store, change);
      if (ops) yield { by: { copy, seq, stamp }, ops };
    }
    if (page.length === 0) return;
  }
}

/** undefined: they cannot be read, and had no effect. */
export function readableOps(store: FileStore, change: StoredChange): readonly RegistryOp[] | undefined {
  try {
    const read = decode(bodyCodec, store.registryBody(change));
    return read.kind === 'registry' ? read.ops : undefined;
  } catch (error) {
    if (error instanceof MalformedError || error instanceof DamagedChunk) return undefined;
    throw error;
  }
}
