import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { startApi } from '../../src/agent/api.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { findAgent, holdHome } from '../../src/platform/process.ts';
import { connect } from '../../src/sdk/client.ts';
import { contract, type Progress, type Service } from '../../src/sdk/contract.ts';
import { TieoutError } from '../../src/sdk/failure.ts';
import { fakeService, handClock, untilAborted } from './fake-service.ts';

const folder = '/files/Müller 2026';
const event: Progress<'watch'> = {
  at: '2026-11-22T09:30:00.000Z',
  file: { id: 'f1', name: 'Müller 2026' },
  copy: 'c1',
  what: 'sent',
  text: 'memo.docx was sent.',
};

/** A served home with a client for it; all is gone after the test. */
async function serve(t: TestContext, replaced: Partial<Service> = {}) {
  const path = await mkdtemp(join(tmpdir(), 'tieout-api-'));
  const home = await holdHome(path);
  const clock = handClock();
  const logged: string[] = [];
  const api = await startApi({ home, service: fakeService(replaced), clock, log: (text) => logged.push(text) });
  let open = true;
  const close = async () => {
    if (open) await api.close();
    open = false;
  };
  t.after(async () => {
    await close();
    home.release();
    await rm(path, { recursive: true });
  });
  const agent = (await findAgent(path))!;
  return { path, agent, client: connect(agent), clock, logged, close };
}

/** One plain HTTP request: what a program that is not our client may send. */
async function send(url: string, headers: Record<string, string>, body = '{}', method = 'POST') {
  const outgoing = request(url, { method, headers, agent: false });
  outgoing.end(method === 'POST' ? body : undefined);
  const [response] = await once(outgoing, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode as number, text };
}

function failing(code: string) {
  return (error: unknown) => error instanceof TieoutError && error.failure.code === code;
}

test('API2 every method is called with what its caller gave, and answers with what the service returned', async (t) => {
  const calls: unknown[] = [];
  const { client } = await serve(t, {
    resolve: async (params) => {
      calls.push(params);
      return { id: params.conflict };
    },
    sync: async (params) => {
      calls.push(params);
      return { sent: { changes: 1, bytes: 2 }, received: { changes: 0, bytes: 0 }, problems: [] };
    },
  });
  assert.deepEqual(await client.call('resolve', { folder, conflict: 'x1', candidate: 'w2' }), { id: 'x1' });
  assert.deepEqual((await client.call('sync', { folder })).sent, { changes: 1, bytes: 2 });
  assert.deepEqual(calls, [
    { folder, conflict: 'x1', candidate: 'w2' },
    { folder, documents: [] },
  ]);
  const [conflict] = await client.call('conflicts', { folder });
  assert.deepEqual(conflict?.candidates[1]?.value, { $integer: '9007199254740993' });
});

test('API2 the fake service answers every method in the shape of the contract', async (t) => {
  const { client } = await serve(t);
  const requests: { [M in keyof typeof contract]: unknown } = {
    join: { invitation: 'abc' },
    accept: { folder },
    doctor: {},
    stop: {},
    watch: {},
    publish: { folder },
    files: {},
    copy: { name: 'Müller 2026', folder },
    copies: {},
    status: { folder },
    sync: { folder, documents: 'all' },
    detach: { folder, unsent: true },
    retire: { folder, copy: 'c2' },
    offline: { folder },
    online: { folder },
    users: { folder },
    docs: { folder },
    versions: { document: `${folder}/memo.docx` },
    get: { document: `${folder}/memo.docx`, version: 'v1', out: 'C:\\old.docx' },
    promote: { document: `${folder}/memo.docx`, version: 'v1' },
    conflicts: { folder },
    resolve: { folder, conflict: 'x1', candidate: 'w1' },
    undo: { folder, change: 'c1:7', table: 'account', key: { no: 4010 } },
    settings: { folder, database: 'tb.db', changes: [{ place: 'line.account', set: 'refers', value: 'account' }] },
    history: { path: folder, row: { database: 'tb.db', table: 'account', key: { no: 4010 } } },
  };
  for (const [method, params] of Object.entries(requests)) {
    const result = await client.call(method as 'files', params as never);
    assert.ok(contract[method as 'files'].result.safeParse(result).success, method);
  }
});

test('API3 params that the contract does not know are refused before the service sees them', async (t) => {
  const { client } = await serve(t, { status: () => assert.fail('was called') });
  await assert.rejects(client.call('status', { folder: 'relative' }), failing('usage'));
  await assert.rejects(client.call('status', {} as never), failing('usage'));
  await assert.rejects(client.call('status', { folder, more: 1 } as never), failing('usage'));
  await assert.rejects(client.call('status', { folder: '/a\0b' }), failing('usage'));
  const why = (method: string, params: unknown): Promise<string> =>
    client.call(method as 'status', params as never).then(
      () => assert.fail('was taken'),
      (error: TieoutError) => error.failure.why,
    );
  for (const [method, params, told] of [
    ['status', { folder: 'relative' }, 'The folder must be an absolute path.'],
    ['status', {}, 'The folder must be a text.'],
    ['status', { folder, more: 1 }, 'There is nothing called more.'],
    ['status', 7, 'Nothing was given that could be understood.'],
    ['publish', { folder, members: [] }, 'The members must not be empty.'],
    ['sync', { folder, documents: 7 }, 'The documents cannot be taken in this form.'],
    ['history', { path: folder, limit: -1 }, 'The limit must not be less than 0.'],
    ['history', { path: folder, limit: 1.5 }, 'The limit must be a whole number.'],
    ['history', { path: folder, row: { database: 'd', kind: 'x' } }, /^The kind must be one of insert, update, /],
    ['accept', { folder, table: 't' }, 'A table is one of a database.'],
  ] as const) {
    const said = await why(method, params);
    if (typeof told === 'string') assert.equal(said, told);
    else assert.match(said, told);
  }
  await assert.rejects(client.call('toString' as 'status', { folder }), failing('no-such-method'));
});

test('API4 a refusal reaches the caller with what, why and what to do; a mistake of ours with its stack in the log', async (t) => {
  const told = { code: 'not-joined', text: 'No.', why: 'Because.', remedy: 'Join.' };
  const { client, logged } = await serve(t, {
    files: async () => {
      throw new TieoutError(told);
    },
    copies: async () => {
      throw new ProblemError({ code: 'disk-full', text: 'The disk is full.', remedy: 'Free some space.' });
    },
    users: async () => {
      throw new RangeError('oops');
    },
    offline: async () => ({ state: 'asleep' }) as never,
    publish: async (_, { progress }) => {
      progress({ phase: 'sending', bytes: { done: 1, total: 2 }, documents: { done: 0, total: 1 } });
      throw new TieoutError(told);
    },
  });
  const failure = (error: unknown) => (error as TieoutError).failure;
  assert.deepEqual(await client.call('files', {}).catch(failure), told);
  assert.deepEqual(await client.call('publish', { folder }).catch(failure), told);
  assert.deepEqual(await client.call('copies', {}).catch(failure), {
    code: 'disk-full',
    text: 'The disk is full.',
    why: '',
    remedy: 'Free some space.',
  });
  assert.equal(logged.length, 0);
  await assert.rejects(client.call('users', { folder }), failing('internal'));
  assert.match(logged[0]!, /RangeError: oops\n +at /);
  await assert.rejects(client.call('offline', { folder }), failing('internal'), 'an answer out of shape is not given');
});

test('API5 nobody is let in without the token of this start of the agent', async (t) => {
  const { agent } = await serve(t, { files: () => assert.fail('was called') });
  const json = { 'content-type': 'application/json' };
  const refusals = [
    {},
    { authorization: agent.token },
    { authorization: 'Bearer ' },
    { authorization: `Bearer ${agent.token}x` },
    { authorization: `Bearer ${agent.token.slice(1)}` },
    { authorization: `Basic ${agent.token}` },
  ];
  for (const headers of refusals) {
    const { status, text } = await send(`${agent.url}/api/files`, { ...json, ...headers } as Record<string, string>);
    assert.equal(status, 401);
    assert.equal(JSON.parse(text).error.code, 'wrong-token');
  }
  const nonce = await send(`${agent.url}/api?nonce=1`, {}, '', 'GET');
  assert.ok(!nonce.text.includes(agent.token));
});

test('API6 web pages and requests in the form of a web page are refused, whatever they know', async (t) => {
  const { agent } = await serve(t, { files: () => assert.fail('was called') });
  const good = { 'content-type': 'application/json', authorization: `Bearer ${agent.token}` };
  const url = `${agent.url}/api/files`;
  const expected: [number, Record<string, string>][] = [
    [421, { ...good, host: 'evil.example' }],
    [421, { ...good, host: 'localhost' }],
    [421, { ...good, host: 'evil.example:80' }],
    [403, { ...good, origin: 'https://evil.example' }],
    [403, { ...good, origin: 'null' }],
    [403, { ...good, 'sec-fetch-site': 'cross-site' }],
    [415, { ...good, 'content-type': 'text/plain' }],
    [415, { ...good, 'content-type': 'application/x-www-form-urlencoded' }],
    [415, { authorization: good.authorization }],
  ];
  for (const [status, headers] of expected) assert.equal((await send(url, headers)).status, status);
  assert.equal((await send(url, good, '{ not json')).status, 400);
  assert.equal(
    (await send(url, { ...good, 'content-length': '17000000' }, '{}').catch(() => ({ status: 413 }))).status,
    413,
  );
  assert.equal((await send(url, good, '', 'GET')).status, 404);
  assert.equal((await send(`${agent.url}/`, good, '', 'GET')).status, 404);
  assert.equal((await send(`${agent.url}/api?nonce=1`, { origin: 'https://evil.example' }, '', 'GET')).status, 403);
});

test('API6 the page that the agent itself serves is let in', async (t) => {
  const { agent } = await serve(t);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${agent.token}`, origin: agent.url };
  assert.equal((await send(`${agent.url}/api/files`, headers)).status, 200);
});

test('API7 a call whose caller goes away is aborted, with and without progress', async (t) => {
  const aborted: string[] = [];
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const { client, logged } = await serve(t, {
    users: (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.push('users'));
      started.resolve();
      return untilAborted(signal);
    },
    publish: (_, { progress, signal }) => {
      signal.addEventListener('abort', () => {
        aborted.push('publish');
        ended.resolve();
      });
      progress({ phase: 'reading', bytes: { done: 0, total: 1 }, documents: { done: 0, total: 1 } });
      return untilAborted(signal);
    },
  });
  const stop = new AbortController();
  const call = client.call('users', { folder }, { signal: stop.signal });
  await started.promise;
  stop.abort(new Error('enough'));
  await assert.rejects(call, /enough/);

  const second = new AbortController();
  const progress = () => second.abort(new Error('also enough'));
  await assert.rejects(client.call('publish', { folder }, { signal: second.signal, progress }), /also enough/);
  await ended.promise;
  assert.deepEqual(aborted, ['users', 'publish']);
  assert.deepEqual(logged, []);
});

test('API7 leaving the loop over `watch` ends it at the agent', async (t) => {
  const ended = Promise.withResolvers<void>();
  const { client } = await serve(t, {
    watch: async (_, { progress, signal }) => {
      signal.addEventListener('abort', () => ended.resolve());
      progress(event);
      progress({ ...event, what: 'received', bytes: 17 });
      return untilAborted(signal);
    },
  });
  const seen: unknown[] = [];
  for await (const passing of client.watch()) {
    seen.push(passing);
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [event, { ...event, what: 'received', bytes: 17 }]);
  await ended.promise;
});

test('API8 a reader who does not follow the events is told so, instead of missing some', async (t) => {
  const { client } = await serve(t, {
    watch: async (_, { progress, signal }) => {
      for (let count = 0; !signal.aborted; count++) progress({ ...event, bytes: count });
      return {};
    },
  });
  let next = 0;
  await assert.rejects(async () => {
    for await (const passing of client.watch()) assert.equal(passing.bytes, next++);
  }, failing('too-slow'));
  assert.ok(next > 0);
});

test('API8 progress that only tells how far a call is may be skipped', async (t) => {
  const { client } = await serve(t, {
    publish: async (_, { progress }) => {
      const documents = { done: 0, total: 1 };
      for (let done = 0; done < 20_000; done++)
        progress({ phase: 'sending', bytes: { done, total: 20_000 }, documents });
      return { file: { id: 'f', name: 'n' }, copy: 'c', documents: 1, databases: 0, problems: [] };
    },
  });
  let told = 0;
  const result = await client.call('publish', { folder }, { progress: () => told++ });
  assert.equal(result.copy, 'c');
  assert.ok(told > 0 && told < 20_000);
});

test('API9 a silent call gives a sign of life, so that nobody takes the silence for its end', async (t) => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const { agent, clock } = await serve(t, {
    doctor: async () => {
      started.resolve();
      await finish.promise;
      return { ok: true, checks: [] };
    },
  });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${agent.token}` };
  const response = await fetch(`${agent.url}/api/doctor`, { method: 'POST', headers, body: '{}' });
  const pieces = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  await started.promise;
  assert.equal((await pieces.read()).value, '\n');
  clock.pass(15_000);
  assert.equal((await pieces.read()).value, '\n');
  finish.resolve();
  assert.equal((await pieces.read()).value, '{"result":{"ok":true,"checks":[]}}\n');
});

test('API10 the note tells where the agent answers while it serves, readable by its user only, and is gone after', async (t) => {
  const { path, agent, close } = await serve(t);
  const note = JSON.parse(readFileSync(join(path, 'agent.json'), 'utf8'));
  assert.deepEqual(note, { pid: process.pid, url: agent.url });
  assert.equal(Buffer.from(readFileSync(join(path, 'token'), 'utf8'), 'base64url').length, 32);
  if (process.platform !== 'win32') {
    for (const name of ['token', 'agent.json']) assert.equal(statSync(join(path, name)).mode & 0o777, 0o600);
  }
  await close();
  assert.ok(!existsSync(join(path, 'agent.json')));
  assert.equal(await findAgent(path), undefined);
});

test('API10 calls that run when the agent ends are told so, and the answer to `stop` still arrives', async (t) => {
  let end = async () => {};
  const started = Promise.withResolvers<void>();
  const { client, close } = await serve(t, {
    publish: (_, { signal }) => {
      started.resolve();
      return untilAborted(signal);
    },
    stop: async () => {
      void end();
      return { stopped: true };
    },
  });
  end = close;
  const publish = assert.rejects(client.call('publish', { folder }), failing('agent-ends'));
  await started.promise;
  assert.deepEqual(await client.call('stop', {}), { stopped: true });
  await publish;
  await assert.rejects(client.call('files', {}), failing('agent-gone'));
});
