/** How a merged row of the registry is kept: bytes of our own disk, read as carefully as those of others. */
import { bool, type Codec, decode, encode, hex, list, struct, text, varint } from '../core/codec.ts';
import type { Origin, Row } from '../core/rows.ts';
import { value } from '../core/value.ts';
import { MAX_COPIES } from '../core/vector.ts';

const origin = { copy: hex(16), seq: varint(), stamp: varint() };
const write = struct({ ...origin, dead: bool, value });
const cells = list(struct({ column: text(64), writes: list(write, MAX_COPIES) }), 256);
const deletions: Codec<readonly Origin[]> = list(struct(origin), MAX_COPIES);
const row = struct({ base: bool, baseDead: bool, cells, deletions });

export function encodeRow({ base, baseDead, cells, deletions }: Row): Uint8Array {
  return encode(row, { base, baseDead, cells: [...cells].map(([column, writes]) => ({ column, writes })), deletions });
}

export function decodeRow(bytes: Uint8Array): Row {
  const read = decode(row, bytes);
  return { ...read, cells: new Map(read.cells.map(({ column, writes }) => [column, writes])) };
}
