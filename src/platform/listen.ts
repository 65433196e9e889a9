/**
 * Being called: one TLS port for sessions and for the few requests of those who have no certificate yet. Strangers get
 * a few seconds and nothing else; what they do is told to `onRefused` and never disturbs anyone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { ProblemError } from '../core/problem.ts';
import { fingerprint, type Identity, toPem, verifyChain } from './certificates.ts';
import { SESSION_PATH } from './dial.ts';
import { LIMITS, type LinkLimits, linkOver, socketOptions } from './link.ts';
import type { Link, PeerIdentity } from './ports.ts';
import type { Credential } from './tls.ts';
import { type WaitingLimits, waitingRoom } from './waiting-room.ts';

/** A request outside of a session. `from` is the caller's address. */
export interface Question {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly from: string;
}

/** `body` is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly credential: Credential;
  /** The office's certificate, DER: whoever it enrolled may call. */
  readonly office: Uint8Array;
  /** A reason not to let a proved device in, or undefined. */
  readonly admit?: (peer: PeerIdentity) => string | undefined;
  /** Sets the link's handlers before it returns. */
  readonly onLink: (link: Link) => void;
  readonly onRequest?: (question: Question) => Promise<Answer>;
  readonly onRefused?: (refused: { readonly from: string; readonly why: string }) => void;
  readonly limits?: Partial<ListenLimits>;
}

export type ListenLimits = LinkLimits & WaitingLimits;

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Says farewell to everyone and resolves when the port is free. */
  close(reason: string): Promise<void>;
}

const WAITING = 256;
const MAX_BODY_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 8 * 1024;

/** Throws `ProblemError` if the port cannot be had. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { credential, office, admit, onRequest, onRefused } = options;
  const limits = { ...LIMITS, waiting: WAITING, ...options.limits };
  const officeId = fingerprint(office);
  const links = new Set<Link>();
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, ...socketOptions(limits) });
  const server = createServer({
    cert: toPem(credential.chain),
    key: credential.key,
    ca: toPem([office]),
    minVersion: 'TLSv1.3',
    requestCert: true,
    // Enrolment comes without a certificate; who shows one is judged below.
    rejectUnauthorized: false,
    noDelay: true,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  const refuse = (socket: { remoteAddress?: string | undefined } & Duplex, why: string) => {
    onRefused?.({ from: socket.remoteAddress ?? '?', why });
    socket.destroy();
  };
  const waiting = waitingRoom(limits, refuse);

  server.on('connection', waiting.enter);
  // Failures of TLS come here too; only those of HTTP have HPE_ codes. Who hangs up again was not refused.
  server.on('clientError', ({ code = '?' }: NodeJS.ErrnoException, socket) => {
    if (code === 'ECONNRESET' || code === 'EPIPE') return socket.destroy();
    refuse(socket, `${code.startsWith('HPE_') ? 'no HTTP' : 'no TLS 1.3'} (${code})`);
  });
  server.on('secureConnection', (socket) => {
    if (socket.getPeerX509Certificate() === undefined) return;
    const identity = judge(socket, office, officeId);
    if ('distrust' in identity) refuse(socket, `its certificate: ${identity.distrust}`);
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    answer(request, response, onRequest).catch((error) => refuse(socket, `a request failed (${error.message})`));
  });
  server.on('upgrade', (request, duplex, head) => {
    const socket = duplex as TLSSocket;
    const identity = judge(socket, office, officeId);
    if ('distrust' in identity) return turnAway(socket, 401, `a session needs a certificate (${identity.distrust})`);
    if (request.url !== SESSION_PATH) return turnAway(socket, 404, 'there is nothing at this path');
    const { publicKey: _, ...peer } = identity;
    const objection = objectionTo(peer);
    if (objection !== undefined) return turnAway(socket, 403, objection);
    sockets.handleUpgrade(request, socket, head, (ws) => {
      waiting.leave(socket);
      const link = linkOver(ws, peer, limits, socket);
      links.add(link);
      ws.once('close', () => links.delete(link));
      takeOn(link, socket);
    });
  });
  /** Whoever is asked may fail, for its disk does: then this one caller hears of it, and calls again. */
  function objectionTo(peer: PeerIdentity): string | undefined {
    try {
      return admit?.(peer);
    } catch (error) {
      return (error as Error).message;
    }
  }
  function takeOn(link: Link, { remoteAddress: from = '?' }: TLSSocket): void {
    try {
      options.onLink(link);
    } catch (error) {
      const why = (error as Error).message;
      onRefused?.({ from, why });
      link.close(why);
    }
  }
  function turnAway(socket: TLSSocket, status: number, why: string): void {
    onRefused?.({ from: socket.remoteAddress ?? '?', why });
    const body = Buffer.from(why, 'utf8');
    socket.end(
      `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${body.byteLength}\r\n\r\n${why}`,
    );
  }

  const address = await bound(server, options.host, options.port);
  server.on('error', (error) => onRefused?.({ from: '?', why: `it could not be accepted (${error.message})` }));
  return {
    host: address.address,
    port: address.port,
    close: (reason) =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const link of links) link.close(reason);
        waiting.clear();
      }),
  };
}

/**
 * Who the session's certificate proves. TLS keeps the verdict and the certificate over a resumption; the chain is
 * judged again all the same, and its second half is our own office, whatever was sent.
 */
function judge(socket: TLSSocket, office: Uint8Array, officeId: string): Identity | { readonly distrust: string } {
  const leaf = socket.getPeerX509Certificate()?.raw;
  if (leaf === undefined) return { distrust: 'none was shown' };
  if (!socket.authorized) return { distrust: `not accepted: ${socket.authorizationError}` };
  return verifyChain([leaf, office], officeId);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  onRequest: ListenOptions['onRequest'],
): Promise<void> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) {
    body += piece;
    if (body.length > MAX_BODY_BYTES) throw new Error('its body is too long');
  }
  const { method = '', url: path = '' } = request;
  const from = request.socket.remoteAddress ?? '?';
  const { status, body: result } = (await onRequest?.({ method, path, body, from })) ?? { status: 404, body: {} };
  const bytes = Buffer.from(JSON.stringify(result), 'utf8');
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.byteLength,
    connection: 'close',
  });
  response.end(bytes);
}

function bound(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen({ host, port, exclusive: true }, () => {
      server.removeAllListeners('error');
      resolve(server.address() as AddressInfo);
    });
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): ProblemError {
  const taken = error.code === 'EADDRINUSE';
  return new ProblemError(
    {
      code: taken ? 'port-taken' : 'cannot-listen',
      text: `Cannot listen on ${host}:${port}: ${taken ? 'another program uses this port' : error.message}.`,
      remedy: 'Choose another address or port with --listen, or end the other program.',
    },
    { cause: error },
  );
}
