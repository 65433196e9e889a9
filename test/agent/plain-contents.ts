/** `Contents` with the shipping tasks, in this thread, on a chunk store of its own. */
import type {
  AssembleOptions,
  ChunkSource,
  Contents,
  Ingested,
  IngestOptions,
  Wanted,
} from '../../src/agent/documents/ports.ts';
import type { FileBytes } from '../../src/platform/ports.ts';
import type { AssembleStep } from '../../src/store/assemble.ts';
import { chunkTasksInPlace } from '../../src/store/chunk-tasks.ts';
import type { ChunkStore } from '../../src/store/chunks.ts';
import { pack, unpack } from '../../src/store/packed.ts';

export class PlainContents implements Contents {
  readonly #chunks: ChunkStore;
  readonly #tasks: ReturnType<typeof chunkTasksInPlace>;

  constructor(chunks: ChunkStore, files: FileBytes) {
    this.#chunks = chunks;
    this.#tasks = chunkTasksInPlace(files);
  }

  async ingest(paths: readonly string[], { keep = true }: IngestOptions = {}): Promise<readonly Ingested[]> {
    const results: Ingested[] = [];
    const steps = this.#tasks.start('ingest', { paths });
    let lacking: readonly string[] = [];
    for (let step = await steps.next(lacking); step; step = await steps.next(lacking)) {
      for (const { index, result } of step.finished) results[index] = result;
      const stored = unpack(step.stored);
      const { hashes } = step;
      this.#chunks.append(step.ids.map((id, at) => ({ id, hash: hashes[at]!, bytes: stored[at]! })));
      const here = this.#chunks.has(step.met);
      lacking = keep ? step.met.filter((id) => !here.has(id)) : [];
    }
    this.#chunks.flush();
    return results;
  }

  chunk(id: string): Uint8Array | undefined {
    return this.#chunks.readOne(id)?.bytes;
  }

  has(id: string): boolean {
    return this.#chunks.has([id]).size > 0;
  }

  async assemble(files: readonly Wanted[], source: ChunkSource, { sync, signal, onProgress }: AssembleOptions) {
    const results = files.map(() => ({ kind: 'unavailable' }) as AssembleStep['finished'][number]['result']);
    const steps = this.#tasks.start('assemble', { files, sync });
    const take = (step: AssembleStep | undefined) => {
      for (const { index, result } of step?.finished ?? []) results[index] = result;
      if (step) onProgress?.(step.written);
      return step;
    };
    const first = take(await steps.next(null));
    const missing: string[] = [];
    const bring = async (id: string, stored: Uint8Array) =>
      void take(await steps.next({ ids: [id], stored: pack([stored]) }));
    for (const id of first?.wanted ?? []) {
      const stored = this.chunk(id);
      if (stored) await bring(id, stored);
      else missing.push(id);
    }
    if (missing.length > 0) await source.fetch(missing, bring, signal);
    if ((first?.wanted.length ?? 0) > 0) take(await steps.next(null));
    steps.close();
    return results;
  }
}
