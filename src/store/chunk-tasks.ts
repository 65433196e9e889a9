/** The work on chunks that is worth a thread, and who runs it. */
import { realFileBytes } from '../platform/file-bytes.ts';
import type { FileBytes } from '../platform/ports.ts';
import { inPlace, type TaskRunner } from '../platform/tasks.ts';
import { type WorkerPool, workerPool } from '../platform/workers.ts';
import { type Assemble, type AssembleRequest, assemble } from './assemble.ts';
import { type Ingest, type IngestRequest, ingest } from './ingest.ts';

export type ChunkTasks = {
  ingest: (request: IngestRequest) => Ingest;
  assemble: (request: AssembleRequest) => Assemble;
};

export function chunkTasks(files: FileBytes): ChunkTasks {
  return {
    ingest: (request) => ingest(files, request),
    assemble: (request) => assemble(files, request),
  };
}

/** In this thread: the seeded world, tests, and what is too small for another. */
export function chunkTasksInPlace(files: FileBytes = realFileBytes): TaskRunner<ChunkTasks> {
  return inPlace(chunkTasks(files));
}

/** Up to here a thread costs more than the work, and the work does not hold up the event loop. */
const SMALL_BYTES = 1024 * 1024;
const SMALL_FILES = 16;

export interface ChunkWorkers extends TaskRunner<ChunkTasks> {
  /** Ends the threads; what runs fails. */
  end(): Promise<void>;
}

/** On the real disk: in worker threads, and in place what is small. */
export function chunkWorkers(): ChunkWorkers {
  // In a build both are .js.
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const pool: WorkerPool<ChunkTasks> = workerPool(new URL(`./chunk-worker${extension}`, import.meta.url));
  const here = chunkTasksInPlace();
  return {
    start(task, request) {
      return (bytesOf(request) <= SMALL_BYTES ? here : pool).start(task, request);
    },
    end: () => pool.end(),
  };
}

function bytesOf(request: IngestRequest | AssembleRequest): number {
  if ('paths' in request) return bytesIn(request.paths);
  const { files } = request;
  return files.length > SMALL_FILES ? Infinity : files.reduce((sum, { content }) => sum + content.size, 0);
}

function bytesIn(paths: readonly string[]): number {
  if (paths.length > SMALL_FILES) return Infinity;
  let bytes = 0;
  for (const path of paths) {
    try {
      const file = realFileBytes.open(path, 'read');
      bytes += file.facts().size;
      file.close();
    } catch {
      // The task says why.
    }
  }
  return bytes;
}
