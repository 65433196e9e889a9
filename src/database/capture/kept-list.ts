/** A list that grows beyond what is to be held: as it is, or, from then on, as bytes on the disk. */
import { readItems } from '../../core/body-pieces.ts';
import { type Codec, Writer } from '../../core/codec.ts';
import { KeptPieces } from '../../store/scratch.ts';
import type { Room } from '../folding/room.ts';

/** What is handed on at a time. */
const PIECE_BYTES = 256 * 1024;

export class KeptList<T> {
  readonly #codec: Codec<T>;
  readonly #room: Room;
  readonly #items: T[] = [];
  #kept: KeptPieces | null = null;
  #writer: Writer | null = null;
  #length = 0;

  constructor(codec: Codec<T>, room: Room) {
    this.#codec = codec;
    this.#room = room;
  }

  get length(): number {
    return this.#length;
  }

  /** All of them; null: they are not held. */
  get items(): readonly T[] | null {
    return this.#kept === null ? this.#items : null;
  }

  add(item: T): void {
    this.#length += 1;
    if (this.#kept === null && this.#items.length < this.#room.rows) {
      this.#items.push(item);
      this.#room.note(this.#items.length);
      return;
    }
    this.#kept ??= this.#keepHeld();
    this.#write(item, this.#kept);
  }

  /** The bytes of all that are not held. */
  *pieces(): Generator<Uint8Array, void> {
    if (this.#kept === null) return;
    yield* this.#kept.read();
    if (this.#writer !== null) yield this.#writer.finish();
  }

  /** Each with its index; may be gone through several times. */
  entries(): IteratorObject<[number, T], undefined> {
    return this.#kept === null ? this.#items.entries() : readItems(this.#codec, this.pieces(), this.#length);
  }

  close(): void {
    this.#kept?.close();
  }

  #keepHeld(): KeptPieces {
    const kept = new KeptPieces();
    for (const item of this.#items.splice(0)) this.#write(item, kept);
    return kept;
  }

  #write(item: T, to: KeptPieces): void {
    this.#writer ??= new Writer(PIECE_BYTES);
    this.#codec.write(this.#writer, item);
    if (this.#writer.length < PIECE_BYTES) return;
    to.add(this.#writer.finish());
    this.#writer = null;
  }
}
