import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { enrol } from '../../src/agent/enrolment.ts';
import type { MachineIdentity } from '../../src/agent/identity.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { openAuthority } from '../../src/hub/authority.ts';
import { invite } from '../../src/hub/invite.ts';
import { Roster } from '../../src/hub/roster.ts';
import { fingerprint, signBytes, verifyChain } from '../../src/platform/certificates.ts';
import { dial, dialFirst } from '../../src/platform/dial.ts';
import { LinkError } from '../../src/platform/link-failure.ts';
import { listen } from '../../src/platform/listen.ts';
import { post } from '../../src/platform/post.ts';
import { systemRandom as random } from '../../src/platform/system.ts';
import { ENROL_PATH, encodeRequest, enrolProof } from '../../src/protocol/enrolment.ts';
import { type Invitation, readInvitation, writeInvitation } from '../../src/protocol/invitation.ts';
import { makeOffice } from '../platform/offices.ts';
import { newMachine, openOffice, temporaryFolder } from './temporary-office.ts';

const join1 = (identity: MachineIdentity, invitation: string, deviceName = 'laptop') =>
  enrol({ identity, invitation, deviceName, timeoutMs: 2_000 });

const problem = (code: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === code;

suite('enrolment', { timeout: 30_000 }, () => {
  test('ENR3 an invitation makes a machine a device of its user, and sessions follow', async (t) => {
    const office = await openOffice(t);
    const machine = await newMachine(t);
    const membership = await join1(machine, office.invite('ana'), 'desk');
    assert.deepEqual([membership.user, membership.deviceName], ['ana', 'desk']);
    assert.equal(membership.office, office.authority.office);
    assert.deepEqual(
      office.roster.devices().map(({ id, user, name }) => [id, user, name]),
      [[machine.device, 'ana', 'desk']],
    );
    const [, certificate] = membership.chain;
    const link = await dial({
      url: membership.urls[0]!,
      office: certificate!,
      credential: machine.credential(membership.office),
    });
    assert.equal(link.peer.user, 'hub');
    assert.equal(office.links[0]!.peer.device, machine.device);
    link.close('done');
  });

  test('ENR4 an invitation works once', async (t) => {
    const office = await openOffice(t);
    const invitation = office.invite('ana');
    await join1(await newMachine(t), invitation);
    await assert.rejects(join1(await newMachine(t), invitation), problem('invitation-used'));
    assert.equal(office.roster.devices().length, 1);
  });

  test('ENR4 of two machines that race with one invitation exactly one wins', async (t) => {
    const office = await openOffice(t);
    const invitation = office.invite('ana');
    const machines = await Promise.all([1, 2, 3, 4].map(() => newMachine(t)));
    const results = await Promise.allSettled(machines.map((machine) => join1(machine, invitation)));
    const won = results.filter(({ status }) => status === 'fulfilled');
    assert.equal(won.length, 1);
    for (const result of results) {
      if (result.status === 'rejected') assert(problem('invitation-used')(result.reason), String(result.reason));
    }
    assert.equal(office.roster.devices().length, 1);
    assert.equal(machines.filter(({ memberships }) => memberships.length > 0).length, 1);
  });

  test('ENR5 a machine that lost the answer asks again and gets the same certificate, also later', async (t) => {
    const office = await openOffice(t);
    const machine = await newMachine(t);
    const invitation = office.invite('ana');
    const first = await join1(machine, invitation);
    const [twice, thrice] = await Promise.all([join1(machine, invitation), join1(machine, invitation)]);
    office.time.ms += 30 * 24 * 60 * 60 * 1000;
    const later = await join1(machine, invitation);
    for (const again of [twice, thrice, later]) assert.deepEqual(again.chain, first.chain);
  });

  test('ENR6 an invitation expires after seven days, or when it was told to', async (t) => {
    const office = await openOffice(t);
    const day = 24 * 60 * 60 * 1000;
    const [week, short] = [office.invite('ana'), office.invite('ben', 1)];
    office.time.ms += day;
    await assert.rejects(join1(await newMachine(t), short), problem('invitation-expired'));
    office.time.ms += 6 * day - 1;
    const intime = office.invite('chloe');
    await join1(await newMachine(t), week);
    office.time.ms += 7 * day;
    await assert.rejects(join1(await newMachine(t), intime), problem('invitation-expired'));
  });

  test('ENR7 an invitation made by another process is good at once, and its secret is nowhere in the hub', async (t) => {
    const office = await openOffice(t);
    const { execFile } = await import('node:child_process');
    const script = `
      import { invite } from '${new URL('../../src/hub/invite.ts', import.meta.url).href}';
      import { systemRandom as random } from '${new URL('../../src/platform/system.ts', import.meta.url).href}';
      const clock = { now: () => ${office.time.ms}, monotonic: () => 0, after: () => () => {} };
      console.log(invite({ dir: ${JSON.stringify(office.dir)}, user: 'ana', clock, random }));`;
    const text = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, ['--input-type=module-typescript', '-e', script], (error, out) =>
        error ? reject(error) : resolve(out.trim()),
      );
    });
    const { secret } = readInvitation(text) as Invitation;
    for (const name of ['roster.db', 'roster.db-wal']) {
      assert.equal((await readFile(join(office.dir, 'office', name))).indexOf(secret), -1);
    }
    assert.equal((await join1(await newMachine(t), text)).user, 'ana');
  });

  test('ENR8 the secret is said to the inviting office only', async (t) => {
    const office = await openOffice(t);
    const invitation = readInvitation(office.invite('ana')) as Invitation;
    const elsewhere = await makeOffice();
    const heard: string[] = [];
    // Another office; the right office's certificate shown without its key; a device of the right office.
    const ben = await newMachine(t);
    const device = (await join1(ben, office.invite('ben'))) && ben.credential(office.authority.office);
    const borrowed = { chain: [elsewhere.hub.chain[0]!, office.authority.certificate], key: elsewhere.hub.key };
    for (const credential of [elsewhere.hub, borrowed, device]) {
      const impostor = await listen({
        host: '127.0.0.1',
        port: 0,
        credential,
        office: elsewhere.certificate,
        onLink: () => {},
        onRequest: async ({ body }) => {
          heard.push(body);
          return { status: 200, body: {} };
        },
      });
      const url = `https://127.0.0.1:${impostor.port}`;
      const machine = await newMachine(t);
      const untrusted = (error: unknown) => error instanceof LinkError && error.kind === 'untrusted';
      await assert.rejects(join1(machine, writeInvitation({ ...invitation, urls: [url] })), untrusted);
      // With the right address among them, that one is found.
      if (credential === elsewhere.hub) {
        await join1(machine, writeInvitation({ ...invitation, urls: [url, 'https://127.0.0.1:1', office.url] }));
      }
      await impostor.close('done');
    }
    assert.deepEqual(heard, []);
  });

  test('ENR9 who guesses is refused without a hint, and soon not heard any more', async (t) => {
    const office = await openOffice(t);
    const invitation = readInvitation(office.invite('ana')) as Invitation;
    const machine = await newMachine(t);
    for (let n = 0; n < 10; n++) {
      const guess = { ...invitation, secret: random.bytes(16) };
      await assert.rejects(join1(machine, writeInvitation(guess)), problem('invitation-unknown'));
      const invented = { ...invitation, id: Buffer.from(random.bytes(8)).toString('hex') };
      await assert.rejects(join1(machine, writeInvitation(invented)), problem('invitation-unknown'));
    }
    await assert.rejects(join1(machine, writeInvitation(invitation)), problem('invitation-too-many-tries'));
    office.time.ms += 10 * 60_000;
    await join1(machine, writeInvitation(invitation));
  });

  test('ENR10 whoever enrols a key has it, and says so in a form that fits this invitation only', async (t) => {
    const office = await openOffice(t);
    const invitation = readInvitation(office.invite('ana')) as Invitation;
    const { id, secret } = invitation;
    const [machine, thief] = [await newMachine(t), await newMachine(t)];
    const key = machine.publicKey;
    const good = {
      invitation: id,
      secret,
      key,
      proof: signBytes(machine.key, enrolProof(office.authority.office, id, key)),
      deviceName: 'x',
    };
    const other = enrolProof(office.authority.office, '00'.repeat(8), key);
    const bad = [
      '',
      '[]',
      '{"__proto__":1}',
      encodeRequest({ ...good, proof: signBytes(thief.key, enrolProof(office.authority.office, id, key)) }),
      encodeRequest({ ...good, proof: signBytes(machine.key, other) }),
      encodeRequest({ ...good, proof: new Uint8Array(64) }),
      encodeRequest({ ...good, key: key.subarray(1) }),
      encodeRequest({ ...good, deviceName: 'a\nb' }),
      encodeRequest({ ...good, invitation: `${id}00` }),
    ];
    const options = { url: office.url, office: office.authority.certificate, timeoutMs: 2_000 };
    for (const body of bad) {
      const answer = await post(ENROL_PATH, body, options);
      assert.deepEqual([answer.status, answer.body], [403, '{"refused":"malformed"}'], body);
    }
    assert.equal((await post('/elsewhere', encodeRequest(good), options)).status, 404);
    assert.equal((await post(ENROL_PATH, encodeRequest(good), options)).status, 200);
  });

  test('ENR11 a machine has one user per office; the other is told, and the invitation stays good', async (t) => {
    const office = await openOffice(t);
    const machine = await newMachine(t);
    await join1(machine, office.invite('ana'));
    const forBen = office.invite('ben');
    await assert.rejects(join1(machine, forBen), problem('invitation-other-user'));
    await join1(await newMachine(t), forBen);
    // Again for the same user: renewed, not doubled.
    await join1(machine, office.invite('ana'), 'new name');
    assert.deepEqual(
      machine.memberships.map(({ deviceName }) => deviceName),
      ['new name'],
    );
    assert.equal(office.roster.device(machine.device)?.name, 'new name');
  });

  test('ENR12 the office is made once, and its keys are its owner’s', async (t) => {
    const dir = temporaryFolder(t);
    const one = await openAuthority(dir);
    const again = await openAuthority(dir);
    assert.equal(one.office, again.office);
    const first = await one.hubCredential(['https://127.0.0.1:1', 'https://[::1]:1']);
    assert.deepEqual(await again.hubCredential(['https://[::1]:2', 'https://127.0.0.1:2']), first);
    const moved = await again.hubCredential(['https://10.1.2.3:1']);
    assert.notDeepEqual(moved.chain[0], first.chain[0]);
    assert(!('distrust' in verifyChain(moved.chain, one.office, 'hub')));
    assert.equal(fingerprint(one.certificate), one.office);
    writeFileSync(join(dir, 'office', 'authority.json'), '{}');
    await assert.rejects(openAuthority(dir), problem('office-damaged'));
    if (process.platform !== 'win32') {
      for (const name of ['authority.json', 'hub.json']) {
        assert.equal(statSync(join(dir, 'office', name)).mode & 0o777, 0o600, name);
      }
      assert.equal(statSync(join(dir, 'office')).mode & 0o777, 0o700);
    }
  });

  test('ENR13 who cannot be invited is told why', async (t) => {
    const dir = temporaryFolder(t);
    const clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
    assert.throws(() => invite({ dir, user: 'ana', clock, random }), problem('no-hub'));
    assert.throws(() => statSync(join(dir, 'office')));
    Roster.open(dir).close();
    assert.throws(() => invite({ dir, user: 'ana', clock, random }), problem('no-hub'));
    assert.throws(() => invite({ dir, user: ' \n', clock, random }), problem('unfit-name'));
    const machine = await newMachine(t);
    await assert.rejects(join1(machine, 'hello'), problem('invitation-unreadable'));
  });

  test('ENR14 a device that is not listed any more is listed again by its certificate, a revoked one stays out', async (t) => {
    const office = await openOffice(t);
    const peer = {
      device: 'ab'.repeat(32),
      user: 'ana',
      deviceName: 'desk',
      chain: [],
    };
    office.roster.seen(peer, 7);
    assert.deepEqual(
      office.roster.devices().map(({ user, seenAt, revoked }) => [user, seenAt, revoked]),
      [['ana', 7, false]],
    );
    office.roster.revoke(peer.device, 8);
    office.roster.seen(peer, 9);
    assert.equal(office.roster.device(peer.device)?.revoked, true);
  });

  test('NET7 of several addresses the first that answers counts, and a refusal is told before silence', async (t) => {
    const office = await openOffice(t, undefined, { admit: () => 'not today' });
    const machine = await newMachine(t);
    const membership = await join1(machine, office.invite('ana'));
    const call = dialFirst({
      urls: ['https://127.0.0.1:1', office.url, 'https://127.0.0.1:2'],
      office: membership.chain[1]!,
      credential: machine.credential(membership.office),
    });
    await assert.rejects(call, (error) => error instanceof LinkError && error.kind === 'refused');
  });
});
