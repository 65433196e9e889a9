/** Chance that a seed decides: one stream per concern, so that drawing more of one does not shift the others. */
import type { Random } from '../../src/platform/ports.ts';

export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The same words give the same stream. */
  constructor(...words: readonly (string | number)[]) {
    // xmur3 spreads the words, sfc32 (Chris Doty-Humphrey) does the drawing.
    let hash = 1779033703;
    for (const char of words.join('/')) {
      hash = Math.imul(hash ^ char.charCodeAt(0), 3432918353);
      hash = (hash << 13) | (hash >>> 19);
    }
    const next = (): number => {
      hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
      hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
      hash ^= hash >>> 16;
      return hash >>> 0;
    };
    [this.#a, this.#b, this.#c, this.#d] = [next(), next(), next(), next()];
    for (let n = 0; n < 12; n++) this.#draw();
  }

  #draw(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.#draw() / 2 ** 32;
  }

  /** A whole number from `from` up to and including `to`. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  within(from: number, to: number): number {
    return from + this.fraction() * (to - from);
  }

  happens(share: number): boolean {
    return this.fraction() < share;
  }

  one<T>(items: readonly T[]): T {
    return items[this.whole(0, items.length - 1)] as T;
  }

  /** One of the names, each as likely as its weight says. */
  weighed<T extends string>(weights: Readonly<Record<T, number>>): T {
    const names = Object.keys(weights) as T[];
    let at = this.fraction() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      at -= weights[name];
      if (at < 0) return name;
    }
    return names.at(-1) as T;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#draw() & 0xff);
  }
}

/** The port, for a machine: ids and jitter. */
export function randomOf(chance: Chance): Random {
  return { bytes: (count) => chance.bytes(count), fraction: () => chance.fraction() };
}
