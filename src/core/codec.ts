/**
 * The binary codec of everything that is hashed, stored or sent. A `Codec<T>` writes a value, reads it back within
 * limits, and describes itself; the description of all wire schemas is hashed by a test, so that a format cannot change
 * without a new version. Reading never trusts a length: it is checked against its limit and against what is left.
 */

import { toHex } from './bytes.ts';

/** Bytes that are not what their schema says. Never a program error: whoever sent or stored them is at fault. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** There may be more to come: whoever reads bytes in pieces tries again with the next. */
export class CutShortError extends MalformedError {
  constructor() {
    super('cut short');
  }
}

export class Writer {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far, as a copy that later writes do not touch. */
  finish(): Uint8Array {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  /** The same without a copy; nothing may be written any more. */
  giveUp(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = value;
  }

  /** An unsigned integer up to 2^53 - 1, in groups of seven bits, lowest first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an unsigned safe integer: ${value}`);
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** A signed 64-bit integer: zigzag in groups of seven bits. */
  bigint(value: bigint): void {
    // Nearly every integer is small, and arithmetic on bigints is slow.
    if (value >= -SMALL && value <= SMALL) {
      const small = Number(value);
      return this.varint(small < 0 ? -2 * small - 1 : 2 * small);
    }
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`not a 64-bit integer: ${value}`);
    this.#room(10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  double(value: number): void {
    this.#room(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  blob(bytes: Uint8Array, limit = Number.MAX_SAFE_INTEGER): void {
    within(bytes.byteLength, limit);
    this.varint(bytes.byteLength);
    this.raw(bytes);
  }

  /** Half a surrogate pair has no UTF-8: what would be written in its place is another text. */
  text(text: string, limit = Number.MAX_SAFE_INTEGER): void {
    if (!text.isWellFormed()) throw new RangeError('text that is not Unicode');
    const size = Buffer.byteLength(text, 'utf8');
    within(size, limit);
    this.varint(size);
    this.#room(size);
    this.#length += this.#buffer.write(text, this.#length, 'utf8');
  }

  #room(count: number): void {
    if (this.#length + count <= this.#buffer.byteLength) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.byteLength * 2, this.#length + count));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** What the reader would refuse is not written either: a limit has two sides. */
function within(size: number, limit: number): void {
  if (size > limit) throw new RangeError(`${size} is above the limit of ${limit}`);
}

/** Its zigzag form is still a safe integer. */
const SMALL = 1n << 51n;

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  end(): void {
    if (this.left > 0) throw new MalformedError(`${this.left} bytes too many`);
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new CutShortError();
    this.#at += 1;
    return value;
  }

  varint(limit = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const group = this.byte();
      value += (group & 0x7f) * scale;
      if (group < 0x80) {
        if (group === 0 && count > 0) throw new MalformedError('a number in more bytes than it needs');
        if (value > limit) throw new MalformedError(`${value} is above the limit of ${limit}`);
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedError('a number that is too long');
  }

  bigint(): bigint {
    let small = 0;
    let scale = 1;
    for (let count = 0; count < 7; count++) {
      const group = this.byte();
      small += (group & 0x7f) * scale;
      if (group < 0x80) {
        if (group === 0 && count > 0) throw new MalformedError('a number in more bytes than it needs');
        return BigInt(small % 2 === 0 ? small / 2 : -(small + 1) / 2);
      }
      scale *= 0x80;
    }
    let value = BigInt(small);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const group = this.byte();
      value |= BigInt(group & 0x7f) << shift;
      if (group < 0x80) {
        if (group === 0 || value >= 1n << 64n) throw new MalformedError('a number that is too long');
        return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
      }
    }
    throw new MalformedError('a number that is too long');
  }

  double(): number {
    if (this.left < 8) throw new CutShortError();
    const value = this.#bytes.readDoubleBE(this.#at);
    this.#at += 8;
    return value;
  }

  /** A view, not a copy. */
  raw(count: number): Uint8Array {
    return this.#view(count);
  }

  #view(count: number): Buffer {
    if (count > this.left) throw new CutShortError();
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  blob(limit: number): Uint8Array {
    return this.raw(this.varint(limit));
  }

  text(limit: number): string {
    const bytes = this.#view(this.varint(limit));
    const text = bytes.toString('utf8');
    if (text.includes('\ufffd') && Buffer.compare(Buffer.from(text, 'utf8'), bytes) !== 0) {
      throw new MalformedError('text that is not UTF-8');
    }
    return text;
  }
}

export interface Codec<T> {
  readonly schema: string;
  write(to: Writer, value: T): void;
  read(from: Reader): T;
}

/** What a codec carries: `type Thing = Carried<typeof thing>`. */
export type Carried<C> = C extends Codec<infer T> ? T : never;

/** `room`: about how many bytes it takes, where that is known and they are many: they are then copied only once. */
export function encode<T>(codec: Codec<T>, value: T, room?: number): Uint8Array {
  const to = new Writer(room);
  codec.write(to, value);
  return room === undefined ? to.finish() : to.giveUp();
}

export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const from = new Reader(bytes);
  const value = codec.read(from);
  from.end();
  return value;
}

export function varint(limit = Number.MAX_SAFE_INTEGER): Codec<number> {
  return {
    schema: `varint<=${limit}`,
    write: (to, value) => {
      within(value, limit);
      to.varint(value);
    },
    read: (from) => from.varint(limit),
  };
}

export const bool: Codec<boolean> = {
  schema: 'bool',
  write: (to, value) => to.byte(value ? 1 : 0),
  read: (from) => {
    const value = from.byte();
    if (value > 1) throw new MalformedError(`${value} is neither true nor false`);
    return value === 1;
  },
};

export function text(limit: number): Codec<string> {
  return { schema: `text<=${limit}`, write: (to, value) => to.text(value, limit), read: (from) => from.text(limit) };
}

/** Bytes of any length up to the limit; reading gives a view into the message. */
export function blob(limit: number): Codec<Uint8Array> {
  return { schema: `blob<=${limit}`, write: (to, value) => to.blob(value, limit), read: (from) => from.blob(limit) };
}

/** Ids and hashes: hex in memory, bytes outside. */
export function hex(count: number): Codec<string> {
  return {
    schema: `hex${count}`,
    write: (to, value) => {
      const bytes = Buffer.from(value, 'hex');
      if (bytes.byteLength !== count || value.length !== 2 * count)
        throw new RangeError(`not ${count} bytes of hex: ${value}`);
      to.raw(bytes);
    },
    read: (from) => toHex(from.raw(count)),
  };
}

export function list<T>(item: Codec<T>, limit: number): Codec<readonly T[]> {
  return {
    schema: `[${item.schema}]<=${limit}`,
    write: (to, values) => {
      within(values.length, limit);
      to.varint(values.length);
      for (const value of values) item.write(to, value);
    },
    read: (from) => {
      // Every item takes a byte at least, so a count above what is left is a lie and must not reserve memory.
      const count = from.varint(limit);
      if (count > from.left) throw new CutShortError();
      const values: T[] = [];
      for (let index = 0; index < count; index++) values.push(item.read(from));
      return values;
    },
  };
}

export function optional<T>(item: Codec<T>): Codec<T | null> {
  return {
    schema: `${item.schema}?`,
    write: (to, value) => {
      to.byte(value === null ? 0 : 1);
      if (value !== null) item.write(to, value);
    },
    read: (from) => (bool.read(from) ? item.read(from) : null),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the one place where a codec's type is taken from the value, not written down
type AnyCodec = Codec<any>;
type Struct<F> = { readonly [K in keyof F]: F[K] extends Codec<infer T> ? T : never };

export function struct<F extends Record<string, AnyCodec>>(fields: F): Codec<Struct<F>> {
  const entries = Object.entries(fields) as [string, Codec<unknown>][];
  return {
    schema: `{${entries.map(([name, codec]) => `${name}:${codec.schema}`).join(',')}}`,
    write: (to, value) => {
      for (const [name, codec] of entries) codec.write(to, (value as Record<string, unknown>)[name]);
    },
    read: (from) => {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) value[name] = codec.read(from);
      return value as Struct<F>;
    },
  };
}

type Union<V> = { [K in keyof V & string]: V[K] extends Codec<infer T> ? { readonly kind: K } & T : never }[keyof V &
  string];

/** A closed union told apart by `kind`; each kind has its own number, which never gets another meaning. */
export function union<V extends Record<string, AnyCodec>>(kinds: Record<keyof V & string, number>, variants: V) {
  const names = new Map<number, string>();
  for (const [name, tag] of Object.entries(kinds) as [string, number][]) names.set(tag, name);
  if (names.size !== Object.keys(variants).length) throw new RangeError('each variant needs a number of its own');
  const codec: Codec<Union<V>> = {
    schema: `<${[...names].map(([tag, name]) => `${tag}=${name}:${variants[name]?.schema}`).join('|')}>`,
    write: (to, value) => {
      const kind = (value as { kind: keyof V & string }).kind;
      to.byte(kinds[kind]);
      (variants[kind] as Codec<unknown>).write(to, value);
    },
    read: (from) => {
      const tag = from.byte();
      const name = names.get(tag);
      if (name === undefined) throw new MalformedError(`unknown kind ${tag}`);
      const value = (variants[name] as Codec<object>).read(from);
      return Object.assign(value, { kind: name }) as Union<V>;
    },
  };
  return codec;
}

/** Exactly `count` bytes; reading gives a view into the message. */
export function fixed(count: number): Codec<Uint8Array> {
  return {
    schema: `fixed${count}`,
    write: (to, value) => {
      if (value.byteLength !== count) throw new RangeError(`not ${count} bytes: ${value.byteLength}`);
      to.raw(value);
    },
    read: (from) => from.raw(count),
  };
}
