/**
 * The ports to the outside world. Everything above `platform` sees time, chance, disk and network only through
 * these, so that the seeded world of the tests can run the shipping code on virtual ones.
 */

/** Time. `now` is wall-clock milliseconds since 1970 (may jump); `monotonic` is milliseconds that never go back. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Calls `run` once after `ms`; the returned function cancels it. Timers never keep a process alive. */
  after(ms: number, run: () => void): () => void;
}

/** Chance: ids, nonces, jitter. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
}

/** Who is at the other end, proved by the certificate of the TLS session (never by what the peer says). */
export interface PeerIdentity {
  /** sha256 of the certificate's public key (SPKI, DER), 64 hex characters. */
  readonly device: string;
  readonly user: string;
  readonly deviceName: string;
  /** The certificate and its issuers, DER, leaf first. */
  readonly chain: readonly Uint8Array[];
}

/** One connection that carries whole binary messages in order, or ends. */
export interface Link {
  readonly peer: PeerIdentity;
  /** Queues one message. After `close` it does nothing. */
  send(message: Uint8Array): void;
  /** Bytes queued and not yet handed to the network. */
  readonly backlog: number;
  /** Resolves once `backlog` has fallen below `bytes`, or the link is closed. */
  drained(bytes: number): Promise<void>;
  /** Set once, before the first message can arrive (same tick as the link was handed over). */
  onMessage: (message: Uint8Array) => void;
  /** Called exactly once. */
  onClose: (reason: string) => void;
  close(reason: string): void;
}

/** What is on disk under one path. Times are nanoseconds since 1970, ids are decimal strings (64 bit). */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly inode: string;
  readonly device: string;
}
