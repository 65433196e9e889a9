/**
 * Remembers what people's programs have written, to ask in the end where it is. What a person overwrote before anybody
 * looked may be gone; everything else must be current, or in the log.
 */
import { sha256 } from '../../src/core/bytes.ts';

export class Witness {
  /** Values that stand in a database of this machine and are not known to be in the log. */
  readonly #values = new Map<string, Set<string>>();
  /** Contents that stand (or stood, until something that is not the person replaced them) at a path. */
  readonly #saves = new Map<string, Map<string, string>>();
  /** What a program has written so far, or a power cut has left of it. */
  readonly #partial = new Set<string>();
  /** Whole contents that a program has saved anywhere. */
  readonly whole = new Set<string>();
  /** Values seen in a change that was durable. */
  readonly logged = new Set<string>();

  edited(machine: string, added: ReadonlySet<string>, gone: ReadonlySet<string>): void {
    const values = this.values(machine);
    for (const token of added) if (!this.logged.has(token)) values.add(token);
    for (const token of gone) values.delete(token);
  }

  captured(tokens: Iterable<string>): void {
    for (const token of tokens) this.logged.add(token);
  }

  /** A disk was put back: what stood in no other log is in none now. */
  onlyLogged(standing: ReadonlySet<string>): void {
    for (const token of [...this.logged]) if (!standing.has(token)) this.logged.delete(token);
  }

  values(machine: string): Set<string> {
    return ensure(this.#values, machine, () => new Set());
  }

  /** The power took what was committed last: what is not there any more and in no log was never promised. */
  lostValues(machine: string, there: ReadonlySet<string>): void {
    const values = this.values(machine);
    for (const token of [...values]) if (!there.has(token) && !this.logged.has(token)) values.delete(token);
  }

  saves(machine: string): Map<string, string> {
    return ensure(this.#saves, machine, () => new Map());
  }

  saved(machine: string, path: string, content: Uint8Array): void {
    const hash = sha256(content);
    this.saves(machine).set(path, hash);
    this.whole.add(hash);
  }

  gone(machine: string, path: string): void {
    this.saves(machine).delete(path);
  }

  written(content: Uint8Array): void {
    this.#partial.add(sha256(content));
  }

  /** May this be found on a disk? A save that stood half done for long enough is a version, and goes to everyone. */
  mayBe(hash: string): boolean {
    return this.whole.has(hash) || this.#partial.has(hash);
  }
}

function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
