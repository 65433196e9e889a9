import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as plain } from 'node:net';
import { suite, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { toPem } from '../../src/platform/certificates.ts';
import { LinkError } from '../../src/platform/link-failure.ts';
import { listen } from '../../src/platform/listen.ts';
import type { Credential } from '../../src/platform/tls.ts';
import { serve } from './calls.ts';
import { makeOffice } from './offices.ts';

const office = await makeOffice();
const elsewhere = await makeOffice();
const ana = await office.device('ana');

const kind = (wanted: string) => (error: unknown) => error instanceof LinkError && error.kind === wanted;

/** A caller that keeps none of our rules. */
async function raw(port: number, options: ConnectionOptions & { credential?: Credential } = {}): Promise<TLSSocket> {
  const { credential, ...more } = options;
  const identity = credential && { cert: toPem(credential.chain), key: credential.key };
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...identity, ...more });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
  return socket;
}

const closed = (socket: { destroyed: boolean; once(event: 'close', run: () => void): unknown }) =>
  new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', resolve)));

/** What is written by hand on a TLS socket, and all that comes back until it is closed. */
async function say(socket: TLSSocket, text: string): Promise<string> {
  let heard = '';
  socket.on('data', (piece: Buffer) => {
    heard += piece.toString('latin1');
  });
  socket.write(text);
  await closed(socket);
  return heard;
}

const UPGRADE =
  'GET /sync HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** The hub after whatever was done to it: an honest caller comes through. */
async function goesOn(hub: Awaited<ReturnType<typeof serve>>): Promise<void> {
  const before = hub.ends.length;
  const caller = await hub.call('chloe', { credential: ana });
  const end = await hub.end(before);
  caller.link.send(new Uint8Array([1]));
  await end.got(1);
  await hub.close();
}

suite('a listener', { timeout: 20_000 }, () => {
  test('NET8 without a certificate there is no session', async () => {
    const hub = await serve(office);
    assert.match(await say(await raw(hub.port), UPGRADE), /^HTTP\/1.1 401 /);
    assert.match((await hub.refused())[0]!, /needs a certificate/);
    await goesOn(hub);
  });

  test('NET8 a certificate of another office opens nothing', async () => {
    const hub = await serve(office, { onRequest: async () => ({ status: 200, body: 'secret' }) });
    const credential = await elsewhere.device('ana');
    const mixed = { chain: [credential.chain[0]!, office.certificate], key: credential.key };
    for (const shown of [credential, mixed]) {
      for (const request of [UPGRADE, 'GET / HTTP/1.1\r\nHost: hub\r\n\r\n']) {
        const heard = await say(await raw(hub.port, { credential: shown }), request);
        assert.doesNotMatch(heard, /101|200/);
      }
    }
    assert.match((await hub.refused(4)).join(), /its certificate: not accepted/);
    await goesOn(hub);
  });

  test('NET8 the hub calls nobody: its own certificate opens no session', async () => {
    const hub = await serve(office);
    await assert.rejects(hub.call('x', { credential: office.hub }), LinkError);
    await goesOn(hub);
  });

  test('NET8 a certificate that ran out opens no session', async () => {
    const hub = await serve(office);
    const old = await office.device('old', 'desk', Date.UTC(1980, 0, 1));
    await assert.rejects(hub.call('old', { credential: old }), LinkError);
    assert.match((await hub.refused())[0]!, /CERT_HAS_EXPIRED/);
    await goesOn(hub);
  });

  test('NET9 the caller speaks to its own office only', async () => {
    const impostor = await serve(elsewhere);
    await assert.rejects(impostor.call('ana', { office: office.certificate, credential: ana }), kind('untrusted'));
    // An office of the same name: the certificates differ in their keys only.
    await impostor.close();
    // A colleague's machine that poses as the hub.
    const colleague = await serve({ ...office, hub: await office.device('ben') });
    await assert.rejects(colleague.call('ana', { credential: ana }), kind('untrusted'));
    // As a peer it is welcome.
    const peer = await colleague.call('ana', { credential: ana, role: 'device' });
    assert.equal(peer.link.peer.user, 'ben');
    await colleague.close();
  });

  test('NET9 a hub that was replaced by another office under its address is not believed on reconnecting', async () => {
    const hub = await serve(office);
    await hub.call('ana', { credential: ana });
    await hub.close();
    const impostor = await listen({
      host: '127.0.0.1',
      port: hub.port,
      credential: elsewhere.hub,
      office: elsewhere.certificate,
      onLink: () => assert.fail('it got a session'),
    });
    await assert.rejects(hub.call('ana', { credential: ana }), kind('untrusted'));
    await impostor.close('done');
  });

  test('NET10 a resumed TLS session is judged like a new one', async () => {
    let revoked = false;
    const hub = await serve(office, { admit: () => (revoked ? 'this device was revoked' : undefined) });
    const first = await raw(hub.port, { credential: ana, minVersion: 'TLSv1.3' });
    const ticket = once(first, 'session');
    first.write(UPGRADE);
    const end = await hub.end(0);
    const [session] = (await ticket) as [Buffer];
    first.destroy();
    // The ticket alone, without the certificate: it is the device of the ticket, or nobody.
    const resumed = await raw(hub.port, { session, minVersion: 'TLSv1.3' });
    assert(resumed.isSessionReused());
    resumed.write(UPGRADE);
    assert.equal((await hub.end(1)).link.peer.device, end.link.peer.device);
    resumed.destroy();
    revoked = true;
    const again = await raw(hub.port, { session, minVersion: 'TLSv1.3' });
    assert.match(await say(again, UPGRADE), /^HTTP\/1.1 403 [\s\S]*revoked/);
    revoked = false;
    await goesOn(hub);
  });

  test('NET11 who is not admitted is told why', async () => {
    const hub = await serve(office, { admit: (peer) => (peer.user === 'ben' ? 'ben has left' : undefined) });
    await assert.rejects(
      hub.call('ben'),
      (error) => kind('refused')(error) && /ben has left/.test((error as Error).message),
    );
    await goesOn(hub);
  });

  test('NET19 a caller of whom the hub cannot read or note anything is told so, and the hub goes on', async () => {
    const full = (): never => {
      throw new Error('the disk is full');
    };
    let fails = true;
    const hub = await serve(office, { admit: () => (fails ? full() : undefined) });
    await assert.rejects(
      hub.call('ben'),
      (error) => kind('refused')(error) && /the disk is full/.test((error as Error).message),
    );
    fails = false;
    await goesOn(hub);
    const other = await serve(office, { onLink: full });
    const { closed } = await other.call('ben');
    assert.equal(await closed, 'the disk is full');
    assert.deepEqual(await other.refused(), ['the disk is full']);
    await other.close();
  });

  test('NET12 nothing older than TLS 1.3 is spoken, on either side', async () => {
    const hub = await serve(office);
    const old = await raw(hub.port, { credential: ana, maxVersion: 'TLSv1.2' });
    await closed(old);
    assert.match((await hub.refused())[0]!, /no TLS 1.3/);
    const { createServer } = await import('node:tls');
    const outdated = createServer({
      cert: toPem(office.hub.chain),
      key: office.hub.key,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
    });
    outdated.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => outdated.listen(0, '127.0.0.1', resolve));
    const { port } = outdated.address() as { port: number };
    await assert.rejects(hub.call('ana', { url: `https://127.0.0.1:${port}` }), LinkError);
    outdated.close();
    await goesOn(hub);
  });

  test('NET13 a message above the limit ends the link of who sent it', async () => {
    const hub = await serve(office, { limits: { maxMessage: 1000 } });
    const caller = await hub.call('ana');
    const end = await hub.end(0);
    caller.link.send(new Uint8Array(1000));
    await end.got(1);
    caller.link.send(new Uint8Array(1001));
    assert.match(await end.closed, /above the limit/);
    await caller.closed;
    assert.equal(end.received.length, 1);
    await goesOn(hub);
  });

  test('NET14 garbage at any layer closes its own connection and nothing else', async () => {
    const hub = await serve(office, { limits: { closeMs: 20 } });
    const witness = await hub.call('ana');
    const witnessEnd = await hub.end(0);
    const noise = plain(hub.port, '127.0.0.1').on('error', () => {});
    noise.write('GET / HTTP/1.1\r\n\r\n');
    await closed(noise);
    await say(await raw(hub.port), `\0\xff garbage\r\n\r\n`);
    assert.match(await say(await raw(hub.port), 'GET / HTTP/1.1\r\nHost: hub\r\n\r\n'), /^HTTP\/1.1 404 /);
    assert.match(await say(await raw(hub.port, { credential: ana }), UPGRADE.replace('/sync', '/')), /^HTTP\/1.1 404 /);
    await say(await raw(hub.port, { credential: ana }), UPGRADE.replace('Key: AA', 'Key: ?'));
    // Proved, and then frames that are none: reserved bits, an unmasked frame, text.
    for (const frame of [
      [0xf2, 0x80, 0, 0, 0, 0],
      [0x82, 0x01, 0x00],
      [0x81, 0x81, 0, 0, 0, 0, 0x61],
    ]) {
      const count = hub.ends.length;
      const socket = await raw(hub.port, { credential: ana });
      socket.write(UPGRADE);
      const end = await hub.end(count);
      socket.write(Buffer.from(frame));
      assert.match(await end.closed, /broke the protocol|sent text/);
      assert.deepEqual(end.received, []);
    }
    witness.link.send(new Uint8Array([7]));
    await witnessEnd.got(1);
    await goesOn(hub);
  });

  test('NET15 strangers have their time', async () => {
    const hub = await serve(office, { limits: { handshakeMs: 500 } });
    const silent = plain(hub.port, '127.0.0.1').on('error', () => {});
    const halfway = await raw(hub.port, { credential: ana });
    halfway.write('GET /sync HTTP/1.1\r\n');
    await Promise.all([closed(silent), closed(halfway)]);
    assert.match((await hub.refused(2)).join(), /no session within/);
    await goesOn(hub);
  });

  test('NET15 strangers have their number, and leave room for the honest', async () => {
    const hub = await serve(office, { limits: { waiting: 5 } });
    const crowd = Array.from({ length: 20 }, () => plain(hub.port, '127.0.0.1').on('error', () => {}));
    await hub.refused(15);
    const caller = await hub.call('ana');
    await hub.end(0);
    for (const socket of crowd) socket.destroy();
    caller.link.close('done');
    await goesOn(hub);
  });

  test('NET16 a request outside of a session is answered once and in bounds', async () => {
    const seen: string[] = [];
    const hub = await serve(office, {
      onRequest: async ({ method, path, body, from }) => {
        seen.push(`${method} ${path} ${body} ${from}`);
        return { status: 200, body: { hello: 'you' } };
      },
    });
    const post = (body: string) => `POST /enrol HTTP/1.1\r\nHost: hub\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    assert.match(await say(await raw(hub.port), post('hi')), /200 OK[\s\S]*\{"hello":"you"\}$/);
    assert.deepEqual(seen, ['POST /enrol hi 127.0.0.1']);
    assert.doesNotMatch(await say(await raw(hub.port), post('x'.repeat(20_000))), /200/);
    assert.equal(seen.length, 1);
    await goesOn(hub);
  });

  test('NET17 a port that is taken is told with what to do', async () => {
    const hub = await serve(office);
    await assert.rejects(serve(office, { port: hub.port }), /another program uses this port.*--listen/);
    await goesOn(hub);
  });

  test('NET18 closing says farewell and frees the port', async () => {
    const hub = await serve(office);
    const caller = await hub.call('ana');
    const stranger = await raw(hub.port);
    await hub.close();
    assert.equal(await caller.closed, 'the test is over');
    await closed(stranger);
    const again = await serve(office, { port: hub.port });
    await goesOn(again);
  });

  test('NET8 an ordinary WebSocket client finds no way around', async () => {
    const hub = await serve(office);
    const ws = new WebSocket(hub.url.replace('https', 'wss'), { rejectUnauthorized: false });
    const [error] = await once(ws, 'error');
    assert.match(String(error), /401/);
    await goesOn(hub);
  });
});
