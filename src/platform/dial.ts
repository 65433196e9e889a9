/** Calling a hub or a peer. */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { firstOf } from './first-of.ts';
import { LIMITS, type LinkLimits, linkOver, socketOptions } from './link.ts';
import { asLinkError, LinkError } from './link-failure.ts';
import type { Link } from './ports.ts';
import { type Credential, openTls, type TlsOptions } from './tls.ts';

export interface DialOptions extends Omit<TlsOptions, 'timeoutMs' | 'credential' | 'role'> {
  readonly credential: Credential;
  /** Whom we call; the hub if not said. */
  readonly role?: TlsOptions['role'];
  readonly limits?: Partial<LinkLimits>;
}

/** The path of sessions. Everything else on the port is plain HTTPS. */
export const SESSION_PATH = '/sync';

/** A proved link, or `LinkError`. Set its handlers as soon as you have it. */
export async function dial(options: DialOptions): Promise<Link> {
  const limits = { ...LIMITS, ...options.limits };
  const begun = performance.now();
  const { socket, peer } = await openTls({ role: 'hub', ...options, timeoutMs: limits.handshakeMs });
  const left = Math.max(1, limits.handshakeMs - (performance.now() - begun));
  const ws = new WebSocket(new URL(SESSION_PATH, options.url.replace(/^https:/, 'wss:')), {
    ...socketOptions(limits),
    createConnection: () => socket,
    handshakeTimeout: left,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    const { signal, url } = options;
    const fail = (error: unknown) => {
      signal?.removeEventListener('abort', cancel);
      ws.on('error', () => {}).terminate();
      socket.destroy();
      reject(asLinkError(error, url));
    };
    const cancel = () => fail(new LinkError('cancelled', 'The connection was given up.'));
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    ws.once('error', fail);
    ws.once('unexpected-response', (_request, response) => refusal(response, url).then(fail));
    ws.once('open', () => {
      signal?.removeEventListener('abort', cancel);
      ws.off('error', fail);
      resolve(linkOver(ws, peer, limits, socket));
    });
  });
}

/** As `dial`, at whichever of the hub's addresses answers first. */
export function dialFirst({ urls, ...options }: Omit<DialOptions, 'url'> & { urls: readonly string[] }): Promise<Link> {
  return firstOf({
    urls,
    signal: options.signal,
    attempt: (url, signal) => dial({ ...options, url, signal }),
    discard: (late) => late.close('another address answered first'),
  });
}

const REFUSAL_BYTES = 1024;

/** The right one answered, and said no: in its own words, if they are few. */
async function refusal(response: IncomingMessage, url: string): Promise<LinkError> {
  let text = '';
  try {
    for await (const piece of response.setEncoding('utf8')) {
      text += piece;
      if (text.length > REFUSAL_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  const why = text.slice(0, REFUSAL_BYTES).replace(/\p{C}/gu, ' ').trim() || `status ${response.statusCode}`;
  return new LinkError('refused', `${url} does not let this computer in: ${why}.`);
}
