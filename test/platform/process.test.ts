import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { startApi } from '../../src/agent/api.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { VERSION } from '../../src/core/software.ts';
import { openAgentLog } from '../../src/platform/agent-log.ts';
import { makePrivateFolder, readAgentNote, writeAgentNote } from '../../src/platform/home.ts';
import { takeLock } from '../../src/platform/lock.ts';
import {
  agentEnded,
  ensureAgent,
  findAgent,
  type HeldHome,
  holdHome,
  holdingAgent,
} from '../../src/platform/process.ts';
import { systemClock } from '../../src/platform/system.ts';
import { connect } from '../../src/sdk/client.ts';
import { fakeService } from '../agent/fake-service.ts';

const entry = join(import.meta.dirname, '..', 'agent', 'fake-agent.ts');

/** A TIEOUT_HOME; whatever serves it is ended after the test. */
function temporaryHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'tieout-home-'));
  t.after(async () => {
    // Held until this process ends: an agent that still waits for its turn must not get it.
    for (let held: HeldHome | undefined; held === undefined; ) {
      const agent = await findAgent(home);
      if (agent !== undefined && agent.pid !== process.pid) process.kill(agent.pid, 'SIGKILL');
      held = await holdHome(home).catch(() => undefined);
    }
    rmSync(home, { recursive: true });
  });
  return home;
}

test('AGT1 one agent serves one TIEOUT_HOME, however many are started at once', async (t) => {
  const home = temporaryHome(t);
  const agents = await Promise.all([1, 2, 3].map(() => ensureAgent({ home, entry })));
  assert.equal(new Set(agents.map((agent) => agent.pid)).size, 1);
  assert.deepEqual(await ensureAgent({ home, entry }), agents[0]);
  await assert.rejects(holdHome(home), (error) => (error as ProblemError).problem.code === 'agent-runs-already');
});

test('AGT1 a lock is held once, and can be taken again when it is released', (t) => {
  const path = join(temporaryHome(t), 'some.lock');
  const lock = takeLock(path)!;
  assert.equal(takeLock(path), undefined);
  lock.release();
  takeLock(path)!.release();
});

test('AGT14 an agent of an older release is ended and started again by the next command, and a newer one is left alone', async (t) => {
  const home = temporaryHome(t);
  const begin = async (version: string) => {
    process.env.FAKE_AGENT_VERSION = version;
    try {
      return await ensureAgent({ home, entry });
    } finally {
      delete process.env.FAKE_AGENT_VERSION;
    }
  };
  const old = await begin('0.0.9');
  assert.equal(old.version, '0.0.9');
  const ours = await ensureAgent({ home, entry });
  assert.notEqual(ours.pid, old.pid);
  assert.equal(ours.version, VERSION);
  assert.equal((await ensureAgent({ home, entry })).pid, ours.pid);
  await connect(ours).call('stop', {});
  assert.ok(await agentEnded(home, 10_000));
  const newer = await begin('99.0.0');
  assert.equal((await ensureAgent({ home, entry })).pid, newer.pid);
});

test('AGT2 an agent that was killed leaves nothing in the way of the next', async (t) => {
  const home = temporaryHome(t);
  const first = await ensureAgent({ home, entry });
  process.kill(first.pid, 'SIGKILL');
  assert.ok(await agentEnded(home, 5_000));
  assert.ok((await readAgentNote(home)) !== undefined, 'its note is still there');
  assert.equal(await findAgent(home), undefined);
  const second = await ensureAgent({ home, entry });
  assert.notEqual(second.pid, first.pid);
  assert.notEqual(second.token, first.token);
});

test('AGT3 whatever else answers at the place of an old note is not taken for the agent, and gets no token', async (t) => {
  const home = temporaryHome(t);
  const met: string[] = [];
  const stranger = createServer((request, response) => {
    met.push(`${request.url} ${JSON.stringify(request.headers)}`);
    response.end('{"proof":"AAAA"}');
  });
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  t.after(() => stranger.close());
  const { port } = stranger.address() as AddressInfo;
  // A pid that certainly runs: our own.
  await writeAgentNote(home, { pid: process.pid, url: `http://127.0.0.1:${port}` }, 'the-old-token');
  assert.equal(await findAgent(home), undefined);
  assert.equal(met.length, 1);
  assert.ok(!met[0]!.includes('the-old-token'));

  const agent = await ensureAgent({ home, entry });
  assert.notEqual(agent.url, `http://127.0.0.1:${port}`);
  assert.equal((await connect(agent).call('files', {})).length, 1);
});

test('AGT3 a proof passed on from the real agent proves nothing at another place', async (t) => {
  const home = temporaryHome(t);
  const { url, token } = await ensureAgent({ home, entry });
  const relay = createServer(async (request, response) => {
    response.end(await (await fetch(`${url}${request.url}`)).text());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as AddressInfo;
  await writeAgentNote(home, { pid: process.pid, url: `http://127.0.0.1:${port}` }, token);
  assert.equal(await findAgent(home), undefined);
  relay.close();
  await connect({ url, token }).call('stop', {});
});

test('AGT3 a note that names another place than this computer is not followed', async (t) => {
  const home = temporaryHome(t);
  for (const url of [
    'http://192.0.2.1:80',
    'http://127.0.0.1.evil.example:80',
    'http://127.0.0.1:1@evil.example',
    '',
  ]) {
    await writeAgentNote(home, { pid: 1, url }, 'secret');
    assert.equal(await readAgentNote(home), undefined, url);
  }
  writeFileSync(join(home, 'agent.json'), '{"pid"');
  assert.equal(await findAgent(home), undefined);
});

test('AGT4 an agent that does not start is told at once, with the last lines of its log', async (t) => {
  const home = temporaryHome(t);
  process.env.FAKE_AGENT_FAILS = '1';
  t.after(() => delete process.env.FAKE_AGENT_FAILS);
  await assert.rejects(ensureAgent({ home, entry }), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.problem.code, 'agent-not-started');
    assert.match(error.problem.text, /exit code 3[\s\S]*The sky is falling\./);
    assert.match(error.problem.remedy, /tieout agent/);
    return true;
  });
});

test('AGT5 the log of an agent in the background starts anew when it is large, and the one before is kept', (t) => {
  const home = temporaryHome(t);
  makePrivateFolder(join(home, 'logs'));
  const path = join(home, 'logs', 'agent.log');
  writeFileSync(path, 'x'.repeat(6 * 1024 * 1024));
  const log = openAgentLog(home);
  writeFileSync(log.descriptor, 'one\ntwo\nthree\n');
  assert.deepEqual(log.tail(2), ['two', 'three']);
  log.close();
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\nthree\n');
  assert.equal(readFileSync(`${path}.1`).length, 6 * 1024 * 1024);
});

test('AGT6 an agent has ended when its home is free, not before', async (t) => {
  const home = temporaryHome(t);
  const agent = await ensureAgent({ home, entry });
  assert.equal(await agentEnded(home, 0), false);
  await connect(agent).call('stop', {});
  assert.ok(await agentEnded(home, 5_000));
  assert.equal(await findAgent(home), undefined);
});

test('AGT9 an agent that holds its home and does not answer yet is waited for', async (t) => {
  const home = temporaryHome(t);
  assert.equal(await holdingAgent(home), undefined);
  assert.equal(await holdingAgent(join(home, 'none')), undefined);
  const held = await holdHome(home);
  await assert.rejects(holdingAgent(home, 0), (error) => (error as ProblemError).problem.code === 'agent-silent');
  const found = holdingAgent(home);
  const api = await startApi({ home: held, service: fakeService(), clock: systemClock });
  assert.equal((await found)?.url, api.url);
  await api.close();
  held.release();
});

test('AGT9 waiting for an agent to start can be given up', async (t) => {
  const home = temporaryHome(t);
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(ensureAgent({ home, entry, signal }), /enough/);
  // It starts nevertheless.
  while ((await findAgent(home)) === undefined) await setImmediate();
});

test('DOC33 no agent is started with its home in a sync copy, where its keys would go to everybody, and nothing is written there', async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'tieout-home-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  const copy = join(top, 'Acme');
  mkdirSync(join(copy, '.tieout'), { recursive: true });
  writeFileSync(join(copy, '.tieout', 'store.db'), '');
  const refused = (told: RegExp) => (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.match(error.problem.text, told);
    assert.match(error.problem.remedy, /outside/);
    return error.problem.code === 'keys';
  };
  for (const [home, told] of [
    [copy, /is the sync copy/],
    [join(copy, 'deep', 'home'), /lies in the sync copy/],
  ] as const) {
    await assert.rejects(holdHome(home), refused(told));
    await assert.rejects(ensureAgent({ home, entry: 'none' }), refused(told));
    assert.deepEqual(readdirSync(copy), ['.tieout']);
  }
  // Not around what was there first, nor for a home that is called like a sync folder.
  const older = join(copy, 'older');
  mkdirSync(older);
  writeFileSync(join(older, 'device.key'), '');
  for (const home of [older, join(top, '.tieout')]) (await holdHome(home)).release();
});
