/** Why a folder cannot be, become or go on as a sync copy, in words for its user. */
import { ProblemError, StorageError } from '../core/problem.ts';
import { SYNC_FOLDER } from './sync-folder.ts';

/** The problem of a folder that must go on under a new id. */
export const COPIED = 'copied-folder';

/** The problem of a folder that was a copy and is none any more, while traces of us are in it. */
export const DETACHING = 'being-detached';
/** The problem of a copy whose sync folder is not in its place. */
export const GONE = 'copy-gone';

export function alreadyCopy(root: string): ProblemError {
  return new ProblemError({
    code: 'already-a-copy',
    text: `${root} is a sync copy already.`,
    remedy: 'See `tieout status` there; choose another folder for another copy.',
    path: root,
  });
}

export function copiedFolder(path: string): ProblemError {
  return new ProblemError({
    code: COPIED,
    text: `${path} is a duplicate or an older backup of a sync copy, so it must not go on as that copy.`,
    remedy: 'It becomes a copy of its own by itself, as soon as the hub is in reach. Nothing done in it is lost.',
    path,
  });
}

/** What it lacks was packed while it was away, or its owner no longer waited for it. */
export function wasAway(path: string): ProblemError {
  return new ProblemError({
    code: COPIED,
    text: `${path} was away for so long, or was given up by the owner of the file, that it goes on as a new copy.`,
    remedy: 'It does so by itself, as soon as the hub is in reach. Nothing done in it is lost.',
    path,
  });
}

/** The hub knows other work of a colleague than this copy does. */
export function isBranched(path: string): ProblemError {
  return new ProblemError({
    code: COPIED,
    text: `The hub and a colleague's machine were brought back from backups, and ${path} has work that neither knows any more.`,
    remedy: 'It is given to them by itself, as soon as the hub is in reach. Nothing of it is lost.',
    path,
  });
}

/** Why a copy goes on under a new id. */
export const WHY_RENEWED = { forked: copiedFolder, away: wasAway, branched: isBranched };

export function notThere(path: string): ProblemError {
  return new ProblemError({
    code: GONE,
    text: `The sync folder ${SYNC_FOLDER} is not in ${path} any more.`,
    remedy:
      'Put the folder back where it was, or make a new copy with `tieout copy`. If it is not to come back, `tieout detach FOLDER --unsent` takes it off the list.',
    path,
  });
}

export function notACopy(path: string): ProblemError {
  return new ProblemError({
    code: 'not-a-copy',
    text: `${path} is not in a sync copy of this machine.`,
    remedy: 'See `tieout copies` for those that are; make one with `tieout copy NAME`.',
    path,
  });
}

export function notJoined(): ProblemError {
  return new ProblemError({
    code: 'not-joined',
    text: 'This machine is not enrolled with a hub yet.',
    remedy: 'Ask for an invitation and use `tieout join INVITATION`.',
  });
}

export function notAFolder(path: string, kind: string | undefined): ProblemError {
  return new ProblemError({
    code: 'not-a-folder',
    text: kind === undefined ? `There is no folder ${path}.` : `${path} is no folder.`,
    remedy: 'Name the folder with everything that is to be shared.',
    path,
  });
}

export function nestedCopies(path: string, other: string): ProblemError {
  return new ProblemError({
    code: 'nested-copy',
    text: `${path} and the sync copy ${other} lie in each other.`,
    remedy: 'Choose a folder outside of it.',
    path,
  });
}

export function wholeDisk(path: string): ProblemError {
  return new ProblemError({
    code: 'whole-disk',
    text: `${path} holds the home folder of this account: it is no folder of a client file.`,
    remedy: 'Name the folder with everything that is to be shared, and nothing else.',
    path,
  });
}

export function keysInside(path: string, place: string, whose: 'machine' | 'hub'): ProblemError {
  const what = whose === 'machine' ? "a machine's own folder (TIEOUT_HOME)" : "a hub's own folder";
  const lies = path === place ? `is ${what}` : `lies in ${place}, ${what}`;
  return new ProblemError({
    code: 'keys',
    text: `${path} ${lies}: whoever had the keys in it could pass for that ${whose}.`,
    remedy: 'Name a folder outside of it.',
    path,
  });
}

export function beingDetached(path: string): ProblemError {
  return new ProblemError({
    code: DETACHING,
    text: `${path} is no sync copy any more: it is being detached, and that is not finished.`,
    remedy: 'Use `tieout detach` there again: it goes on where it stopped.',
    path,
  });
}

/** What Tieout keeps in the sync folder cannot be read; the files of the user are none of it. */
function damagedCopy(path: string, error: StorageError): ProblemError {
  const text = `The sync folder of ${path} is damaged: ${error.problem.text}`;
  const remedy =
    'Your documents and databases in there are not touched by that. Check the disk, make a new copy with `tieout copy` in another folder, and bring over what you saved since this one was last in sync; then delete this folder.';
  return new ProblemError({ code: 'damaged-copy', text, remedy, path }, { cause: error });
}

/** Nothing that is known to go wrong: a mistake of ours, or a sync folder that is damaged in a way nobody thought of. */
function notOpened(path: string, error: unknown): ProblemError {
  const text = `${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}.`;
  const remedy = 'The log of the agent (logs/agent.log in TIEOUT_HOME) says more; report it, or make a new copy.';
  return new ProblemError({ code: 'not-opened', text, remedy, path }, { cause: error });
}

/** What a copy is listed with that an error keeps closed. */
export function whyClosed(path: string, error: unknown): ProblemError {
  if (error instanceof StorageError && error.kind === 'damaged') return damagedCopy(path, error);
  return error instanceof ProblemError ? error : notOpened(path, error);
}
