/** Says of most rows that were not added that they were not, without a look: two bits each (B. Bloom, 1970). */
import type { RowId } from '../../core/body.ts';

export class RowNames {
  #bits: Uint32Array | null = null;

  add(row: RowId): void {
    this.#bits ??= new Uint32Array(NAME_BITS / 32);
    const hash = hashOf(row);
    for (const bit of [hash % NAME_BITS, (hash >>> 8) % NAME_BITS]) {
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  mayHave(row: RowId): boolean {
    if (this.#bits === null) return false;
    const hash = hashOf(row);
    const [one, other] = [hash % NAME_BITS, (hash >>> 8) % NAME_BITS];
    return (
      ((this.#bits[one >>> 5] as number) & (1 << (one & 31))) !== 0 &&
      ((this.#bits[other >>> 5] as number) & (1 << (other & 31))) !== 0
    );
  }
}

/** 2 MiB: of a million rows one in seventy is looked for in vain. */
const NAME_BITS = 1 << 24;

/** FNV-1a. */
function hashOf(row: RowId): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < row.length; at++) hash = Math.imul(hash ^ row.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
