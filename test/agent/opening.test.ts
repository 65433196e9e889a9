import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Agent } from '../../src/agent/agent.ts';
import { openIdentity } from '../../src/agent/identity.ts';
import { Ledger } from '../../src/agent/ledger.ts';
import { fileMethods } from '../../src/agent/service/files.ts';
import { STORE_SCHEMA } from '../../src/agent/sync-folder.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { COPIES, setOp } from '../../src/core/registry.ts';
import type { Databases } from '../../src/database/host.ts';
import { fingerprint } from '../../src/platform/certificates.ts';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import { RealFiles } from '../../src/platform/files.ts';
import { issueDevice } from '../../src/platform/issuing.ts';
import { LinkError } from '../../src/platform/link-failure.ts';
import { storageFailure } from '../../src/platform/storage-failure.ts';
import { systemClock, systemRandom } from '../../src/platform/system.ts';
import { chunkTasksInPlace } from '../../src/store/chunk-tasks.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { makeOffice } from '../platform/offices.ts';

const top = realpathSync(mkdtempSync(join(tmpdir(), 'tieout-opening-')));
after(() => rmSync(top, { recursive: true, force: true, maxRetries: 5 }));

const office = await makeOffice();

/** What of the databases an agent without any asks for. */
const noDatabases = new Proxy({}, { get: () => async () => [] }) as unknown as Databases;

/** An agent whose hub is out of reach, in a home of its own, with one copy of one change. */
async function machine() {
  const folder = mkdtempSync(join(top, 'machine-'));
  const [home, root] = [join(folder, 'home'), join(folder, 'file')];
  mkdirSync(root);
  const identity = await openIdentity(home);
  const publicKey = createPublicKey(identity.key);
  const leaf = await issueDevice(office.issuer, { publicKey, user: 'Ana', deviceName: 'laptop' }, Date.now());
  const membership = { user: 'Ana', deviceName: 'laptop', chain: [leaf, office.certificate], urls: ['https://x:1'] };
  await identity.join({ office: fingerprint(office.certificate), ...membership });
  const ledger = Ledger.open(home);
  const start = async () => {
    const agent = new Agent({
      home,
      identity,
      ledger,
      clock: systemClock,
      random: systemRandom,
      dial: async () => {
        throw new LinkError('unreachable', 'There is no network.');
      },
      fileBytes: realFileBytes,
      filesOf: (of) => new RealFiles(of),
      watcher: { watch: () => () => {} },
      tasks: chunkTasksInPlace(realFileBytes),
      makeDatabases: () => noDatabases,
      host: 'this-computer',
      log: () => {},
    });
    await agent.start();
    return agent;
  };
  const agent = await start();
  const facts = { file: null, name: 'A', office: fingerprint(office.certificate), members: null };
  const copy = agent.begin(root, { ...facts, phase: 'publishing' });
  await copy.record([setOp(COPIES, copy.facts.copy, { user: { value: 'Ana', over: [] } })]);
  copy.setFacts({ phase: 'complete' });
  await agent.stop();
  return { root, ledger, start };
}

test('AGT15 a copy that could not be opened because of the disk is opened when its disk works', async () => {
  const { root, ledger, start } = await machine();
  const { match } = ledger;
  ledger.match = () => {
    throw storageFailure('disk-full', 'Cannot write the ledger');
  };
  const agent = await start();
  try {
    await assert.rejects(agent.copyNamed(root), /disk is full/);
    await assert.rejects(agent.copyNamed(root), /disk is full/);
    ledger.match = match;
    assert.equal((await agent.copyNamed(root)).facts.phase, 'complete');
  } finally {
    await agent.stop();
  }
});

test('AGT15 a copy whose log is damaged says so in the list and however often it is asked, and the agent serves the others', async () => {
  for (const damage of [
    "UPDATE copy SET chain = x'00ff'",
    "UPDATE change SET deps = x'00ff'",
    "UPDATE fact SET value = '{'",
  ]) {
    const { root, start } = await machine();
    const db = openStore(join(root, '.tieout/store.db'), { schema: STORE_SCHEMA, synchronous: 'FULL' });
    db.exec(damage);
    db.close();
    const agent = await start();
    try {
      const [listed, ...more] = await fileMethods(agent).copies(
        {},
        { signal: new AbortController().signal, progress: () => {} },
      );
      assert.deepEqual([listed?.folder, listed?.state, more], [root, 'closed', []]);
      assert.match(listed?.problem ?? '', /damaged/);
      for (let n = 0; n < 2; n++) {
        await assert.rejects(
          agent.copyNamed(root),
          (error) => error instanceof ProblemError && /damaged/.test(error.message),
        );
      }
    } finally {
      await agent.stop();
    }
  }
});

test('DET6 a copy whose folder is gone is expected back until somebody says that it is not, whether it was open or not', async () => {
  for (const wasOpen of [false, true]) {
    const { root, start } = await machine();
    if (!wasOpen) rmSync(root, { recursive: true });
    const agent = await start();
    const { signal } = new AbortController();
    try {
      if (wasOpen) rmSync(root, { recursive: true });
      if (!wasOpen) await assert.rejects(agent.detach(root, false, signal), /is not in .* any more/);
      assert.deepEqual(
        agent.copies().map((listed) => listed.root),
        [root],
      );
      assert.equal(await agent.detach(root, true, signal), root);
      assert.deepEqual(agent.copies(), []);
      await assert.rejects(agent.detach(root, true, signal), /not in a sync copy/);
    } finally {
      await agent.stop();
    }
    const again = await start();
    assert.deepEqual(again.copies(), []);
    await again.stop();
  }
});
