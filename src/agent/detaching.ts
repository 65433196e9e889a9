/**
 * The end of a sync copy: what is ours goes out of its databases and its folder, and ordinary files stay. From the
 * moment on that the sync folder says so it is no copy any more. Every step leaves a state from which the same command
 * goes on: the databases first, each in one transaction, the sync folder last, and in it what says so at the very end.
 */
import { ProblemError, StorageError } from '../core/problem.ts';
import { COPIES, setOp } from '../core/registry.ts';
import type { DatabaseEvents, Databases } from '../database/host.ts';
import type { FileBytes, Files } from '../platform/ports.ts';
import { RETIRED } from './compaction/live-copies.ts';
import type { Copy } from './copy.ts';
import type { MakeDatabases } from './copy-databases.ts';
import { keepsHere, problemsOf } from './copy-status.ts';
import { isDatabase, listFolder, ownFolder } from './documents/walking.ts';
import type { Ledger } from './ledger.ts';
import { SYNC_FOLDER, SyncFolder } from './sync-folder.ts';
import { handOver, parentHasAll } from './syncing.ts';

/** In the sync folder: what it states of itself. Without it there is no copy. */
const STORE = `${SYNC_FOLDER}/store.db`;

/** A sync folder whose statement is lost has no copy's name either. */
const NOBODY = '0'.repeat(32);

/** Nothing is followed: there is nothing to tell. */
const SILENT: DatabaseEvents = {
  append: () => Promise.reject(new Error('a copy that is being detached makes no changes')),
  applied: () => {},
  problems: () => {},
};

/** Takes in and sends what was saved; throws a `ProblemError` unless the hub then has everything that was done here. */
export async function mustBeSafe(copy: Copy, signal: AbortSignal): Promise<void> {
  if (copy.facts.phase !== 'complete') throw notSafe('This copy was never completed.');
  if (copy.facts.offline) throw notSafe('It works offline, as you asked; `tieout online` ends that.');
  const damaged = problemsOf(copy).find(({ code }) => code === 'damaged-change');
  if (damaged) throw notSafe(damaged.text);
  try {
    await handOver(copy, signal);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code === 'interrupted') throw error;
    throw notSafe(error.problem.text);
  }
  const kept = keepsHere(copy);
  if (kept) throw notSafe(`${kept.path === undefined ? '' : `${kept.path}: `}${kept.text}`);
  if (!copy.documents.quiet()) throw notSafe('Something is being saved in it at this moment.');
}

/**
 * Says in the file that this copy is used no longer, so that nobody waits for it or names it among those who have copies.
 * From here on it is being detached, whatever happens: where the hub goes away at this moment it stays named as one that
 * was last seen then.
 */
export async function takeLeave(copy: Copy, signal: AbortSignal): Promise<void> {
  try {
    await copy.record([setOp(COPIES, copy.facts.copy, { [RETIRED]: { value: 1n, over: [] } })]);
    await parentHasAll(copy, signal);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}

export interface DetachingOptions {
  readonly root: string;
  readonly files: Files;
  readonly fileBytes: FileBytes;
  readonly ledger: Ledger;
  readonly makeDatabases: MakeDatabases;
}

/** Takes out what is ours. Throws a `ProblemError` that names what could not be done; done is done then. */
export async function takeOut({ root, files, fileBytes, ledger, makeDatabases }: DetachingOptions): Promise<void> {
  const folder = new SyncFolder(root, fileBytes);
  try {
    const copy = folder.facts?.copy ?? ledger.lookup(root)?.copy;
    const databases = makeDatabases(copy ?? NOBODY, folder, SILENT);
    try {
      await takeOutOfFiles(files, databases);
    } finally {
      await databases.stop();
    }
    // Its numbers stay used. Forgotten before the folder is: nobody shall look for a copy in what is left of it.
    if (copy !== undefined && ledger.entry(copy)) ledger.leave(copy);
  } finally {
    folder.close();
  }
  removeSyncFolder(files);
  await files.syncFolder('');
}

/** What a detach that was cut short has left, of which the ledger knows nothing any more. */
export function isLeftOver(root: string, files: Files, fileBytes: FileBytes): boolean {
  if (files.facts(SYNC_FOLDER)?.kind !== 'folder') return false;
  // A TIEOUT_HOME or a hub's folder may be called so: whatever lies beside it was never a copy, and its keys stay.
  if (files.facts(STORE) === undefined) return ownFolder(files, SYNC_FOLDER) === undefined;
  const folder = new SyncFolder(root, fileBytes);
  const phase = folder.facts?.phase;
  folder.close();
  return phase === 'detaching';
}

/** Every database below the folder, also one that a publish or a person has left there: marks may be in any of them. */
async function takeOutOfFiles(files: Files, databases: Databases): Promise<void> {
  const failed: string[] = [];
  const left = [''];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    const listed = listFolder(files, folder);
    // Another copy inside of this one is none of ours.
    if (listed === undefined || listed.own !== undefined) continue;
    left.push(...listed.folders);
    for (const path of listed.temporaries) files.remove(path);
    for (const { path } of listed.files) {
      if (isDatabase(files, path) === false) continue;
      try {
        await databases.detach(files.native(path));
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        failed.push(`${path}: ${error.problem.text} ${error.problem.remedy}`);
      }
    }
  }
  if (failed.length > 0) throw notTakenOut(failed);
}

/** What it states of itself goes last. */
export function removeSyncFolder(files: Files): void {
  for (const { name } of files.list(SYNC_FOLDER) ?? []) {
    if (!name.startsWith('store.db')) removeTree(files, `${SYNC_FOLDER}/${name}`);
  }
  removeTree(files, SYNC_FOLDER);
}

function removeTree(files: Files, path: string): void {
  const facts = files.facts(path);
  if (facts === undefined) return;
  if (facts.kind === 'folder') {
    for (const { name } of files.list(path) ?? []) removeTree(files, `${path}/${name}`);
  }
  const removed = facts.kind === 'folder' ? files.removeFolder(path) : files.remove(path);
  if (removed !== 'done' && removed !== 'missing') throw notRemoved(path);
}

function notSafe(why: string): ProblemError {
  return new ProblemError({
    code: 'not-safe',
    text: `The hub does not have everything that was done in this copy. ${why}`,
    remedy: 'See `tieout status` there; or use `--unsent`: what the hub lacks then stays in the folder only.',
  });
}

function notTakenOut(failed: readonly string[]): ProblemError {
  return new ProblemError({
    code: 'not-detached',
    text: `Not everything of ours could be taken out. ${failed.join(' ')}`,
    remedy: 'Then use `tieout detach` again: it goes on where it stopped.',
  });
}

function notRemoved(path: string): StorageError {
  return new StorageError('in-use', {
    text: `${path} cannot be deleted: a program has it open, or has put something there.`,
    remedy: 'Use `tieout detach` again when it is free.',
    path,
  });
}
