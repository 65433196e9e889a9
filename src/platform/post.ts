/** One HTTPS request to the hub of a pinned office: how enrolment speaks, before there is a certificate. */
import { request } from 'node:http';
import { asLinkError } from './link-failure.ts';
import { openTls, type TlsOptions } from './tls.ts';

const MAX_ANSWER_BYTES = 64 * 1024;

/** Sends `body` (JSON) and returns the answer. Throws `LinkError`. */
export async function post(
  path: string,
  body: string,
  options: Omit<TlsOptions, 'role' | 'credential'>,
): Promise<{ readonly status: number; readonly body: string }> {
  const { socket } = await openTls({ ...options, role: 'hub' });
  const { host } = new URL(options.url);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.destroy();
      reject(asLinkError(error, options.url));
    };
    const outgoing = request({
      method: 'POST',
      path,
      createConnection: () => socket,
      headers: {
        host,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        connection: 'close',
      },
    });
    socket.setTimeout(options.timeoutMs, () => fail(new Error('no answer')));
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
        if (text.length > MAX_ANSWER_BYTES) fail(new Error('the answer is too long'));
      });
      response.on('error', fail);
      response.on('end', () => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0, body: text });
      });
    });
    outgoing.end(body);
  });
}
