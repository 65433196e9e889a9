/**
 * Versions put in their places: written aside in full, made durable, then renamed over what was proved to be as last
 * seen. What is replaced keeps a second name for a while (replaced.ts).
 */
import { sha256 } from '../../core/bytes.ts';
import { nameOf, parentOf, temporaryName } from '../../core/paths.ts';
import type { Step } from '../../core/placing.ts';
import type { Problem } from '../../core/problem.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { FileFacts, Files } from '../../platform/ports.ts';
import { type Observations, observationOf } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';
import type { DocumentProblems } from './document-problems.ts';
import type { Hands } from './hands.ts';
import { folderPrefix, type Planning, type Report } from './planning.ts';
import type { Assembled, ChunkSource, Contents, DocumentEvent, Wanted } from './ports.ts';
import type { Replaced } from './replaced.ts';

/** A few files are each made durable while they are written; more, by one call for all. */
const FEW = 8;

export type PuttingOptions = {
  readonly files: Files;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly transaction: <T>(write: () => T) => T;
  readonly hands: Hands;
  readonly planning: Planning;
  readonly problems: DocumentProblems;
  readonly replaced: Replaced;
  readonly tell: (event: DocumentEvent) => void;
  readonly signal: AbortSignal;
};

export type Write = {
  readonly id: DocumentId;
  readonly step: Extract<Step, { kind: 'write' }>;
  readonly temporary: string;
};

/** What came of it, besides what `Report` says of every step. */
export interface PuttingReport extends Report {
  isWanted(id: DocumentId): boolean;
  failed(documents: readonly { id: DocumentId }[], problem: Problem): void;
  /** Some of its content could not be had now. */
  unavailable(id: DocumentId): void;
}

export class Putting {
  readonly #options: PuttingOptions;
  readonly #observations: Observations;
  readonly #report: PuttingReport;

  constructor(options: PuttingOptions, report: PuttingReport) {
    this.#options = options;
    this.#observations = options.registry.observations;
    this.#report = report;
  }

  async writeAll(writes: readonly Write[]): Promise<void> {
    const { contents, files, source } = this.#options;
    const wanted = writes.map((write) => this.#wantedFile(write));
    const sync = writes.length <= FEW;
    const made = await contents.assemble(wanted, source, { sync, signal: this.#options.signal });
    if (this.#options.signal.aborted) return;
    const whole = writes.filter((write, index) => this.#isWhole(write, made[index]!));
    if (!sync) await files.flush(whole.map(({ temporary }) => temporary));
    await this.#putAll(whole);
  }

  #wantedFile({ id, step, temporary }: Write): Wanted {
    const { files, registry } = this.#options;
    const content = registry.contentByHash(id, step.hash)!;
    const seen = this.#observations.of(id);
    const before = seen && registry.contentByHash(id, seen.hash);
    const like = seen && before ? { like: { path: files.native(seen.path), content: before } } : {};
    return { path: files.native(temporary), content, ...like };
  }

  #isWhole({ id }: Write, made: Assembled): boolean {
    if (made.kind === 'done') return true;
    if (made.kind === 'failed') this.#report.failed([{ id }], made.problem);
    // What arrived stays in the temporary file, and is not fetched again.
    this.#report.unavailable(id);
    return false;
  }

  /** Puts what is whole in its place, one at a time, and makes the names durable before they are observed. */
  async #putAll(writes: readonly Write[]): Promise<void> {
    const { files, hands, transaction, tell, registry } = this.#options;
    const paths = hands.take(writes.map(({ step }) => step.path));
    const free = new Set(paths);
    const put: { write: Write; facts: FileFacts }[] = [];
    try {
      for (const write of writes) {
        const facts = free.has(write.step.path) ? this.#put(write) : undefined;
        if (facts) put.push({ write, facts });
      }
      await this.#options.planning.syncFolders(put.map(({ write }) => parentOf(write.step.path)));
      transaction(() => {
        for (const { write, facts } of put) {
          this.#observations.put(observationOf(write.step.path, write.id, write.step.hash, facts));
        }
      });
      for (const { write } of put) this.#options.problems.clear(write.step.path);
      if (put.length > 0) tell({ kind: 'placed', documents: put.map(({ write }) => write.step.path) });
    } finally {
      this.#report.letGo(paths);
      const done = new Set(put.map(({ write }) => write.id));
      for (const { id, temporary } of writes) {
        const isStillWanted = registry.entry(id)?.alive === true && this.#report.isWanted(id);
        if (!isStillWanted) files.remove(temporary);
        this.#report.over(id, done.has(id));
      }
    }
  }

  /** The moment itself: what lies there is proved to be what was seen, kept under a second name, and replaced. */
  #put({ id, step, temporary }: Write): FileFacts | undefined {
    const { files } = this.#options;
    const now = this.#options.planning.plan(id, step.path);
    if (now.kind !== 'write' || now.path !== step.path || now.hash !== step.hash) return undefined;
    if (!step.over) return putNew(files, step.path, temporary);
    const seen = this.#observations.of(id)!;
    files.copyMode(step.path, temporary);
    const kept = this.#options.replaced.keep(id, seen, step.path);
    const outcome = files.rename(temporary, step.path);
    if (outcome === 'done') this.#options.replaced.release(kept);
    else this.#options.replaced.drop(kept);
    if (outcome === 'busy') {
      this.#report.waits(id, { kind: 'wait', for: 'program', path: step.path });
      return undefined;
    }
    return outcome === 'done' ? files.facts(step.path) : undefined;
  }
}

/**
 * A second name is only given where there is none yet, so nothing that just came to `path` is replaced. Undefined:
 * something lies there, or the disk does not let it be.
 */
export function putNew(files: Files, path: string, temporary: string): FileFacts | undefined {
  const linked = files.link(temporary, path);
  if (linked === 'done') files.remove(temporary);
  // RACE: without second names (FAT) a file that is made at `path` after this look is replaced. Microseconds.
  else if (linked !== 'unable' || files.facts(path) || files.rename(temporary, path) !== 'done') return undefined;
  return files.facts(path);
}

export function temporaryPath(id: DocumentId, { path, hash }: { path: string; hash: string }): string {
  return `${folderPrefix(path)}${temporaryName(`${id.slice(0, 16)}-${hash.slice(0, 16)}`)}`;
}

const TAKEN_OUT = 'get-';

/** How a version is called that is being written under the name `name`. */
export function takenOutName(name: string): string {
  return temporaryName(`${TAKEN_OUT}${sha256(Buffer.from(name)).slice(0, 16)}`);
}

/** Whoever writes such a one removes it. */
export function isTakenOut(path: string): boolean {
  return nameOf(path).startsWith(`.~tieout-${TAKEN_OUT}`);
}
