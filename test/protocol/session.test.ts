import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '../../src/core/problem.ts';
import { MAX_TEXT, VERSIONS } from '../../src/protocol/limits.ts';
import { type Answer, decodeMessage, encodeMessage, type Message, type Question } from '../../src/protocol/messages.ts';
import { Session, type SessionOptions } from '../../src/protocol/session.ts';
import { quiet, turn, Wire } from './carrier.ts';
import { connect, Machine } from './replicas.ts';

/** A session that answers, and the bare other end of its wire. */
function answering(options: Partial<SessionOptions> = {}, dialled = false) {
  const wire = new Wire();
  const reasons: string[] = [];
  const ready: unknown[] = [];
  const session = new Session(
    {
      carrier: wire.ends[1],
      software: 'tieout test',
      nowMs: () => 5000,
      onReady: (partner) => ready.push(partner),
      onEnd: (reason) => reasons.push(reason),
      ...options,
    },
    dialled,
  );
  const got: Message[] = [];
  wire.ends[0].onMessage = (bytes) => got.push(decodeMessage(bytes));
  const say = async (...messages: Message[]): Promise<void> => {
    for (const message of messages) wire.ends[0].send(encodeMessage(message));
    await quiet(wire);
  };
  return { wire, session, reasons, ready, got, say };
}

const HELLO: Message = { kind: 'hello', versions: [99, ...VERSIONS], software: 'other' };
const USERS: Question = { kind: 'users', file: '00'.repeat(16) };
const refusal = (text: string): ProblemError => new ProblemError({ code: 'no', text, remedy: 'Ask.' });

test('SES1 the newest version that both speak is taken, and clocks are compared', async () => {
  const hub = answering();
  await hub.say(HELLO);
  assert.deepEqual(hub.got, [{ kind: 'welcome', version: VERSIONS[0], software: 'tieout test', nowMs: 5000 }]);
  assert.deepEqual(hub.ready, [{ software: 'other', aheadMs: 0 }]);

  const caller = answering({}, true);
  await quiet(caller.wire);
  assert.deepEqual(caller.got, [{ kind: 'hello', versions: [...VERSIONS], software: 'tieout test' }]);
  await caller.say({ kind: 'welcome', version: VERSIONS[0], software: 'hub', nowMs: 2000 });
  assert.deepEqual(caller.ready, [{ software: 'hub', aheadMs: 3000 }]);
});

test('SES2 without a common version both are told so, and what to do', async () => {
  const hub = answering();
  await hub.say({ ...HELLO, versions: [98, 99] });
  assert.equal(hub.got[0]?.kind, 'fail');
  assert.match((hub.got[0] as { remedy: string }).remedy, /same release/);
  assert.deepEqual(hub.reasons, ['no common protocol version']);
  const caller = answering({}, true);
  await caller.say(hub.got[0] as Message);
  assert.match(caller.reasons[0] as string, /same release/);
});

test('SES3 nothing is heard before the greeting, and the greeting is heard once', async () => {
  const first: Message[] = [
    { kind: 'ask', id: 1, question: USERS },
    { kind: 'open', channel: 1, file: '00'.repeat(16), copy: '00'.repeat(16) },
    { kind: 'welcome', version: VERSIONS[0], software: 'x', nowMs: 1 },
  ];
  for (const message of first) {
    const hub = answering({ answer: () => assert.fail('a question was heard') });
    await hub.say(message);
    assert.equal(hub.reasons.length, 1, message.kind);
  }
  const again = answering();
  await again.say(HELLO, HELLO);
  assert.match(again.reasons[0] as string, /second greeting/);
  const caller = answering({}, true);
  await caller.say({ kind: 'welcome', version: 7, software: 'x', nowMs: 1 });
  assert.match(caller.reasons[0] as string, /version nobody offered/);
});

test('SES4 each question gets its own answer, in whatever order, or the problem', async () => {
  const answers: ((answer: Answer) => void)[] = [];
  const wire = new Wire();
  const options = { software: 'test', nowMs: () => 0, onEnd: () => {} };
  const answer = (question: Question): Promise<Answer> => {
    if (question.kind === 'files') throw refusal('not for you');
    return new Promise((resolve) => answers.push(resolve));
  };
  new Session({ ...options, carrier: wire.ends[1], answer }, false);
  const caller = new Session({ ...options, carrier: wire.ends[0] }, true);
  await quiet(wire);
  const [first, second] = [caller.ask(USERS), caller.ask(USERS)];
  const refused = assert.rejects(
    caller.ask({ kind: 'files', after: null }),
    (error: ProblemError) => error.problem.code === 'no',
  );
  await quiet(wire);
  answers[1]?.({ kind: 'done' });
  answers[0]?.({ kind: 'users', users: [] });
  await quiet(wire);
  assert.deepEqual([(await first).kind, (await second).kind], ['users', 'done']);
  await refused;
});

test('SES5 open questions end with the connection, and later ones at once', async () => {
  const caller = answering({}, true);
  await caller.say({ kind: 'welcome', version: VERSIONS[0], software: 'hub', nowMs: 0 });
  const open = assert.rejects(caller.session.ask(USERS), /cut by the test/);
  caller.wire.cut();
  await open;
  await assert.rejects(caller.session.ask(USERS), ProblemError);
  assert.deepEqual(caller.reasons, ['cut by the test']);
});

test('SES6 a problem of any length reaches the other side, cut to the limit', async () => {
  const long = `${'€'.repeat(5000)}\ud800`;
  const hub = answering({
    answer: () => {
      throw refusal(long);
    },
    opened: () => {
      throw refusal(long);
    },
  });
  await hub.say(HELLO, { kind: 'ask', id: 7, question: USERS });
  await hub.say({ kind: 'open', channel: 3, file: '00'.repeat(16), copy: '00'.repeat(16) });
  const [, fail, close] = hub.got as [Message, { text: string }, { text: string }];
  for (const { text } of [fail, close]) assert(text.length > 900 && Buffer.byteLength(text) <= MAX_TEXT);
  assert.deepEqual(hub.reasons, []);
});

test('SES7 a refusal to open a file closes that channel only', async () => {
  const hub = answering({
    opened: () => {
      throw refusal('no such file');
    },
  });
  await hub.say(HELLO, { kind: 'open', channel: 3, file: '00'.repeat(16), copy: '00'.repeat(16) });
  await hub.say(
    { kind: 'want', channel: 3, ids: ['00'.repeat(32)] },
    { kind: 'close', channel: 9, code: 'x', text: '' },
  );
  assert.deepEqual(hub.got.slice(1), [{ kind: 'close', channel: 3, code: 'no', text: 'no such file' }]);
  assert.deepEqual(hub.reasons, []);
});

test('SES8 too many questions at once, and questions to whom nobody may ask, end the connection', async () => {
  const endless = answering({ answer: () => new Promise(() => {}) });
  await endless.say(HELLO, ...Array.from({ length: 65 }, (_, id): Message => ({ kind: 'ask', id, question: USERS })));
  assert.match(endless.reasons[0] as string, /too many questions/);
  const mute = answering();
  await mute.say(HELLO, { kind: 'ask', id: 1, question: USERS });
  assert.match(mute.reasons[0] as string, /answers no questions/);
});

test('SES9 who asks and does not read what comes is let go', async () => {
  const hub = answering({ answer: () => ({ kind: 'done' }) });
  await hub.say(HELLO);
  Object.defineProperty(hub.wire.ends[1], 'backlog', { value: 300 * 1024 * 1024 });
  await hub.say({ kind: 'ask', id: 1, question: USERS });
  assert.match(hub.reasons[0] as string, /does not read/);
});

test('SES10 a file that is opened on a connection that has ended is told so', async () => {
  const ana = new Machine('a');
  const connection = await connect(ana, new Machine());
  connection.caller.fail(new Error('the disk of this machine is full'));
  const exchange = connection.caller.open('00'.repeat(16), '00'.repeat(16), (channel, line) =>
    ana.exchange(channel, line),
  );
  exchange.begin();
  await turn();
  assert.deepEqual(
    ana.ends.map(({ code }) => code),
    ['cut', 'cut'],
  );
  assert.match(connection.reasons[0] as string, /disk of this machine/);
});
