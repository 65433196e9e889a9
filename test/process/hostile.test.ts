/** A real hub, and visitors who do not keep to the rules: refused, named in its log, and nobody else notices. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { Roster } from '../../src/hub/roster.ts';
import { toPem } from '../../src/platform/certificates.ts';
import { SESSION_PATH } from '../../src/platform/dial.ts';
import type { Credential } from '../../src/platform/tls.ts';
import { MAX_MESSAGE } from '../../src/protocol/limits.ts';
import type { Message, MessageOf } from '../../src/protocol/messages.ts';
import { makeOffice } from '../platform/offices.ts';
import { Office, until } from './office.ts';
import { type OpenFile, type Visit, Visitor } from './visitor.ts';

suite('hostile visitors', { timeout: 200_000 }, () => {
  const FILE = randomBytes(16).toString('hex');
  let office: Office;
  let ana: Visitor;
  let visit: Visit;
  let file: OpenFile;
  let mallory: Visitor;

  before(async () => {
    office = await Office.begin();
    ana = await Visitor.enrolled(office, 'ana');
    mallory = await Visitor.enrolled(office, 'mallory');
    visit = await ana.session();
    await create(visit, FILE, ['ana', 'ben']);
    file = visit.open(FILE);
    visit.append(file, ana.copy, body('one'), body('two'));
    await until('the hub has both', () => file.exchange.settled);
  });
  after(async () => {
    visit.session.end('the test is over');
    await office.close();
  });

  const create = (by: Visit, id: string, members: string[] | null) =>
    by.session
      .ask({ kind: 'create', file: id, name: `File ${id}`, copy: by.visitor.copy, members })
      .then(() =>
        by.session.ask({ kind: 'publish', file: id, record: randomBytes(8), documents: 0, databases: 0, bytes: 0 }),
      );

  /** Resolves when the connection is over. */
  async function sent(bytes: Buffer): Promise<void> {
    const [host, port] = office.hub.listen.split(':');
    const socket = createConnection({ host: host as string, port: Number(port) });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end(bytes);
    // It may be told why, and ends only once it has read that.
    socket.resume();
    await closed;
  }

  /** The hub says so, serves on in the same process, and what Ana has there is as it was. */
  async function logged(said: RegExp): Promise<void> {
    await until(`${said} in the hub's log`, () => assert.match(office.hub.said, said));
    assert.ok(office.hub.running);
    assert.equal(visit.ended, undefined);
    assert.equal((await visit.session.ask({ kind: 'users', file: FILE })).kind, 'users');
    const ben = await Visitor.enrolled(office, 'ben');
    const other = await ben.session();
    const read = other.open(FILE);
    await until('a colleague has everything', () => read.exchange.settled);
    assert.equal(read.made.store.vector().get(ana.copy), file.made.store.vector().get(ana.copy));
    other.session.end('seen enough');
    office.hub.said = '';
  }

  test('PRC11 who has no certificate gets no session', async () => {
    assert.match(await knock(office.hub.listen), /401/);
    await logged(/refused \S+: a session needs a certificate/);
  });

  test('PRC11 a certificate of another office is worth nothing', async () => {
    const other = await makeOffice();
    assert.doesNotMatch(await knock(office.hub.listen, await other.device('ana')), /101/);
    await logged(/refused \S+: its certificate/);
  });

  test('PRC11 nothing older than TLS 1.3 is spoken', async () => {
    const [host, port] = office.hub.listen.split(':');
    const socket = connect({ host, port: Number(port), maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    const [error] = await once(socket, 'error');
    assert.match(String(error), /protocol version/);
    await logged(/refused \S+: no TLS 1.3/);
  });

  test('PRC11 plain HTTP and garbage on the port are turned away', async () => {
    // None is the beginning of a record that could still come to its end: who hangs up amid one was not refused.
    const garbage = [
      [0x00],
      [0x16, 0x03, 0x01, 0xff, 0xff],
      [0x16, 0x03, 0x03, 0x02, 0x00, 0x01],
      [0x80, 0x2e, 0x01],
      [0x17, 0x03, 0x03, 0xff, 0xff],
    ];
    const all = garbage.map((beginning) => Buffer.concat([Buffer.from(beginning), randomBytes(2000)]));
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), ...all]) {
      await sent(bytes);
      await logged(/refused \S+: no TLS 1.3/);
    }
    await sent(Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x10, 0x00]), randomBytes(2000)]));
    await logged(/^(?!.*refused)/s);
  });

  test('PRC11 a device that is revoked loses the session that it has, and gets no other', async () => {
    const eve = await Visitor.enrolled(office, 'eve');
    const by = await eve.session();
    const roster = Roster.open(office.hub.dir);
    roster.revoke(eve.identity.device, Date.now());
    roster.close();
    await until('the end of the session', () => assert.match(String(by.ended), /revoked/));
    await assert.rejects(eve.dial(), /revoked/);
    await logged(/eve \(eve-pc\) left: this device was revoked/);
  });

  test('PRC12 frames of garbage end the connection', async () => {
    for (const first of [randomBytes(500), Buffer.alloc(0), Buffer.from([3, 255, 255, 255, 255, 255])]) {
      const link = await mallory.dial();
      const closed = new Promise<string>((resolve) => {
        link.onClose = resolve;
      });
      link.send(first);
      assert.match(await closed, /unreadable message/);
      await logged(/mallory \(mallory-pc\) left: unreadable message/);
    }
    const greeted = await mallory.session();
    greeted.session.send({ kind: 'hello', versions: [1], software: 'again' });
    await until('the end', () => assert.match(String(greeted.ended), /second greeting/));
    await logged(/mallory \(mallory-pc\) left: unreadable message: a second greeting/);
  });

  test('PRC12 a frame above the limit ends the connection, unread', async () => {
    const link = await mallory.dial();
    const closed = new Promise((resolve) => {
      link.onClose = resolve;
    });
    link.send(Buffer.alloc(MAX_MESSAGE + 1));
    await closed;
    await logged(/mallory \(mallory-pc\) left: the other side sent a message above the limit/);
  });

  test('PRC13 a file of others is to a colleague who is not a member as one that does not exist', async () => {
    const own = randomBytes(16).toString('hex');
    const by = await mallory.session();
    await create(by, own, null);
    const none = randomBytes(16).toString('hex');
    const files = await by.session.ask({ kind: 'files', after: null });
    assert.ok(files.kind === 'files' && files.files.every(({ file }) => file === own));
    for (const kind of ['snapshot', 'users'] as const) {
      const answers = await Promise.all([FILE, none].map((id) => refusal(by.session.ask({ kind, file: id }))));
      assert.deepEqual(answers[0], answers[1]);
    }
    const ends = await Promise.all(
      [FILE, none].map(async (id) => {
        const opened = by.open(id);
        await until('the end of the channel', () => assert.ok(opened.ended));
        return opened.ended;
      }),
    );
    assert.deepEqual(ends[0], ends[1]);
    assert.match(
      await refusal(by.session.ask({ kind: 'create', file: FILE, name: 'mine', copy: mallory.copy, members: null })),
      /no such file|another machine or file/,
    );
    assert.match(
      await refusal(
        by.session.ask({ kind: 'publish', file: FILE, record: randomBytes(8), documents: 0, databases: 0, bytes: 0 }),
      ),
      /no such file/,
    );
    by.session.end('done');
    await logged(/mallory \(mallory-pc\) left/);
  });

  test("PRC13 nobody works as a colleague's copy", async () => {
    const eve = await Visitor.enrolled(office, 'ben');
    const by = await eve.session();
    const opened = by.open(FILE, undefined, ana.copy);
    await until('the end of the channel', () => assert.equal(opened.ended?.code, 'copy-taken'));
    by.session.end('done');
    await logged(/ben \(ben-pc\) left/);
  });

  test("PRC14 a change in a colleague's name that the colleague did not sign is refused", async () => {
    const ben = await Visitor.enrolled(office, 'ben');
    const by = await ben.session();
    const opened = by.open(FILE);
    await until('what the hub has', () => opened.exchange.settled);
    by.append(opened, ana.copy, body('never said'));
    await until('the refusal', () => assert.equal(opened.ended?.code, 'forged'));
    await until('the end of the connection', () => assert.match(String(by.ended), /is not signed by its maker/));
    await logged(/ben \(ben-pc\) left: Change 3 of copy \w+ is not signed by its maker/);
  });

  test('PRC14 a change by a machine of another office is refused', async () => {
    const other = await makeOffice('Other');
    const stranger = await other.device('ana');
    const ben = await Visitor.enrolled(office, 'ben');
    const copy = randomBytes(16).toString('hex');
    const by = await ben.session(changes((change) => ({ ...change, chain: stranger.chain })));
    const opened = by.open(FILE, undefined, copy);
    await until('what the hub has', () => opened.exchange.settled);
    by.append(opened, copy, body('hello'));
    await until('the refusal', () => assert.equal(opened.ended?.code, 'distrusted'));
    await until('the end of the connection', () => assert.match(String(by.ended), /by nobody we know/));
    await logged(/ben \(ben-pc\) left: .*by nobody we know/);
  });

  for (const [what, alter, code] of [
    ['body', (change) => ({ ...change, content: { kind: 'inline', bytes: body('changed') } }), 'forged'],
    ['stamp', (change) => ({ ...change, stamp: change.stamp + 1 }), 'forged'],
    ['signature', (change) => ({ ...change, signature: randomBytes(64) }), 'forged'],
    ['number', (change) => ({ ...change, seq: change.seq + 1 }), 'cut'],
    ['certificate left out', (change) => ({ ...change, chain: null }), 'cut'],
  ] satisfies [string, (change: WireChange) => WireChange, string][]) {
    test(`PRC14 a change altered on its way is refused: ${what}`, async () => {
      const ben = await Visitor.enrolled(office, 'ben');
      const by = await ben.session(changes(alter));
      const opened = by.open(FILE);
      await until('what the hub has', () => opened.exchange.settled);
      by.append(opened, ben.copy, body('signed'));
      await until('the refusal', () => assert.equal(opened.ended?.code, code));
      await until('the end of the connection', () => assert.ok(by.ended));
      await logged(code === 'cut' ? /left: unreadable message/ : /left: .*is not signed by its maker/);
    });
  }

  test('PRC14 content that is not what its hash says is refused, and what was never sent cannot be acknowledged', async () => {
    const ben = await Visitor.enrolled(office, 'ben');
    const chunk = {
      id: randomBytes(32).toString('hex'),
      hash: randomBytes(32).toString('hex'),
      bytes: randomBytes(99),
    };
    const seq = 99;
    const channel = 1;
    for (const message of [
      { kind: 'chunks', channel, chunks: [chunk], missing: [] },
      { kind: 'ack', channel, tips: [{ copy: ana.copy, seq }] },
      { kind: 'have', channel, tips: [] },
    ] as unknown as Message[]) {
      const by = await ben.session();
      const opened = by.open(FILE);
      await until('what the hub has', () => opened.exchange.settled);
      by.session.send(message);
      await until('the end', () => assert.match(String(by.ended), /unreadable message/));
      await logged(/ben \(ben-pc\) left: unreadable message/);
    }
  });
});

type WireChange = MessageOf<'changes'>['changes'][number];

const changes = (alter: (change: WireChange) => WireChange) => (message: Message) =>
  message.kind === 'changes' ? { ...message, changes: message.changes.map(alter) } : message;

/** The bytes of a body that is no registry's: a hub does not look. */
function body(text: string): Uint8Array {
  return Buffer.from(text);
}

/** Asks for a session as somebody who believes any hub. Resolves with the answer's first line, or why there is none. */
function knock(listen: string, credential?: Credential): Promise<string> {
  return new Promise((resolve) => {
    const ws = new WebSocket(`wss://${listen}${SESSION_PATH}`, {
      rejectUnauthorized: false,
      ...(credential && { cert: toPem(credential.chain), key: credential.key }),
    });
    ws.on('open', () => resolve('101'));
    ws.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(String(response.statusCode));
    });
    ws.on('error', (error) => resolve(error.message));
  });
}

function refusal(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    (answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`),
    (error: Error) => error.message,
  );
}
