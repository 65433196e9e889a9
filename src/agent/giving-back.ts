/**
 * A hub that was brought back from a backup does not know a file that was published after it, or takes it for one that
 * is still being published. Every copy has what the publisher signed: with it the file is made there again under its id, and then whatever of its contents lies here is
 * handed over. Taken up again with each session until it is done.
 */
import { ProblemError } from '../core/problem.ts';
import { openSnapshot } from '../store/snapshot.ts';
import type { Copy } from './copy.ts';
import { Handover } from './handover.ts';
import type { HubConnection } from './hub-connection.ts';

/** Documents that are read together. */
const BATCH = 1024;

export class GivingBack {
  readonly #copy: Copy;
  readonly #hub: HubConnection;
  #handing = false;
  #tried = false;

  constructor(copy: Copy, hub: HubConnection) {
    this.#copy = copy;
    this.#hub = hub;
  }

  /** The copy is complete, and it was not tried in vain since the hub last knew the file. */
  get mayHelp(): boolean {
    return this.#copy.facts.phase === 'complete' && !this.#tried;
  }

  /** Makes the file known to the hub. Throws a `ProblemError` when it cannot, or does not want it. */
  async file(): Promise<void> {
    const { facts, folder, store } = this.#copy;
    const sealed = folder.snapshot;
    const record = sealed && openSnapshot(sealed, facts.file, facts.office).record;
    const first = record && store.log.get({ copy: record.maker, seq: 1 });
    if (sealed === undefined || first === undefined || first.content.kind !== 'inline') throw nothingToGive();
    const { copy, stamp, content, signature, chain } = first;
    this.#tried = true;
    // Noted first: a hub that knows the file again and lacks its contents looks like any other.
    folder.isGivingBack = true;
    await this.#hub.ask({
      kind: 'restore',
      file: facts.file,
      copy: facts.copy,
      record: sealed,
      first: { copy, stamp, body: content.bytes, signature, chain },
    });
  }

  /** The hub knows the file: hands over what it lacks, if this was begun. A cut ends it until the next session. */
  async reached(): Promise<void> {
    this.#tried = false;
    const { folder, facts, exchange } = this.#copy;
    if (this.#handing || facts.phase !== 'complete') return;
    this.#handing = true;
    try {
      if (await this.#isUnpublished()) await this.file();
      if (!folder.isGivingBack) return;
      if (await this.#handAll()) folder.isGivingBack = false;
    } catch (error) {
      // The line was cut, or the hub does not want it: the next session begins again, and only what is lacking goes.
      if (this.#copy.exchange === exchange && !(error instanceof ProblemError)) throw error;
    } finally {
      this.#handing = false;
    }
  }

  async #isUnpublished(): Promise<boolean> {
    try {
      await this.#hub.ask({ kind: 'snapshot', file: this.#copy.facts.file });
      return false;
    } catch (error) {
      if (error instanceof ProblemError && error.problem.code === 'unpublished') return true;
      throw error;
    }
  }

  /** False: the session is over. */
  async #handAll(): Promise<boolean> {
    const { folder, facts, registry, unsent, documents, databases, contents } = this.#copy;
    const { manifest } = openSnapshot(folder.snapshot as Uint8Array, facts.file, facts.office).record;
    unsent.offerChunks(manifest.map(({ id }) => id));
    const seen = registry.observations.below('').filter(({ subject }) => subject !== '');
    const paths = [...databases.basePaths(), ...seen.map(({ path }) => documents.native(path))];
    for (let start = 0; start < paths.length; start += BATCH) {
      const { exchange } = this.#copy;
      if (exchange === null) return false;
      await contents.ingestInto(new Handover(exchange.chunks), paths.slice(start, start + BATCH));
    }
    return this.#copy.exchange !== null;
  }
}

function nothingToGive(): ProblemError {
  return new ProblemError({
    code: 'unknown-file',
    text: 'The hub has no such file, or it is not open to you.',
    remedy: 'Ask the owner of the file.',
  });
}
