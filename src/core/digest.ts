/** One hash over many things, a piece at a time: nothing of them is held. The same things in the same order, the same hash. */
import { concatBytes, fromHex, type Hash, NO_HASH, sha256 } from './bytes.ts';
import { Writer } from './codec.ts';
import { compareOrigins, type Row } from './rows.ts';
import { value } from './value.ts';

const GATHERED_BYTES = 64 * 1024;

export class Digest {
  #hash: Hash = NO_HASH;
  #gathered = new Writer(GATHERED_BYTES);

  add(bytes: Uint8Array): void {
    this.#gathered.blob(bytes);
    if (this.#gathered.length >= GATHERED_BYTES) this.#fold();
  }

  text(text: string): void {
    this.add(Buffer.from(text));
  }

  finish(): Hash {
    this.#fold();
    return this.#hash;
  }

  #fold(): void {
    this.#hash = sha256(concatBytes([fromHex(this.#hash), this.#gathered.finish()]));
    this.#gathered = new Writer(GATHERED_BYTES);
  }
}

/**
 * A merged row in its one form: what was written to it and what was deleted, and nothing of how it is mended or where it
 * is kept. Null for a row to which nothing was written.
 */
export function rowForm({ cells, deletions, baseDead }: Row): Uint8Array | null {
  if (cells.size === 0 && deletions.length === 0) return null;
  const to = new Writer(128);
  to.byte(baseDead ? 1 : 0);
  to.varint(deletions.length);
  for (const { copy, seq, stamp } of [...deletions].sort(compareOrigins)) {
    to.text(copy);
    to.varint(seq);
    to.varint(stamp);
  }
  to.varint(cells.size);
  for (const [column, writes] of [...cells].sort(([a], [b]) => (a < b ? -1 : 1))) {
    to.text(column);
    to.varint(writes.length);
    for (const write of [...writes].sort(compareOrigins)) {
      to.text(write.copy);
      to.varint(write.seq);
      to.varint(write.stamp);
      to.byte(write.dead ? 1 : 0);
      value.write(to, write.value);
    }
  }
  return to.finish();
}
