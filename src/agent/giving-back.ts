/**
 * A hub that was brought back from a backup does not know a file that was published after it, takes it for one that is
 * still being published, or lacks contents that were saved since. Every copy has what the publisher signed: with it the
 * file is given back under its id. From then on the hub tells every copy so, and each hands over what lies with it and
 * is lacking there, before colleagues' versions replace it. Taken up again with each session until it is done.
 */
import type { Hash } from '../core/bytes.ts';
import { MalformedError } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import { includes } from '../core/vector.ts';
import type { Answer } from '../protocol/messages.ts';
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

  /** It is being found out what the hub lacks, or handed over. */
  get isAtWork(): boolean {
    return this.#handing;
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
    await this.#hub.ask({
      kind: 'restore',
      file: facts.file,
      copy: facts.copy,
      record: sealed,
      first: { copy, stamp, body: content.bytes, signature, chain },
    });
  }

  /**
   * A hub that was brought back from a backup lacks changes, and with them contents that it has said to keep. What it
   * still has costs its name only.
   */
  offerAgain(): void {
    const { store, registry, unsent, parent } = this.#copy;
    if (store.log.concerns(parent.vector, '')) unsent.offerAgain(registry.contentsAfter(parent.vector));
  }

  /**
   * The hub knows the file: hands over what it lacks, if it has forgotten what it had said to have, or anybody has given
   * the file back since. What lies here may be all that is left of a version, so no other replaces it before. A cut ends
   * it until the next session.
   */
  async lacking(): Promise<void> {
    this.#tried = false;
    const { folder, facts, exchange, parent } = this.#copy;
    if (this.#handing || facts.phase !== 'complete') return;
    this.#handing = true;
    try {
      if (folder.hubForgot || !includes(parent.vector, folder.parentVector)) await this.file();
      if (folder.hubForgot) folder.hubForgot = false;
      const given = await this.#given();
      if (given === null || given === folder.given) return;
      if (await this.#handAll()) folder.given = given;
    } catch (error) {
      // The line was cut, or the hub does not want it: the next session begins again, and only what is lacking goes.
      if (this.#copy.exchange === exchange && !(error instanceof ProblemError)) throw error;
    } finally {
      this.#handing = false;
    }
  }

  async #given(): Promise<Hash | null> {
    const question = { kind: 'snapshot', file: this.#copy.facts.file } as const;
    try {
      return givenOf(await this.#hub.ask(question));
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'unpublished') throw error;
      await this.file();
      return givenOf(await this.#hub.ask(question));
    }
  }

  /** False: the session is over. */
  async #handAll(): Promise<boolean> {
    const { folder, facts, registry, unsent, documents, databases, contents } = this.#copy;
    const { manifest } = openSnapshot(folder.snapshot as Uint8Array, facts.file, facts.office).record;
    unsent.offerChunks(manifest.map(({ id }) => id));
    const bases = databases.basePaths().map((path) => ({ path, content: undefined }));
    const seen = registry.observations
      .below('')
      .filter(({ subject }) => subject !== '')
      .map(({ subject, path, hash }) => ({
        path: documents.native(path),
        content: registry.contentByHash(subject, hash),
      }));
    const lying = [...bases, ...seen];
    for (let start = 0; start < lying.length; start += BATCH) {
      const { exchange } = this.#copy;
      if (exchange === null) return false;
      const some = lying.slice(start, start + BATCH);
      const ids = some.flatMap(({ content }) => content?.chunks.map(({ id }) => id) ?? []);
      const lacking = new Set(await exchange.chunks.lacking(ids));
      // Only what is lacking is read from the disk.
      const wanted = some.filter(({ content }) => content?.chunks.some(({ id }) => lacking.has(id)) ?? true);
      const paths = wanted.map(({ path }) => path);
      await contents.ingestInto(new Handover(exchange.chunks), paths);
    }
    return this.#copy.exchange !== null;
  }
}

function givenOf(answer: Answer): Hash | null {
  if (answer.kind !== 'snapshot') throw new MalformedError('another answer than asked for');
  return answer.given;
}

function nothingToGive(): ProblemError {
  return new ProblemError({
    code: 'unknown-file',
    text: 'The hub has no such file, or it is not open to you.',
    remedy: 'Ask the owner of the file.',
  });
}
