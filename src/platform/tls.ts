/**
 * TLS 1.3 to one pinned office. The certificate authority that is passed is the only one believed; names do not
 * matter, because office computers change theirs; the role of the other side's certificate does.
 */
import { connect, type TLSSocket } from 'node:tls';
import { fingerprint, type Role, toPem, verifyChain } from './certificates.ts';
import { asLinkError, LinkError } from './link-failure.ts';
import type { PeerIdentity } from './ports.ts';

/** What one end shows of itself: a chain, DER, leaf first, and its key, PKCS#8 PEM. */
export interface Credential {
  readonly chain: readonly Uint8Array[];
  readonly key: string;
}

export interface TlsOptions {
  /** https://HOST:PORT */
  readonly url: string;
  /** The office's certificate, DER. */
  readonly office: Uint8Array;
  /** Nothing to show: only enrolment is open then. */
  readonly credential?: Credential | undefined;
  /** Whom we look for. */
  readonly role: Role;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** An open session with the one we look for. Throws `LinkError`; then nothing of ours has been sent but TLS itself. */
export async function openTls(options: TlsOptions): Promise<{ socket: TLSSocket; peer: PeerIdentity }> {
  const { url, office, credential, role } = options;
  const identity = credential && { cert: toPem(credential.chain), key: credential.key };
  // `ca` replaces the system's authorities. A session is never resumed: none is offered, and see `proved`.
  const socket = connect({
    ...place(url),
    ca: toPem([office]),
    ...identity,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  });
  await secured(socket, options);
  try {
    return { socket, peer: proved(socket, office, role) };
  } catch (error) {
    socket.destroy();
    throw asLinkError(error, url);
  }
}

/** The certificate that an office shows at `url`, unproved: only for comparing it with a fingerprint. */
export async function officeShownAt(
  options: Omit<TlsOptions, 'office' | 'role' | 'credential'>,
): Promise<Uint8Array[]> {
  const socket = connect({ ...place(options.url), minVersion: 'TLSv1.3', rejectUnauthorized: false });
  await secured(socket, options);
  const leaf = socket.getPeerX509Certificate();
  socket.destroySoon();
  return [leaf, leaf?.issuerCertificate].flatMap((certificate) => certificate?.raw ?? []);
}

/** Resolves when TLS is set up. */
function secured(socket: TLSSocket, { url, timeoutMs, signal }: Pick<TlsOptions, 'url' | 'timeoutMs' | 'signal'>) {
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const cancel = () => fail(new LinkError('cancelled', 'The connection was given up.'));
    const close = () => fail(new Error('it hung up'));
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.off('error', fail).off('close', close);
    };
    function fail(error: Error): void {
      settle();
      socket.destroy();
      reject(asLinkError(error, url));
    }
    // One that hears the errors nobody else hears: they must not end the process.
    socket.on('error', () => {});
    socket.setNoDelay(true).on('error', fail).on('close', close);
    socket.once('secureConnect', () => {
      settle();
      resolve();
    });
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
  });
}

function proved(socket: TLSSocket, office: Uint8Array, role: Role): PeerIdentity {
  const leaf = socket.getPeerX509Certificate()?.raw;
  // A resumed session may show no certificate, and a check of what is not there passes easily.
  if (!socket.authorized || socket.isSessionReused() || leaf === undefined) {
    throw new LinkError('untrusted', 'The other side does not prove that it belongs to this office.');
  }
  const identity = verifyChain([leaf, office], fingerprint(office), role);
  if ('distrust' in identity) {
    throw new LinkError('untrusted', `The other side is not the ${role} we look for: ${identity.distrust}.`);
  }
  const { publicKey: _, ...peer } = identity;
  return peer;
}

function place(url: string): { host: string; port: number } {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'https:') throw new LinkError('unreachable', `${url} is not the address of a hub.`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}
