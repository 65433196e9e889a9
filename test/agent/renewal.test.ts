import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HubConnection } from '../../src/agent/hub-connection.ts';
import { renewCopy } from '../../src/agent/renewal.ts';
import { SyncFolder } from '../../src/agent/sync-folder.ts';
import { body as bodyCodec, subjectOf } from '../../src/core/body.ts';
import { encode } from '../../src/core/codec.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { COPIES, setOp } from '../../src/core/registry.ts';
import { at } from '../../src/core/vector.ts';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import type { Answer, Question } from '../../src/protocol/messages.ts';
import { FileStore } from '../../src/store/file-store.ts';
import { PACKED, sealSnapshot } from '../../src/store/snapshot.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { author, FILE, incoming, makeStore, OFFICE, TestClock, tempFolder } from '../store/stores.ts';

const [ana, anew, ben] = [await author('a', 'ana'), await author('d', 'ana'), await author('b', 'ben')];
const hooks = { stored: (_: unknown, bytes: Uint8Array) => subjectOf(bytes) };

function word(about: string): Uint8Array {
  return encode(bodyCodec, { kind: 'registry', ops: [setOp(COPIES, about, { user: { value: about, over: [] } })] });
}

/** Ana's copy of a file, and a hub that says this. */
class Desk {
  readonly folder = new SyncFolder(tempFolder(), realFileBytes);
  readonly #clock = new TestClock();
  #says: (question: Question) => Answer = () => assert.fail('nothing was to be asked');

  constructor() {
    const facts = { file: FILE, name: 'f', copy: ana.copy, office: OFFICE, phase: 'complete', offline: false } as const;
    this.folder.setFacts({ ...facts, members: null });
  }

  /** As it is on disk. */
  store(): FileStore {
    const { db, chunks } = this.folder;
    return new FileStore({ db, chunks, file: FILE, office: OFFICE, clock: this.#clock, hooks });
  }

  hub(says: (question: Question) => Answer): void {
    this.#says = says;
  }

  advance(ms: number): void {
    this.#clock.advance(ms);
  }

  renew(): Promise<void> {
    // Chunks are all here.
    const session = { open: () => ({}), close() {} };
    const stub = { ask: async (question: Question) => this.#says(question), sessionOrRefusal: async () => session };
    const hub = stub as unknown as HubConnection;
    const member = { user: 'ana', device: 'desk' };
    const { folder } = this;
    const options = { folder, hub, clock: this.#clock, fileBytes: realFileBytes, author: anew, member };
    return renewCopy({ ...options, retires: false });
  }
}

test('REN6 a change that a colleague went on from is issued no second time, though the hub was brought back from a backup without it', async () => {
  const desk = new Desk();
  const store = desk.store();
  const colleague = makeStore({ hooks });
  for (let n = 1; n <= 4; n++) store.append(ana, [word(`ana ${n}`)]);
  for (const change of store.after(new Map(), {})) assert.equal(colleague.store.receive([incoming(change)]), null);
  for (const change of colleague.store.append(ben, [word('ben')]))
    assert.equal(store.receive([incoming(change)]), null);
  store.append(ana, [word('ana 5')]);

  // The hub has the first two.
  desk.hub((question) => {
    if (question.kind === 'history') return { kind: 'history', safe: null, signed: [], proposed: null, differing: [] };
    assert(question.kind === 'change');
    return { kind: 'change', hash: question.seq <= 2 ? (store.hashAt(ana.copy, question.seq) ?? null) : null };
  });
  await desk.renew();
  const vector = desk.store().vector();
  // Of the new one: what was made last, and who it is.
  assert.deepEqual([at(vector, ana.copy), at(vector, ben.copy), at(vector, anew.copy)], [4, 1, 2]);
  assert.deepEqual(desk.folder.renamings, [{ from: ana.copy, to: anew.copy, after: 4 }]);
  desk.folder.close();
});

test('REN11 what is made again keeps its stamp, so that the same is shown as before', async () => {
  const desk = new Desk();
  const store = desk.store();
  store.append(ana, [word('ana 1'), word('ana 2')]);
  const before = store.log.get({ copy: ana.copy, seq: 2 })?.stamp;
  desk.hub((question) => {
    if (question.kind === 'history') return { kind: 'history', safe: null, signed: [], proposed: null, differing: [] };
    assert(question.kind === 'change');
    return { kind: 'change', hash: question.seq === 1 ? (store.hashAt(ana.copy, 1) ?? null) : null };
  });
  desk.advance(5000);
  await desk.renew();
  const { log } = desk.store();
  assert.equal(log.get({ copy: anew.copy, seq: 1 })?.stamp, before);
  assert.ok((log.get({ copy: anew.copy, seq: 2 })?.stamp ?? 0) > (before ?? 0));
  desk.folder.close();
});

test('REN7 a copy that waits for a new id is told that the history which the hub has cannot be used, and nothing else ends', async () => {
  const desk = new Desk();
  const store = desk.store();
  store.append(ana, [word('ana')]);
  const list = encodeChunk(Buffer.from('no list of segments'));
  store.chunks.append([list]);
  store.chunks.flush();
  const record = {
    format: PACKED,
    file: FILE,
    vector: new Map([[ben.copy, 1]]),
    last: [{ copy: ben.copy, hash: 'aa'.repeat(32) }],
    digest: 'dd'.repeat(32),
    manifest: [{ id: list.id, size: 19 }],
    manifestHash: list.id,
    documents: 0,
    databases: 0,
    bytes: 0,
    maker: ben.copy,
  };
  const safe = sealSnapshot(record, ben.key, ben.chain);
  desk.hub(() => ({ kind: 'history', safe, signed: [], proposed: null, differing: [] }));
  const isTold = (error: unknown) => error instanceof ProblemError && error.problem.code === 'bad-history';
  await assert.rejects(desk.renew(), isTold);
  // One that nobody could hold is not asked for.
  const endless = { ...record, manifest: Array(1000).fill({ id: 'ab'.repeat(32), size: 262_144 }) };
  const huge = sealSnapshot(endless, ben.key, ben.chain);
  desk.hub(() => ({ kind: 'history', safe: huge, signed: [], proposed: null, differing: [] }));
  await assert.rejects(desk.renew(), isTold);
  assert.equal(at(desk.store().vector(), ana.copy), 1);
  desk.folder.close();
});
