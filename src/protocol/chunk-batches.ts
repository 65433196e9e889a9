/** Chunks on their way out, for who wanted them or for who lacks them. */
import { BATCH_BYTES, MAX_BATCH } from './limits.ts';
import type { ChunkRecord, Line } from './replica.ts';

/** Chunks read together before the line is looked at again: at most 16 MiB. */
export const READ_AT_ONCE = 64;

export function sendChunks(line: Line, channel: number, found: readonly ChunkRecord[]): void {
  let batch: ChunkRecord[] = [];
  let bytes = 0;
  for (const chunk of found) {
    batch.push(chunk);
    bytes += chunk.bytes.byteLength;
    if (bytes < BATCH_BYTES && batch.length < MAX_BATCH) continue;
    line.send({ kind: 'chunks', channel, chunks: batch });
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) line.send({ kind: 'chunks', channel, chunks: batch });
}
