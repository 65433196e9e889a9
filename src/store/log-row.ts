/** One row of the log on disk, and how damage to it is found. */
import { fromHex, sameBytes, sha256 } from '../core/bytes.ts';
import { Writer } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';

export type SummedRow = {
  readonly seq: number;
  readonly stamp: number;
  readonly deps: Uint8Array;
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly size: number;
  readonly body: Uint8Array | null;
  readonly body_hash: Uint8Array | null;
  readonly parts: Uint8Array | null;
  readonly subject: string | null;
};

const NONE = new Uint8Array();

/** Is it what was written? */
export function isWhole(row: Record<string, unknown>): boolean {
  try {
    return sameBytes(sumOf(row as SummedRow), row.sum as Uint8Array);
  } catch {
    return false;
  }
}

/** Against damage, not against people: those are stopped by signature and hash when the change comes in. */
export function sumOf(row: SummedRow): Uint8Array {
  const to = new Writer(512);
  for (const item of [row.deps, row.hash, row.signature, row.body ?? NONE, row.body_hash ?? NONE, row.parts ?? NONE]) {
    to.blob(item);
  }
  to.varint(row.seq);
  to.varint(row.stamp);
  to.varint(row.size);
  to.text(row.subject ?? '-');
  return fromHex(sha256(to.finish()).slice(0, 16));
}

export function damagedRecord(what: string): ProblemError {
  return new ProblemError({
    code: 'damaged-log',
    text: `The log of changes is damaged: ${what} cannot be read.`,
    remedy: 'Run `tieout doctor`; what this copy has already sent can be had again by making a new copy.',
  });
}
