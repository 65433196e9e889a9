/**
 * Fills a new copy: the base's documents are written straight into the folder, without a rename each, in large batches
 * by the workers, and observed once a flush has made them durable. Goes on where a crash or a cut left it.
 */
import { foldPath, parentOf } from '../../core/paths.ts';
import type { FileFacts, Files } from '../../platform/ports.ts';
import { type Observation, type Observations, observationOf, type UnseenBase } from '../../store/observations.ts';
import type { DocumentProblems } from './document-problems.ts';
import type { Hands } from './hands.ts';
import type { ChunkSource, Contents, DocumentEvent } from './ports.ts';
import { isUntouched } from './replaced.ts';

const BATCH_DOCUMENTS = 512;
const BATCH_BYTES = 32 * 1024 * 1024;
const BATCHES = 3;
/** Written and not yet observed: as much as is written again after a power cut. */
const GROUP_DOCUMENTS = 8192;

export type StraightOptions = {
  readonly files: Files;
  readonly observations: Observations;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly transaction: <T>(write: () => T) => T;
  readonly problems: DocumentProblems;
  readonly hands: Hands;
  readonly tell: (event: DocumentEvent) => void;
  readonly signal: AbortSignal;
};

type Written = { readonly base: UnseenBase; readonly facts: FileFacts };

type Sorted = {
  readonly free: readonly UnseenBase[];
  /** Of those, what a former try may have finished. */
  readonly former: readonly UnseenBase[];
  /** What has something else at its path. */
  readonly strangers: readonly UnseenBase[];
};

export class StraightPlacing {
  readonly #options: StraightOptions;
  #left = { documents: 0, bytes: 0 };
  #unavailable = 0;
  /** What is found at the path of a base document up to here, after a crash, is ours, if it did not lie there before. */
  #former: string | undefined;

  constructor(options: StraightOptions) {
    this.#options = options;
  }

  /** Is this copy new, or was its filling cut short? */
  get applies(): boolean {
    const { observations } = this.#options;
    return (
      observations.straightUpTo() !== undefined ||
      (observations.count() === 0 && observations.unseenBaseTotals().documents > 0)
    );
  }

  missing(): { documents: number; bytes: number } {
    return { ...this.#left };
  }

  /** 'unavailable': some content could not be had; call again when it may. */
  async run(): Promise<'done' | 'unavailable'> {
    const { observations, transaction, signal } = this.#options;
    this.#former = observations.straightUpTo();
    this.#left = observations.unseenBaseTotals();
    this.#unavailable = 0;
    let flushing: Promise<void> = Promise.resolve();
    let after = '';
    for (;;) {
      const group = observations.unseenBase(after, GROUP_DOCUMENTS);
      if (group.length === 0 || signal.aborted) break;
      after = group.at(-1)!.folded;
      const sorted = this.#whatIsFree(group);
      transaction(() => {
        observations.setStraightUpTo(this.#furthest(after));
        for (const { folded } of sorted.strangers) observations.putStranger(folded);
      });
      const written = await this.#writeGroup(sorted);
      await flushing;
      flushing = this.#observe(written);
    }
    await flushing;
    if (this.#unavailable > 0 || signal.aborted) return 'unavailable';
    transaction(() => observations.setStraightUpTo(undefined));
    return 'done';
  }

  #furthest(folded: string): string {
    return this.#former !== undefined && this.#former > folded ? this.#former : folded;
  }

  async #writeGroup({ free, former }: Sorted): Promise<Written[]> {
    const { hands } = this.#options;
    hands.take(free.map(({ path }) => path));
    const written = await this.#wholeAlready(former);
    const isWhole = new Set(written.map(({ base }) => base.id));
    const batches = batchesOf(free.filter(({ id }) => !isWhole.has(id)));
    const work = async () => {
      for (let batch = batches.shift(); batch && !this.#options.signal.aborted; batch = batches.shift()) {
        written.push(...(await this.#writeBatch(batch)));
      }
    };
    try {
      await Promise.all(Array.from({ length: BATCHES }, work));
      return written;
    } finally {
      const done = new Set(written.map(({ base }) => base.path));
      hands.release(free.map(({ path }) => path).filter((path) => !done.has(path)));
    }
  }

  /** What a former try has finished and could not observe any more is proved by its hash, and not fetched again. */
  async #wholeAlready(former: readonly UnseenBase[]): Promise<Written[]> {
    const { contents, files } = this.#options;
    const whole: Written[] = [];
    for (let at = 0; at < former.length; at += BATCH_DOCUMENTS) {
      const some = former.slice(at, at + BATCH_DOCUMENTS);
      const read = await contents.ingest(
        some.map(({ path }) => files.native(path)),
        { keep: false },
      );
      for (const [index, base] of some.entries()) {
        const one = read[index];
        if (one?.kind === 'done' && one.content.hash === base.content.hash) whole.push({ base, facts: one.after });
      }
    }
    return whole;
  }

  async #writeBatch(batch: readonly UnseenBase[]): Promise<Written[]> {
    const { contents, files, source, problems, signal } = this.#options;
    const wanted = batch.map(({ path, content }) => ({ path: files.native(path), content }));
    const onProgress = (bytes: number) => {
      this.#left.bytes = Math.max(0, this.#left.bytes - bytes);
    };
    const made = await contents.assemble(wanted, source, { sync: false, signal, onProgress });
    const written: Written[] = [];
    for (const [index, base] of batch.entries()) {
      const one = made[index];
      if (one?.kind === 'done') written.push({ base, facts: one.facts });
      else this.#unavailable += 1;
      if (one?.kind === 'failed') problems.set(base.path, { ...one.problem, path: base.path });
    }
    return written;
  }

  /**
   * Makes the folders, and leaves out what has something else at its path: that is taken in first, like any save.
   * RACE: a file that somebody makes at such a path between this look and the writing is overwritten. A copy that is
   * being made has no users yet.
   */
  #whatIsFree(group: readonly UnseenBase[]): Sorted {
    const { files } = this.#options;
    const free: UnseenBase[] = [];
    const former: UnseenBase[] = [];
    const strangers: UnseenBase[] = [];
    let folder: string | undefined;
    let names: ReadonlySet<string> | 'blocked' = new Set();
    for (const base of group) {
      if (parentOf(base.path) !== folder) {
        folder = parentOf(base.path);
        names = this.#namesIn(folder);
      }
      if (names === 'blocked') {
        this.#unavailable += 1;
        continue;
      }
      // A disk that minds no case, or no normal form, finds it under every spelling.
      const facts = names.has(base.folded) ? files.facts(base.path) : undefined;
      if (facts === undefined) free.push(base);
      else {
        const isOurs = facts.kind === 'file' && this.#wasBegun(base);
        if (!isOurs) this.#left.documents -= 1;
        (isOurs ? free : strangers).push(base);
        if (isOurs && facts.size === base.content.size) former.push(base);
      }
    }
    return { free, former, strangers };
  }

  #wasBegun({ folded }: UnseenBase): boolean {
    return this.#former !== undefined && folded <= this.#former && !this.#options.observations.isStranger(folded);
  }

  /** Folded paths. */
  #namesIn(folder: string): ReadonlySet<string> | 'blocked' {
    const { files } = this.#options;
    const made = files.makeFolder(folder);
    if (made === 'blocked') return 'blocked';
    if (made === 'made') return new Set();
    const prefix = folder === '' ? '' : `${folder}/`;
    return new Set(files.list(folder)?.map(({ name }) => foldPath(prefix + name)));
  }

  /** Durable first: an observation of what a power cut takes away would look like somebody's save. */
  async #observe(written: readonly Written[]): Promise<void> {
    const { files, observations, transaction, hands, tell } = this.#options;
    if (written.length === 0) return;
    try {
      await files.flush(written.map(({ base }) => base.path));
      const seen = written.map((one) => this.#asClosed(one));
      transaction(() => {
        for (const one of seen) observations.put(one);
      });
      this.#left.documents -= written.length;
      for (const { base } of written) this.#options.problems.clear(base.path);
    } finally {
      hands.release(written.map(({ base }) => base.path));
    }
    tell({ kind: 'placed', documents: written.map(({ base }) => base.path) });
  }

  /** On Windows a file that was written to changes once more when it is closed: it would be read again as a save. */
  #asClosed({ base: { path, id, content }, facts }: Written): Observation {
    const written = observationOf(path, id, content.hash, facts);
    const now = this.#options.files.facts(path);
    return now && isUntouched(written, now) ? observationOf(path, id, content.hash, now) : written;
  }
}

function batchesOf(group: readonly UnseenBase[]): UnseenBase[][] {
  const batches: UnseenBase[][] = [];
  let bytes = 0;
  for (const base of group) {
    const batch = batches.at(-1);
    if (batch === undefined || batch.length === BATCH_DOCUMENTS || bytes + base.content.size > BATCH_BYTES) {
      batches.push([base]);
      bytes = 0;
    } else batch.push(base);
    bytes += base.content.size;
  }
  return batches;
}
