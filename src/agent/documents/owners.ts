/**
 * Whether somebody has a document open, by the owner files that editors put beside it. They stay behind when an editor
 * crashes, so old ones from this computer do not count.
 */
import { ownerNames } from '../../core/not-documents.ts';
import { nameOf, parentOf, within } from '../../core/paths.ts';
import type { Clock, Files } from '../../platform/ports.ts';

/** An owner file that nobody has touched for this long was left behind: nobody edits for days without closing. */
const LEFT_BEHIND_MS = 36 * 3_600_000;
/** Owner files of office programs are a few hundred bytes. */
const MAX_OWNER_FILE = 4096;

export type Owner = {
  /** As the editor writes it; '' when it does not say. */
  readonly user: string;
  readonly host: string;
};

export class Owners {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #host: string;

  constructor(files: Files, clock: Clock, host: string) {
    this.#files = files;
    this.#clock = clock;
    this.#host = host;
  }

  /**
   * Who has the document open; undefined: nobody that can be seen. `present` are the names in its folder, for those who
   * ask about many.
   */
  of(path: string, present?: { has(name: string): boolean }): Owner | undefined {
    for (const name of ownerNames(nameOf(path))) {
      if (present && !present.has(name)) continue;
      const place = within(parentOf(path), name);
      const facts = this.#files.facts(place);
      if (facts === undefined || facts.kind === 'folder') continue;
      const age = this.#clock.now() - Number(facts.mtimeNs / 1_000_000n);
      if (age > LEFT_BEHIND_MS) continue;
      const owner = facts.kind === 'file' ? this.#read(place, facts.size) : undefined;
      return owner ?? { user: '', host: this.#host };
    }
    return undefined;
  }

  #read(path: string, size: number): Owner | undefined {
    const file = this.#files.open(path, 'read');
    if (typeof file === 'string') return undefined;
    try {
      const bytes = Buffer.alloc(Math.min(size, MAX_OWNER_FILE));
      return parseOwner(nameOf(path), bytes.subarray(0, file.read(bytes, 0)));
    } finally {
      file.close();
    }
  }
}

/** LibreOffice: `,user,host,date,profile;` (the first field is the full name). Office: a length byte, then the name. */
function parseOwner(name: string, bytes: Buffer): Owner | undefined {
  if (name.startsWith('.~lock.')) {
    const [fullName = '', login = '', host = ''] = bytes.toString('utf8').split(',');
    return { user: fullName || login, host };
  }
  if (name.startsWith('~$') && bytes.length > 1) {
    const length = Math.min(bytes[0]!, 54, bytes.length - 1);
    return {
      user: bytes
        .subarray(1, 1 + length)
        .toString('latin1')
        .trim(),
      host: '',
    };
  }
  return undefined;
}
