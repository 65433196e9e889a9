/** Folding the registry's changes from their bytes, for whoever has the log. */
import { body as bodyCodec } from '../core/body.ts';
import type { Change } from '../core/change.ts';
import { decode, MalformedError } from '../core/codec.ts';
import type { Registry } from '../store/registry.ts';

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
