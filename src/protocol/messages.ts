/**
 * Every message of the protocol, as one closed union. Numbers are never used again for something else; a test hashes
 * the schema, so that it cannot change without a new version.
 */
import {
  chainCodec,
  MAX_CERTIFICATE,
  MAX_CHAIN,
  MAX_INLINE_BODY,
  partsCodec,
  SIGNATURE_BYTES,
} from '../core/change.ts';
import {
  blob,
  bool,
  type Carried,
  decode,
  encode,
  fixed,
  hex,
  list,
  optional,
  struct,
  text,
  union,
  varint,
} from '../core/codec.ts';
import { MAX_COPIES } from '../core/vector.ts';
import {
  MAX_BATCH,
  MAX_CHANNELS,
  MAX_FILES,
  MAX_IDS,
  MAX_MEMBERS,
  MAX_NAME,
  MAX_SNAPSHOT,
  MAX_STORED_CHUNK,
  MAX_TEXT,
  MAX_WRONG,
} from './limits.ts';

const id = hex(16);
const channel = varint(MAX_CHANNELS);
const name = text(MAX_NAME);
const chunkIds = list(hex(32), MAX_IDS);
const tips = list(struct({ copy: id, seq: varint(), hash: hex(32) }), MAX_COPIES);

/** A change on the wire: what the receiver's own log already holds (earlier hashes, unchanged deps) is left out. */
export const wireChange = struct({
  /** Index into the sender's list of copies on this channel. */
  copy: varint(MAX_COPIES),
  seq: varint(),
  stamp: varint(),
  /** The deps that differ from those of the copy's previous change. */
  deps: list(struct({ copy: varint(MAX_COPIES), seq: varint() }), MAX_COPIES),
  content: union(
    { inline: 1, parts: 2 },
    {
      inline: struct({ bytes: blob(MAX_INLINE_BODY) }),
      parts: struct({ parts: partsCodec, body: hex(32), size: varint() }),
    },
  ),
  signature: fixed(SIGNATURE_BYTES),
  chain: chainCodec,
});

/** By a copy's device. */
export const signedCodec = struct({
  signature: fixed(SIGNATURE_BYTES),
  chain: list(blob(MAX_CERTIFICATE), MAX_CHAIN),
});

const question = union(
  {
    files: 1,
    create: 2,
    snapshot: 3,
    publish: 4,
    users: 5,
    change: 6,
    restore: 7,
    history: 8,
    propose: 9,
    countersign: 10,
  },
  {
    /** Those after this one, in the hub's order; null: from the beginning. */
    files: struct({ after: optional(id) }),
    /** Makes a parent file without content; the asker's copy is its first. Asking again for one's own is no error. */
    create: struct({ file: id, name, copy: id, members: optional(list(name, MAX_MEMBERS)) }),
    /** The newest snapshot of a file. */
    snapshot: struct({ file: id }),
    /** Hands over a snapshot whose chunks the hub has; the file is visible to others from the first one on. */
    publish: struct({
      file: id,
      record: blob(MAX_SNAPSHOT),
      documents: varint(),
      databases: varint(),
      bytes: varint(),
    }),
    users: struct({ file: id }),
    /** The hash of one change, by which a copy finds how much of its own log the hub shares. */
    change: struct({ file: id, copy: id, seq: varint() }),
    /**
     * Gives back a file that the hub does not know any more, or of which it has lost something: what its publisher
     * signed. The log's first change says who that was, what the file is called, and who may see it.
     */
    restore: struct({
      file: id,
      copy: id,
      record: blob(MAX_SNAPSHOT),
      first: struct({
        copy: id,
        stamp: varint(),
        body: blob(MAX_INLINE_BODY),
        signature: fixed(SIGNATURE_BYTES),
        chain: chainCodec,
      }),
    }),
    /** How far the history of a file is packed, and what is proposed. */
    history: struct({ file: id }),
    /** A later snapshot, whose chunks the hub has. `retired`: whose word is not waited for. */
    propose: struct({ file: id, copy: id, record: blob(MAX_SNAPSHOT), retired: list(id, MAX_COPIES) }),
    /** Of the snapshot with this sha256: the same was found (a signature), or something else (null). */
    countersign: struct({ file: id, copy: id, snapshot: hex(32), signed: optional(signedCodec) }),
  },
);

const answer = union(
  { files: 1, done: 2, snapshot: 3, users: 4, change: 5, history: 6 },
  {
    files: struct({
      files: list(
        struct({ file: id, name, documents: varint(), databases: varint(), bytes: varint(), copies: varint() }),
        MAX_FILES,
      ),
      /** There are others after the last of these. */
      more: bool,
    }),
    done: struct({}),
    /** null: the hub has no such change. */
    change: struct({ hash: optional(hex(32)) }),
    /** `given`: by which giving back the hub has it, if it had lost the file or something of it. */
    snapshot: struct({ record: blob(MAX_SNAPSHOT), given: optional(hex(32)) }),
    users: struct({
      users: list(struct({ user: name, device: name, copy: id, online: bool, lastSeenMs: varint() }), MAX_COPIES),
    }),
    history: struct({
      /** What everybody can rely on: nothing below it is in the hub's log. */
      safe: optional(blob(MAX_SNAPSHOT)),
      signed: list(signedCodec, MAX_COPIES),
      /** Waits for another copy to find the same. */
      proposed: optional(blob(MAX_SNAPSHOT)),
      /** Copies that found something else than the maker. */
      differing: list(id, MAX_COPIES),
    }),
  },
);

export const message = union(
  {
    hello: 1,
    welcome: 2,
    ask: 3,
    answer: 4,
    fail: 5,
    open: 10,
    have: 11,
    changes: 12,
    ack: 13,
    want: 14,
    chunks: 15,
    offer: 16,
    need: 17,
    kept: 18,
    close: 19,
    inquire: 20,
    level: 21,
    later: 22,
    unwant: 23,
    wrong: 24,
  },
  {
    /** The first message of whoever dialled. */
    hello: struct({ versions: list(varint(65_535), 64), software: name }),
    welcome: struct({ version: varint(65_535), software: name, nowMs: varint() }),
    ask: struct({ id: varint(), question }),
    answer: struct({ id: varint(), answer }),
    fail: struct({ id: varint(), code: name, text: text(MAX_TEXT), remedy: text(MAX_TEXT) }),
    /** From here on `channel` stands for this file on this link. */
    open: struct({ channel, file: id, copy: id }),
    /** All that a side has stored durably; each side says it once, right after `open`. */
    have: struct({ channel, tips }),
    changes: struct({ channel, copies: list(id, MAX_COPIES), changes: list(wireChange, MAX_BATCH) }),
    /** Stored durably up to here. */
    ack: struct({ channel, tips: list(struct({ copy: id, seq: varint() }), MAX_COPIES) }),
    want: struct({ channel, ids: chunkIds }),
    chunks: struct({
      channel,
      chunks: list(struct({ id: hex(32), hash: hex(32), bytes: blob(MAX_STORED_CHUNK) }), MAX_BATCH),
    }),
    /** "I have these and mean you to have them." */
    offer: struct({ channel, ids: chunkIds }),
    /** Of the offered ones: send these. The others are here durably. */
    need: struct({ channel, offered: varint(), ids: chunkIds }),
    /** Stored durably. */
    kept: struct({ channel, ids: chunkIds }),
    close: struct({ channel, code: name, text: text(MAX_TEXT) }),
    /** "What have you stored by now?" The answer may run ahead of the changes themselves. */
    inquire: struct({ channel }),
    level: struct({ channel, tips: list(struct({ copy: id, seq: varint() }), MAX_COPIES) }),
    /** Wanted chunks that are not here. They follow when they come in, unless they are not wanted any more by then. */
    later: struct({ channel, ids: chunkIds }),
    unwant: struct({ channel, ids: chunkIds }),
    /** Chunks that came from the other side and are not what their ids say: it looks, and gets them elsewhere. */
    wrong: struct({ channel, ids: list(hex(32), MAX_WRONG) }),
  },
);

export type Message = Carried<typeof message>;
export type MessageOf<K extends Message['kind']> = Extract<Message, { kind: K }>;
export type WireChange = Carried<typeof wireChange>;
export type Question = Carried<typeof question>;
export type Answer = Carried<typeof answer>;

/** A text for the other side's eyes: what is too long is cut, what is no text is made one. */
export function clipped(text: string): string {
  const whole = text.toWellFormed();
  if (Buffer.byteLength(whole) <= MAX_TEXT) return whole;
  // Three bytes at most for each.
  return `${whole.slice(0, MAX_TEXT / 4).toWellFormed()}…`;
}

export function encodeMessage(value: Message): Uint8Array {
  return encode(message, value, value.kind === 'chunks' ? roomFor(value) : undefined);
}

/** Two hashes and two lengths beside the bytes of each chunk, and what stands before them all. */
function roomFor({ chunks }: MessageOf<'chunks'>): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes.byteLength + 72, 16);
}

/** Throws `MalformedError` for anything that is not a message of this version. */
export function decodeMessage(bytes: Uint8Array): Message {
  return decode(message, bytes);
}
