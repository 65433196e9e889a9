/**
 * A large change of one's own that was damaged on this disk before the parent had it: it cannot be sent, and what was
 * done here since waits behind it. Nothing but a person can help, so it is told, also after a restart.
 */
import { stampMs } from '../core/clock.ts';
import type { Problem } from '../core/problem.ts';
import { at, type CopyId, type Vector, withEntry } from '../core/vector.ts';
import type { FileStore } from '../store/file-store.ts';
import type { StoredChange } from '../store/log.ts';
import type { Problems } from './problems.ts';
import type { SyncFolder } from './sync-folder.ts';

export interface OwnDamageOptions {
  readonly copy: CopyId;
  readonly folder: SyncFolder;
  readonly store: FileStore;
  readonly problems: Problems;
}

const KEY = 'damaged-change';
const PAGE = 256;

export class OwnDamage {
  readonly #options: OwnDamageOptions;

  constructor(options: OwnDamageOptions) {
    this.#options = options;
    this.#tell();
  }

  /** These chunks were found to be damaged. `parent`: what it has. */
  found(ids: readonly string[], parent: Vector): void {
    const damaged = new Set(ids);
    for (const change of this.#unsent(parent)) {
      if (change.content.kind !== 'parts' || !change.content.parts.some(({ id }) => damaged.has(id))) continue;
      this.#options.folder.damagedChange = change.seq;
      return this.#tell();
    }
  }

  /** The parent has the own log up to here: it had the chunk already, or got it from elsewhere. */
  confirmed(seq: number): void {
    const { folder, problems } = this.#options;
    const damaged = folder.damagedChange;
    if (damaged === undefined || damaged > seq) return;
    folder.damagedChange = undefined;
    problems.clear(KEY);
  }

  #tell(): void {
    const { copy, folder, store, problems } = this.#options;
    const seq = folder.damagedChange;
    const change = seq === undefined ? undefined : store.log.get({ copy, seq });
    if (change) problems.set(KEY, damagedChange(change));
  }

  *#unsent(parent: Vector): Generator<StoredChange> {
    const { copy, store } = this.#options;
    for (let from = at(parent, copy); ; ) {
      const page = store.log.after(withEntry(store.vector(), copy, from), { limit: PAGE });
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      from = last.seq;
    }
  }
}

function damagedChange({ stamp, size }: StoredChange): Problem {
  const when = Temporal.Instant.fromEpochMilliseconds(stampMs(stamp)).toString();
  return {
    code: KEY,
    text: `A change of ${size} bytes that was made here at ${when} is damaged on this disk and cannot be sent; all that was done here since waits behind it.`,
    remedy:
      'Have the disk checked. Make a new copy with `tieout copy` in another folder, and bring over what it lacks; then delete this one.',
  };
}
