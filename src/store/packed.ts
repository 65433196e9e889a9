/** Byte strings on their way between threads: joined in one buffer, which is moved, not copied. */
export interface Packed {
  /** Where each string ends in `bytes`. */
  readonly ends: readonly number[];
  readonly bytes: Uint8Array;
}

export const NOTHING: Packed = { ends: [], bytes: new Uint8Array(0) };

export function pack(strings: readonly Uint8Array[]): Packed {
  const ends: number[] = [];
  let total = 0;
  for (const { length } of strings) {
    total += length;
    ends.push(total);
  }
  // Not from Buffer's shared pool: that cannot be moved.
  const bytes = Buffer.allocUnsafeSlow(total);
  for (const [index, string] of strings.entries()) bytes.set(string, (ends[index] as number) - string.length);
  return { ends, bytes };
}

export function unpack({ ends, bytes }: Packed): Uint8Array[] {
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** What `postMessage` is to move with a value that holds these. */
export function buffersOf(...all: readonly Packed[]): ArrayBuffer[] {
  return all.filter(({ ends }) => ends.length > 0).map(({ bytes }) => bytes.buffer as ArrayBuffer);
}
