import assert from 'node:assert/strict';
import { createServer, connect as plain, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { LinkError } from '../../src/platform/link-failure.ts';
import { serve, watch } from './calls.ts';
import { makeOffice } from './offices.ts';

const office = await makeOffice();
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

suite('a link', { timeout: 20_000 }, () => {
  test('NET1 each end knows the other by its certificate', async () => {
    const hub = await serve(office);
    const caller = await hub.call('ana');
    const end = await hub.end(0);
    assert.equal(caller.link.peer.user, 'hub');
    assert.equal(end.link.peer.user, 'ana');
    assert.equal(end.link.peer.deviceName, 'laptop');
    assert.match(end.link.peer.device, /^[0-9a-f]{64}$/);
    assert.deepEqual(Buffer.from(end.link.peer.chain[1]!), Buffer.from(office.certificate));
    await hub.close();
  });

  test('NET2 messages arrive whole and in order, of any size up to the limit', async () => {
    const hub = await serve(office);
    const caller = await hub.call('ana');
    const end = await hub.end(0);
    const sizes = [0, 1, 125, 126, 16_384, 65_535, 65_536, 1_000_000, 4 * 1024 * 1024, 7];
    const sent = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
    for (const message of sent) caller.link.send(message);
    for (const message of sent) end.link.send(message);
    for (const received of [await end.got(sizes.length), await caller.got(sizes.length)]) {
      received.forEach((message, at) => {
        assert(Buffer.from(message).equals(Buffer.from(sent[at]!)), `message ${at}`);
      });
    }
    await hub.close();
  });

  test('NET2 what was sent at once is not lost before the handlers are there', async () => {
    const hub = await serve(office, {
      onLink: (link) => {
        watch(link);
        link.send(bytes('welcome'));
        link.close('and goodbye');
      },
    });
    // Through a few more promises, as callers do.
    const caller = await Promise.resolve(hub.call('ana')).then(async (end) => end);
    assert.equal(Buffer.from((await caller.got(1))[0]!).toString(), 'welcome');
    assert.equal(await caller.closed, 'and goodbye');
    await hub.close();
  });

  test('NET3 who closes gives the reason to both ends, once, and nothing arrives or leaves after it', async () => {
    const hub = await serve(office);
    const caller = await hub.call('ana');
    const end = await hub.end(0);
    caller.link.close(`${'é'.repeat(100)}`);
    caller.link.close('again');
    caller.link.send(bytes('late'));
    assert.equal(await end.closed, 'é'.repeat(61));
    assert.equal(await caller.closed, 'é'.repeat(100));
    assert.deepEqual(end.received, []);
    assert.equal(caller.link.backlog, 0);
    await caller.link.drained(1);
    await hub.close();
  });

  test('NET4 backlog counts what the network has not taken, and drained tells when it has', async () => {
    const hub = await serve(office);
    const caller = await hub.call('ana');
    const end = await hub.end(0);
    const many = 64;
    for (let n = 0; n < many; n++) caller.link.send(new Uint8Array(1024 * 1024));
    const before = caller.link.backlog;
    assert(before > 32 * 1024 * 1024, `${before}`);
    await caller.link.drained(8 * 1024 * 1024);
    assert(caller.link.backlog < 8 * 1024 * 1024);
    await end.got(many);
    await caller.link.drained(1);
    assert.equal(caller.link.backlog, 0);
    await hub.close();
  });

  test('NET4 drained resolves when the link ends', async () => {
    const hub = await serve(office);
    const caller = await hub.call('ana');
    for (let n = 0; n < 64; n++) caller.link.send(new Uint8Array(1024 * 1024));
    const drained = caller.link.drained(1);
    caller.link.close('enough');
    await drained;
    await hub.close();
  });

  test('NET5 a dead other side is found by its silence, a quiet one is not', async () => {
    const limits = { pingMs: 40, silentPings: 3 };
    const hub = await serve(office, { limits });
    const quiet = await hub.call('ana', { limits });
    const road = await cuttable(hub.port);
    const caller = await hub.call('ben', { url: road.url, limits });
    const cut = await hub.end(1);
    road.cut();
    assert.match(await caller.closed, /no sign of life/);
    assert.match(await cut.closed, /no sign of life/);
    // As long again and more has passed for the quiet one.
    const quietEnd = await hub.end(0);
    quiet.link.send(bytes('still here'));
    await quietEnd.got(1);
    road.end();
    await hub.close();
  });

  test('NET6 small messages of one callback leave together, in the same turn', async () => {
    const hub = await serve(office);
    const road = await cuttable(hub.port);
    const caller = await hub.call('ana', { url: road.url });
    const end = await hub.end(0);
    caller.link.send(bytes('warm'));
    await end.got(1);
    const before = road.sent();
    for (let n = 0; n < 10; n++) caller.link.send(bytes('0123456789'));
    await end.got(11);
    // 16 bytes each (10, header 2, mask 4) in one record of 22 more.
    assert.equal(road.sent() - before, 10 * 16 + 22);
    road.end();
    await hub.close();
  });

  test('NET7 where nobody answers, or somebody who is silent, the caller is told in time', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const hub = await serve(office);
    const kind = (wanted: string) => (error: unknown) => error instanceof LinkError && error.kind === wanted;
    const limits = { handshakeMs: 80 };
    await assert.rejects(hub.call('ana', { url: `https://127.0.0.1:${port}`, limits }), kind('unreachable'));
    const giveUp = AbortSignal.timeout(30);
    await assert.rejects(hub.call('ana', { url: `https://127.0.0.1:${port}`, signal: giveUp }), kind('cancelled'));
    await assert.rejects(hub.call('ana', { signal: AbortSignal.abort() }), kind('cancelled'));
    silent.close();
    await hub.close();
    await assert.rejects(hub.call('ana'), kind('unreachable'));
  });
});

/** A road to `port` that can be cut so that neither end is told. */
async function cuttable(port: number) {
  const sockets: Socket[] = [];
  let sent = 0;
  const server = createServer((near) => {
    const far = plain({ port, host: '127.0.0.1', noDelay: true });
    near.setNoDelay(true);
    near.on('data', (data: Buffer) => {
      sent += data.byteLength;
      far.write(data);
    });
    far.on('data', (data) => near.write(data));
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    sockets.push(near, far);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as { port: number }).port}`,
    sent: () => sent,
    cut() {
      for (const socket of sockets) socket.removeAllListeners('data').removeAllListeners('close').pause();
    },
    end() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
