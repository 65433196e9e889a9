/** Where the rows of a table with numbers are after an application has worked on it, for whoever finds them by number. */
import type { RowId } from '../../core/body.ts';
import type { Places } from '../../core/places.ts';
import { rowOfNumber } from '../../core/tables.ts';

export interface Whereabouts {
  /** New rows by number. Those named by the index of the op that makes them (`n…`): they come first in the change. */
  freshRows(): Iterable<readonly [number: bigint, row: RowId]>;
  fresh(number: bigint): RowId | undefined;
  /** The row known before that is at this number now, where the marks say so. */
  at(number: bigint): RowId | undefined;
  /** Where a row that was known before is now; undefined: the marks do not say. */
  numberOf(row: RowId): bigint | undefined;
  /** Is the row that was at this number there no longer? */
  hasLeft(row: RowId, number: bigint): boolean;
  /** Is a row of the base at another number than it was? */
  readonly movedBase: boolean;
}

/** `first`: the index of the op that makes the first new row; `named`: the id of one that is not named by its op. */
export class HeldWhereabouts implements Whereabouts {
  readonly #known: Places['known'];
  readonly #at = new Map<bigint, RowId>();
  readonly #fresh: ReadonlyMap<bigint, RowId>;
  #movedBase: boolean | null = null;

  constructor({ known, fresh }: Places, first: number, named: (number: bigint) => RowId | null) {
    this.#known = known;
    for (const [row, number] of known) if (number !== null) this.#at.set(number, row);
    this.#fresh = new Map([...fresh].map((number, place) => [number, named(number) ?? `n${first + place}`]));
  }

  freshRows(): Iterable<readonly [bigint, RowId]> {
    return this.#fresh;
  }

  fresh(number: bigint): RowId | undefined {
    return this.#fresh.get(number);
  }

  at(number: bigint): RowId | undefined {
    return this.#at.get(number);
  }

  numberOf(row: RowId): bigint | undefined {
    return this.#known.get(row) ?? undefined;
  }

  hasLeft(row: RowId): boolean {
    return this.#known.has(row);
  }

  /** Asked for every cell that refers. */
  get movedBase(): boolean {
    this.#movedBase ??= [...this.#known].some(
      ([row, number]) => number !== null && row[0] === 'k' && row !== rowOfNumber(number),
    );
    return this.#movedBase;
  }
}

/** Of a table in which no row has another number than before, and which may have any number of rows. */
export class ManyWhereabouts implements Whereabouts {
  readonly #fresh: SortedNumbers;
  readonly #gone: SortedNumbers;
  readonly #first: number;
  readonly #named: (number: bigint) => RowId | null;
  readonly movedBase = false;

  /** `gone`: where a row was that is there no longer, though another may be. */
  constructor(fresh: SortedNumbers, gone: SortedNumbers, first: number, named: (number: bigint) => RowId | null) {
    this.#fresh = fresh;
    this.#gone = gone;
    this.#first = first;
    this.#named = named;
  }

  *freshRows(): Generator<readonly [bigint, RowId]> {
    for (let place = 0; place < this.#fresh.length; place++) {
      const number = this.#fresh.at(place);
      yield [number, this.#named(number) ?? `n${this.#first + place}`];
    }
  }

  fresh(number: bigint): RowId | undefined {
    const place = this.#fresh.find(number);
    return place < 0 ? undefined : (this.#named(number) ?? `n${this.#first + place}`);
  }

  at(): undefined {}

  numberOf(): undefined {}

  hasLeft(_row: RowId, number: bigint): boolean {
    return this.#gone.find(number) >= 0;
  }
}

/** Numbers, added in ascending order: eight bytes each. */
export class SortedNumbers {
  #numbers = new BigInt64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(number: bigint): void {
    if (this.#length === this.#numbers.length) {
      const grown = new BigInt64Array(2 * this.#length);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length++] = number;
  }

  at(place: number): bigint {
    return this.#numbers[place] as bigint;
  }

  /** Its place; negative: it is not here. */
  find(number: bigint): number {
    let low = 0;
    let high = this.#length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#numbers[middle] as bigint;
      if (found === number) return middle;
      if (found < number) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
