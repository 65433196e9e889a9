/**
 * Bodies too large to be held: written op by op, read op by op from the pieces in which they are stored. The bytes are
 * those of `body`; what is refused there is refused here.
 */
import { checkIndexes, type DatabaseOp, databaseHead, databaseOp, type OpSequence, type ReadBody } from './body.ts';
import { concatBytes } from './bytes.ts';
import { type Carried, type Codec, CutShortError, MalformedError, Reader, varint, Writer } from './codec.ts';
import { MAX_OPS } from './value.ts';

export type Pieces = () => Iterable<Uint8Array>;

const DATABASE = 1;
const opCount = varint(MAX_OPS);

/** What comes before the ops of a body. */
export function encodeHead(head: Carried<typeof databaseHead>, ops: number): Uint8Array {
  const to = new Writer(1024);
  to.byte(DATABASE);
  databaseHead.write(to, head);
  opCount.write(to, ops);
  return to.finish();
}

/**
 * Reads the head at once, the ops when they are gone through: only then it shows whether all of them can be read.
 * Throws `MalformedError` where the bytes are no body on a database.
 */
export function readPieces(pieces: Pieces): ReadBody {
  const { head, count } = readHead(new PieceReader(pieces()));
  return { ...head, ops: new StoredOps(pieces, count) };
}

function readHead(from: PieceReader): { head: Carried<typeof databaseHead>; count: number } {
  if (from.read(kind) !== DATABASE) throw new MalformedError('not a body on a database');
  return { head: from.read(databaseHead), count: from.read(opCount) };
}

const kind: Codec<number> = { schema: 'byte', write: (to, item) => to.byte(item), read: (from) => from.byte() };

/** What was written one after the other by whoever reads it now. */
export function* readItems<T>(
  codec: Codec<T>,
  pieces: Iterable<Uint8Array>,
  count: number,
): Generator<[number, T], undefined> {
  const from = new PieceReader(pieces);
  for (let index = 0; index < count; index++) yield [index, from.read(codec)];
}

class StoredOps implements OpSequence {
  readonly #pieces: Pieces;
  readonly length: number;

  constructor(pieces: Pieces, length: number) {
    this.#pieces = pieces;
    this.length = length;
  }

  *entries(): Generator<[number, DatabaseOp], undefined> {
    const from = new PieceReader(this.#pieces());
    const { head, count } = readHead(from);
    const columns = head.uses.map((use) => use.columns.length);
    for (let index = 0; index < count; index++) {
      const op = from.read(databaseOp);
      checkIndexes(op, columns[op.use] ?? -1, count);
      yield [index, op];
    }
    from.end();
  }
}

/** Reads what may lie over the border of two pieces. What it gives must not be a view of its bytes. */
class PieceReader {
  readonly #pieces: Iterator<Uint8Array>;
  #window: Uint8Array = new Uint8Array();
  #reader = new Reader(this.#window);

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  read<T>(codec: Codec<T>): T {
    for (;;) {
      const { left } = this.#reader;
      try {
        return codec.read(this.#reader);
      } catch (error) {
        if (!(error instanceof CutShortError) || !this.#more(left)) throw error;
      }
    }
  }

  /** Also reads what is left of the pieces, for whoever proves them at their end. */
  end(): void {
    this.#reader.end();
    if (this.#more(0)) throw new MalformedError('more bytes than ops');
  }

  /** Twice as much each time, so that a long value is not tried once a piece. False: there is no more. */
  #more(left: number): boolean {
    const window = [this.#window.subarray(this.#window.byteLength - left)];
    let added = 0;
    while (added === 0 || added < left) {
      const next = this.#pieces.next();
      if (next.done) break;
      window.push(next.value);
      added += next.value.byteLength;
    }
    this.#window = concatBytes(window);
    this.#reader = new Reader(this.#window);
    return added > 0;
  }
}
