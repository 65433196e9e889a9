/** What was just stored is sent on to everybody who is connected: it is not read again for each of them. */
import type { StoredChange } from './log.ts';

const KEPT = 256;
const MAX_BYTES = 4096;

export class RecentChanges {
  readonly #changes = new Map<number, StoredChange>();

  get(n: number): StoredChange | undefined {
    return this.#changes.get(n);
  }

  add(change: StoredChange): void {
    const { n, content, signature } = change;
    if (content.kind !== 'inline' || content.bytes.byteLength > MAX_BYTES) return;
    // Copies: what came in are views of a whole message.
    const bytes = Uint8Array.from(content.bytes);
    this.#changes.set(n, { ...change, content: { kind: 'inline', bytes }, signature: Uint8Array.from(signature) });
    for (const oldest of this.#changes.keys()) {
      if (this.#changes.size <= KEPT) break;
      this.#changes.delete(oldest);
    }
  }

  clear(): void {
    this.#changes.clear();
  }
}
