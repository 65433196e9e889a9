/**
 * Which copies of a file are still used, and what all of them have. A copy is used until it is retired: by an owner of
 * the file, or by the device that it is on, which goes on under another id.
 */
import { body as bodyCodec } from '../../core/body.ts';
import { encode } from '../../core/codec.ts';
import { floorOf, restingPlace, type Standing } from '../../core/floor.ts';
import { COPIES } from '../../core/registry.ts';
import { at, type CopyId, includes, type Vector } from '../../core/vector.ts';
import { publishedId } from '../../protocol/file-id.ts';
import type { FileStore } from '../../store/file-store.ts';
import type { Registry } from '../../store/registry.ts';

/** In the registry's row of a copy: anything but NULL and 0 retires it. */
export const RETIRED = 'retired';

/** A change without a word: only what its maker had stands in it. */
const EMPTY_BYTES = encode(bodyCodec, { kind: 'registry', ops: [] }).byteLength;

export class LiveCopies {
  readonly #file: string;
  readonly #store: FileStore;
  readonly #registry: Registry;
  readonly #publisher: () => CopyId | undefined;
  #owner: string | undefined;

  /** `publisher`: the copy that made the first snapshot. */
  constructor(file: string, store: FileStore, registry: Registry, publisher: () => CopyId | undefined) {
    this.#file = file;
    this.#store = store;
    this.#registry = registry;
    this.#publisher = publisher;
  }

  /** The user who published the file; undefined while their first change is not here. */
  owner(): string | undefined {
    this.#owner ??= this.#byId() ?? this.#makerOf(this.#publisher())?.user;
    return this.#owner;
  }

  /** The file's id proves it, but for the oldest files. */
  #byId(): string | undefined {
    for (const copy of this.#store.vector().keys()) {
      const maker = this.#store.maker(copy);
      if (maker && publishedId(maker.device, copy) === this.#file) return maker.user;
    }
    return undefined;
  }

  #makerOf(copy: CopyId | undefined) {
    return copy === undefined ? undefined : this.#store.maker(copy);
  }

  retired(): Set<CopyId> {
    const found = new Set<CopyId>();
    for (const { id, row } of this.#registry.rows(COPIES)) {
      const writes = row.cells.get(RETIRED) ?? [];
      if (writes.some(({ copy, value }) => value !== null && value !== 0n && this.mayRetire(copy, id))) found.add(id);
    }
    return found;
  }

  /** May the people who work in the copy `by` retire `copy`? */
  mayRetire(by: CopyId, copy: CopyId): boolean {
    const maker = this.#store.maker(by);
    if (maker === undefined) return false;
    return maker.user === this.owner() || maker.device === this.#store.maker(copy)?.device;
  }

  /** The last change of each copy that is used. */
  live(): Standing[] {
    const retired = this.retired();
    return [...this.#store.log.standing()].filter(({ copy }) => !retired.has(copy));
  }

  /** What all of them have. */
  floor(): Vector {
    return floorOf(this.live());
  }

  /** Up to where history can be packed; null: there was no moment of rest since it last was. */
  restingPlace(): Vector | null {
    const { log } = this.#store;
    const place = restingPlace(this.floor(), (vector) => log.headersAfter(vector));
    return place !== null && includes(place, log.floor) ? place : null;
  }

  /** Whose last word is oldest, of those who lack something that another has. */
  holdsBack(): { copy: CopyId; stamp: number } | undefined {
    const tips = this.#store.log.stamps();
    const vector = this.#store.vector();
    const lacking = this.live().filter(({ copy, deps }) => !this.#hasAll(copy, deps, vector));
    const [oldest] = lacking
      .map(({ copy }) => ({ copy, stamp: tips.get(copy) ?? 0 }))
      .sort((a, b) => a.stamp - b.stamp);
    return oldest;
  }

  /** Is there anything that a copy has not yet said that it has? Empty changes need no answer. */
  hasSaidAll(own: CopyId): boolean {
    const last = [...this.#store.log.standing()].find(({ copy }) => copy === own);
    return last === undefined || this.#hasAll(own, last.deps, this.#store.vector());
  }

  #hasAll(own: CopyId, deps: Vector, vector: Vector): boolean {
    if (includes(deps, new Map([...vector].filter(([copy]) => copy !== own)))) return true;
    for (const { copy, seq, size } of this.#store.log.headersAfter(deps)) {
      if (copy !== own && seq > at(deps, copy) && size > EMPTY_BYTES) return false;
    }
    return true;
  }
}
