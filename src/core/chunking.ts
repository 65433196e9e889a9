/**
 * Content-defined chunks: where a file is cut depends on its bytes alone, so an insertion moves only the cuts around
 * it, and equal stretches of two versions are equal chunks. FastCDC with normalised sizes (Xia et al., "The Design of
 * Fast Content-Defined Chunking", IEEE TPDS 2020), on a 32-bit gear hash.
 *
 * Two copies that cut differently would still agree on every byte, but share nothing: the numbers below and the
 * table are part of the format.
 */

export const MIN_CHUNK = 16 * 1024;
export const NORMAL_CHUNK = 64 * 1024;
export const MAX_CHUNK = 256 * 1024;

/** A cut is rarer before the normal size and commoner after it (4 times each way), which narrows the sizes. */
const RARE = 0xffff_c000 | 0; // 18 bits
const COMMON = 0xfffc_0000 | 0; // 14 bits

const GEAR = gearTable(0x7e10_0001);

/**
 * The ends of the chunks of `buffer` from `from`, ascending. Unless these are the last bytes of the content, a chunk
 * that could still grow is left out: the caller puts its bytes before the next ones and asks again from there. So
 * the cuts do not depend on the pieces in which a content arrives.
 */
export function boundaries(buffer: Uint8Array, from: number, end: number, isLast: boolean): number[] {
  const cuts: number[] = [];
  let start = from;
  while (start < end) {
    const cut = nextCut(buffer, start, end);
    if (cut === end && !isLast && end - start < MAX_CHUNK) break;
    cuts.push(cut);
    start = cut;
  }
  return cuts;
}

/** `end` also when no cut was found before it. */
function nextCut(buffer: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_CHUNK);
  const normal = Math.min(limit, start + NORMAL_CHUNK);
  return scan(buffer, start + MIN_CHUNK, normal, RARE) || scan(buffer, normal, limit, COMMON) || limit;
}

/** Where the gear hash of the bytes since `at` first has all bits of `mask` clear; 0 when nowhere before `to`. */
function scan(buffer: Uint8Array, at: number, to: number, mask: number): number {
  const gear = GEAR;
  let hash = 0;
  // Four at a time is half as fast again. Up to three bytes before `to` are not looked at: that is part of the format.
  for (let next = at; next + 4 <= to; next += 4) {
    hash = ((hash << 1) + (gear[buffer[next] as number] as number)) | 0;
    if ((hash & mask) === 0) return next + 1;
    hash = ((hash << 1) + (gear[buffer[next + 1] as number] as number)) | 0;
    if ((hash & mask) === 0) return next + 2;
    hash = ((hash << 1) + (gear[buffer[next + 2] as number] as number)) | 0;
    if ((hash & mask) === 0) return next + 3;
    hash = ((hash << 1) + (gear[buffer[next + 3] as number] as number)) | 0;
    if ((hash & mask) === 0) return next + 4;
  }
  return 0;
}

/** 256 numbers without pattern, from Steele, Lea and Flood's SplitMix (32-bit form). */
function gearTable(seed: number): Int32Array {
  let state = seed;
  return Int32Array.from({ length: 256 }, () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return mixed ^ (mixed >>> 16);
  });
}
