/**
 * A `Link` over one WebSocket whose TLS session is proved already (`dial.ts`, `listen.ts`): messages, backlog,
 * keep-alive and an end with a reason. Only here is the library behind it known.
 */
import { type RawData, WebSocket } from 'ws';
import type { Link, PeerIdentity } from './ports.ts';

export interface LinkLimits {
  /** Bytes of one message; a larger one ends the link. */
  readonly maxMessage: number;
  /** From the first packet to a proved link. */
  readonly handshakeMs: number;
  /** After this much silence the other side is asked for a sign of life. */
  readonly pingMs: number;
  /** Silent for so many times `pingMs`: dead. */
  readonly silentPings: number;
  /** How long the other side may take to answer a farewell. */
  readonly closeMs: number;
}

/** The largest message of the protocol (src/protocol/limits.ts), and a dead peer found within 30 s. */
export const LIMITS: LinkLimits = {
  maxMessage: 4 * 1024 * 1024,
  handshakeMs: 10_000,
  pingMs: 10_000,
  silentPings: 3,
  closeMs: 1_000,
};

/** How the library is used on both ends. Compression is ours to do: its own costs 20 times the throughput. */
export function socketOptions(limits: LinkLimits) {
  return {
    perMessageDeflate: false,
    maxPayload: limits.maxMessage,
    closeTimeout: limits.closeMs,
    // Nobody here splits messages; and a message trickling in byte by byte must not cost a buffer for each.
    maxFragments: 16,
    maxBufferedChunks: 8192,
    // Under TLS masking protects nobody: a mask of zeros saves the work and the copy.
    generateMask: (mask: Buffer) => void mask.fill(0),
  } as const;
}

/** The protocol's limit for a reason: 125 bytes with the code. */
const REASON_BYTES = 123;
const NORMAL = 1000;
const UNFIT = 1003;

/** `ws` is open since this very tick. The receiver sets the handlers in it, or in the promise jobs that follow. */
export function linkOver(ws: WebSocket, peer: PeerIdentity, limits: LinkLimits, wire: Wire): Link {
  let ended: string | undefined;
  let waiting: { below: number; resolve: () => void }[] = [];

  const link: Link = {
    peer,
    onMessage: () => {},
    onClose: () => {},
    get backlog() {
      return ws.readyState === WebSocket.OPEN ? ws.bufferedAmount : 0;
    },
    send(message) {
      if (ended !== undefined || ws.readyState !== WebSocket.OPEN) return;
      gatherRecords();
      ws.send(message, release);
    },
    drained(bytes) {
      if (link.backlog < bytes || ws.readyState === WebSocket.CLOSED) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ below: bytes, resolve }));
    },
    close(reason) {
      if (ended !== undefined) return;
      ended = reason;
      ws.close(NORMAL, cut(reason));
    },
  };

  // What is sent in one go leaves in one TLS record and one packet, at the end of the current callback.
  let gathering = false;
  function gatherRecords(): void {
    if (gathering) return;
    gathering = true;
    wire.cork();
    process.nextTick(() => {
      gathering = false;
      wire.uncork();
    });
  }

  function release(): void {
    if (waiting.length === 0) return;
    const { backlog } = link;
    const done = waiting.filter(({ below }) => backlog < below);
    if (done.length === 0) return;
    waiting = waiting.filter(({ below }) => backlog >= below);
    for (const { resolve } of done) resolve();
  }

  function abandon(reason: string): void {
    ended ??= reason;
    ws.terminate();
  }

  const stopWatching = watchSilence(ws, wire, limits, abandon);
  const handedOver = new Promise((resolve) => setImmediate(resolve));
  // Nothing is delivered before whoever awaits the link has had its turn.
  ws.pause();
  handedOver.then(() => ws.resume());

  ws.on('message', (data: RawData, isBinary: boolean) => {
    if (ended !== undefined) return;
    if (isBinary) link.onMessage(data as Buffer);
    else {
      ended = 'the other side sent text';
      ws.close(UNFIT, ended);
    }
  });
  ws.on('error', (error) => {
    ended ??= describe(error);
  });
  ws.once('close', (code, reason) => {
    stopWatching();
    ended ??= farewell(code, reason);
    const last = ended;
    for (const { resolve } of waiting) resolve();
    waiting = [];
    handedOver.then(() => link.onClose(last));
  });
  return link;
}

/** The socket below, as far as a link needs it. */
export interface Wire {
  readonly bytesRead: number;
  cork(): void;
  uncork(): void;
}

/**
 * Any byte is a sign of life, also that of a large message still under way. Turns are counted, not time: after a sleep
 * of the computer the other side has its chance to answer.
 */
function watchSilence(ws: WebSocket, wire: Wire, limits: LinkLimits, dead: (reason: string) => void): () => void {
  let heard = wire.bytesRead;
  let silent = 0;
  const timer = setInterval(() => {
    if (wire.bytesRead !== heard) {
      heard = wire.bytesRead;
      silent = 0;
      return;
    }
    silent++;
    if (silent >= limits.silentPings) dead(`no sign of life for ${(silent * limits.pingMs) / 1000} s`);
    else if (ws.readyState === WebSocket.OPEN) ws.ping();
  }, limits.pingMs);
  timer.unref();
  return () => clearInterval(timer);
}

function describe(error: Error & { code?: string }): string {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'the other side sent a message above the limit';
  if (error.code?.startsWith('WS_ERR')) return `the other side broke the protocol (${error.message})`;
  return `the connection broke (${error.message})`;
}

/** A reason is the other side's text: shown, so without control characters. */
function farewell(code: number, reason: Buffer): string {
  const text = reason.toString('utf8').replace(/\p{C}/gu, ' ').trim();
  if (text !== '') return text;
  return code === NORMAL ? 'closed by the other side' : `the connection broke (${code})`;
}

/** At most so many bytes of UTF-8, whole characters. */
function cut(reason: string): string {
  const bytes = Buffer.from(reason, 'utf8');
  if (bytes.byteLength <= REASON_BYTES) return reason;
  return new TextDecoder().decode(bytes.subarray(0, REASON_BYTES), { stream: true });
}
