/** A first look into a file: one that cannot be read now is named, and keeps nothing else waiting. */
import { StorageError } from '../../core/problem.ts';
import { busyDocument, type DocumentProblems, unreadableDocument } from './document-problems.ts';
import type { Noticing } from './noticing.ts';

/** A file that is held, or that the disk failed to read, is looked at again after this. */
const AGAIN_MS = 1000;

/** What `look` finds at a path; undefined: it cannot be read now. */
export function sniffed<T>(
  path: string,
  { problems, noticing }: { readonly problems: DocumentProblems; readonly noticing: Noticing },
  look: () => T | 'unknown',
): T | undefined {
  try {
    const found = look();
    if (found !== 'unknown') return found;
    problems.set(path, busyDocument(path));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    problems.set(path, unreadableDocument(path, error.problem));
    // A right is given by a person: the next scan, or the watcher, comes upon it.
    if (error.kind === 'no-permission') return undefined;
  }
  noticing.defer(path, AGAIN_MS);
  return undefined;
}
