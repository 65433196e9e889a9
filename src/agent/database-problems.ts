/** What can keep a database from its place, in words for its user. */
import { type Problem, ProblemError } from '../core/problem.ts';

export function unreadableDatabase(path: string): ProblemError {
  return new ProblemError({
    code: 'unreadable-database',
    text: `${path} cannot be read now.`,
    remedy: 'Close the program that holds it; it is tried again.',
    path,
  });
}

export function waitsForRename(from: string, to: string): Problem {
  return {
    code: 'waits-for-rename',
    text: `${from} was renamed to ${to} by a colleague and is open here.`,
    remedy: 'Close the program that uses it; the name then follows by itself.',
    path: from,
  };
}

export function waitsForName(from: string, to: string): Problem {
  return {
    code: 'waits-for-rename',
    text: `${from} was renamed to ${to} by a colleague, and another database has that name here still.`,
    remedy: 'It follows by itself when that one has moved; where two wait for each other, rename one of them.',
    path: from,
  };
}

export function databaseInTheWay(path: string): Problem {
  return {
    code: 'in-the-way',
    text: `${path} cannot be placed: another file lies there, or under the name of its log or journal.`,
    remedy: 'Move that file away; the database then appears by itself.',
    path,
  };
}

export function damagedBase(path: string): Problem {
  return {
    code: 'damaged-base',
    text: `What Tieout keeps of ${path} as it was when it was published is damaged or gone on this disk.`,
    remedy: 'It is fetched again as soon as the hub or a colleague is in reach. Have the disk checked.',
    path,
  };
}

export function notEntered(): ProblemError {
  return new ProblemError({
    code: 'not-entered',
    text: 'The rows of a database that was made twice were not entered.',
    remedy: 'Tieout tries again by itself.',
  });
}
