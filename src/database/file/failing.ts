/** What users' databases do to us, told as problems. */
import { type Problem, ProblemError } from '../../core/problem.ts';
import { storageKind } from '../../platform/storage-failure.ts';

const BUSY = 5;
const LOCKED = 6;

/** The application has the lock: it passes. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && ((code & 0xff) === BUSY || (code & 0xff) === LOCKED);
}

export function problemOf(error: unknown, path: string): Problem {
  if (error instanceof ProblemError) return error.problem;
  const kind = storageKind(error);
  if (kind === 'missing') return missing(path);
  if (kind === 'damaged') {
    return {
      code: 'damaged-database',
      text: 'This database cannot be read: its content is damaged, or it is not a SQLite database.',
      remedy:
        'Restore it with the program that owns it, or move it away: it then comes back with all that was taken in. What others do is kept for it.',
      path,
    };
  }
  if (kind !== undefined) {
    return {
      code: `database-${kind}`,
      text: `This database cannot be brought up to date: ${(error as Error).message}.`,
      remedy: 'See that the disk has room and that your user may write the database and its folder.',
      path,
    };
  }
  return {
    code: 'database-stopped',
    text: `This database is no longer followed: ${(error as Error).message}`,
    remedy: 'It is tried again when it is edited. If it stays so, run `tieout doctor` and report what it says.',
    path,
  };
}

/** `why`: what of its own program's SQLite knows, and that of nobody else. */
export function notFollowed(path: string, why: string): ProblemError {
  return new ProblemError({
    code: 'database-not-followed',
    text: `This database cannot be shared: only the program that made it can read it (${why}).`,
    remedy:
      'It stays on this computer as it is, and nothing of it is in the file; the rest is. Move it out of the folder, or share what is in it in another form.',
    path,
  });
}

/** SQLite takes it for a database without tables. It is being copied over, rather, or could not be. */
export function emptied(path: string): ProblemError {
  return new ProblemError({
    code: 'damaged-database',
    text: 'This database is an empty file.',
    remedy:
      'Restore it with the program that owns it, or move it away: it then comes back with all that was taken in. What others do is kept for it.',
    path,
  });
}

export function busyProblem(path: string): Problem {
  return {
    code: 'database-busy',
    text: 'A program has kept this database locked for a long time; colleagues’ edits wait.',
    remedy: 'Finish or close what is open in that program.',
    path,
  };
}

export function rowsRenewed(path: string): Problem {
  return {
    code: 'rows-damaged',
    text: 'What was worked out of this database was damaged on the disk. It is being worked out anew; nothing is lost.',
    remedy: 'Try again in a moment. If it happens again, check the disk.',
    path,
  };
}

function missing(path: string): Problem {
  return {
    code: 'database-missing',
    text: 'This database is not there, or cannot be opened.',
    remedy: 'Put it back in its place, or delete it in the file for everybody.',
    path,
  };
}
