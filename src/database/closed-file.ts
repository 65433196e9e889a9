/** Whether anybody has written to a database since we closed it, by what its files look like. */
import { isDeepStrictEqual } from 'node:util';
import { WRITES_SHOW_LATE } from '../platform/file-facts.ts';
import type { FileFacts } from '../platform/ports.ts';

/** What a look shows of the database, its -wal and its -journal: everything that somebody who commits touches. */
type Look = readonly string[];

const ENDS = ['', '-wal', '-journal'];

export class ClosedFile {
  readonly #path: string;
  readonly #facts: (path: string) => FileFacts | undefined;
  readonly #showsLate: boolean;
  #atRest: Look | null = null;
  /** Empty: somebody may have written to it unseen. */
  #closed: Look | null = null;

  constructor(path: string, facts: (path: string) => FileFacts | undefined, showsLate = WRITES_SHOW_LATE) {
    this.#path = path;
    this.#showsLate = showsLate;
    this.#facts = facts;
  }

  /** All is done in the file, and its -wal is in it. */
  rests(): void {
    this.#atRest = this.#look();
  }

  /**
   * A file that is written twice within one tick of its volume's clock (up to 2 s) looks as after the first. So it is
   * known only if it is as it was at rest, long before; or whoever opens it compares. Closing takes its -wal away.
   * Closed amid its work (the disk failed, too many rows are gone) there may be more to find in it.
   */
  closes(): void {
    const now = this.#look();
    const then = this.#atRest;
    const isKnown = then !== null && now.every((text, at) => text === then[at] || (at > 0 && text === ''));
    this.#closed = isKnown ? now : [];
    this.#atRest = null;
  }

  /** It was never closed here. */
  get isNew(): boolean {
    return this.#closed === null;
  }

  get isAsClosed(): boolean {
    const now = this.#look();
    // A -wal is there while a program has the database open.
    if (this.#showsLate && now[1] !== '') return false;
    return this.#closed !== null && isDeepStrictEqual(this.#closed, now);
  }

  #look(): Look {
    return ENDS.map((end) => textOf(this.#facts(this.#path + end)));
  }
}

function textOf(facts: FileFacts | undefined): string {
  return facts?.kind === 'file' ? `${facts.inode} ${facts.size} ${facts.mtimeNs}` : '';
}
