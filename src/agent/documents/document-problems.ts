/** What keeps single documents from being synced: each problem of a path once, since when, until it is over. */
import { type Problem, ProblemError } from '../../core/problem.ts';
import type { Clock } from '../../platform/ports.ts';

export type OpenProblem = Problem & {
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly since: number;
};

export class DocumentProblems {
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #open = new Map<string, OpenProblem>();

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  set(path: string, problem: Problem): void {
    const key = keyOf(path, problem.code);
    const known = this.#open.get(key);
    if (known?.text === problem.text) return;
    this.#open.set(key, { ...problem, path, since: known?.since ?? this.#clock.now() });
    this.#changed();
  }

  /** Without codes: whatever there was. */
  clear(path: string, ...codes: string[]): void {
    const over = [...this.#open].filter(
      ([, known]) => known.path === path && (codes.length === 0 || codes.includes(known.code)),
    );
    for (const [key] of over) this.#open.delete(key);
    if (over.length > 0) this.#changed();
  }

  has(path: string, codes: readonly string[]): boolean {
    return codes.some((code) => this.#open.has(keyOf(path, code)));
  }

  list(): OpenProblem[] {
    return [...this.#open.values()];
  }
}

/** What lies at a path cannot be read now: over when it was. */
export const UNREAD = ['in-use', 'unreadable-document'];

/** What lies at a path, and cannot be synced as it is: over when it is not there any more. */
export const UNSYNCED = [
  'unfit-name',
  'same-name',
  'symbolic-link',
  'special-file',
  'nested-copy',
  'keys',
  'no-database',
  ...UNREAD,
];

function keyOf(path: string, code: string): string {
  return `${code} ${path}`;
}

export function unfitName(path: string, why: string): Problem {
  return {
    code: 'unfit-name',
    text: `${path} is not synced: ${why}.`,
    remedy: 'Give it another name.',
    path,
  };
}

export function sameName(path: string, other: string): Problem {
  return {
    code: 'same-name',
    text: `${path} is not synced: on Windows and macOS it has the same name as ${other}.`,
    remedy: 'Give one of the two another name.',
    path,
  };
}

export function symbolicLink(path: string): Problem {
  return {
    code: 'symbolic-link',
    text: `${path} is a symbolic link, and is not synced: what it points to may lie outside of the file.`,
    remedy: 'Put the document itself into the folder.',
    path,
  };
}

export function specialFile(path: string): Problem {
  return {
    code: 'special-file',
    text: `${path} is neither a document nor a folder, and is not synced.`,
    remedy: 'Move it out of the folder.',
    path,
  };
}

export function nestedCopy(path: string): Problem {
  return {
    code: 'nested-copy',
    text: `${path} is a sync copy of its own, and is not part of this file.`,
    remedy: 'Move it out of the folder.',
    path,
  };
}

export function keptKeys(path: string, whose: 'machine' | 'hub'): Problem {
  const what = whose === 'machine' ? "a machine's own folder (TIEOUT_HOME)" : "a hub's own folder";
  return {
    code: 'keys',
    text: `${path} is ${what}, and is not synced: whoever had the keys in it could pass for that ${whose}.`,
    remedy: 'Move it out of the folder.',
    path,
  };
}

export function heldByProgram(path: string): Problem {
  return {
    code: 'held',
    text: `${path} is open in a program, so the newer version of a colleague waits.`,
    remedy: 'Close the document; it is brought up to date by itself.',
    path,
  };
}

export function busyDocument(path: string): Problem {
  return {
    code: 'in-use',
    text: `${path} cannot be read: another program holds it.`,
    remedy: 'Close the other program, or wait until it is done; Tieout tries again by itself.',
    path,
  };
}

/** The disk, or the rights on it, keep us from reading it; others hold it with `busyDocument`. */
export function unreadableDocument(path: string, why: Problem): Problem {
  return { ...why, code: 'unreadable-document', path };
}

export function inTheWay(path: string): Problem {
  return {
    code: 'in-the-way',
    text: `${path} cannot be put in its place: a folder, link or other file lies there.`,
    remedy: 'Move what lies there away; the document then appears by itself.',
    path,
  };
}

export function noDatabase(path: string): Problem {
  return {
    code: 'no-database',
    text: `${path} is a database of this file, and what lies there now is none.`,
    remedy: 'Give the new file another name, and put the database back.',
    path,
  };
}

export function manyGone(path: string, count: number): Problem {
  return {
    code: 'many-gone',
    text: `${count} documents have gone from ${path === '' ? 'the folder' : path} at once, so Tieout does not delete them for your colleagues.`,
    remedy: 'Connect the disk or put them back. If they are to go for everybody, use `tieout sync --delete-gone`.',
    path,
  };
}

export function folderGone(root: string): Problem {
  return {
    code: 'folder-gone',
    text: 'The folder of this copy is not there, or is not the same any more.',
    remedy: 'Connect its disk, or put the folder back where it was; nothing is deleted for your colleagues.',
    path: root,
  };
}

/** The disk, or we, failed while something was taken in. */
export function takingInFailed(error: unknown): Problem {
  if (error instanceof ProblemError) return { ...error.problem, code: 'disk' };
  const text = `What was saved could not be taken in: ${error instanceof Error ? error.message : String(error)}.`;
  return { code: 'disk', text, remedy: 'Tieout tries again by itself; if this stays, run `tieout doctor`.' };
}
