/**
 * Publishing: the folder's content becomes the base of a parent file. It creates no changes: every document is read
 * once, what the hub lacks is sent, and a signed list of it all is handed over at the end. The folder stays where it
 * is and becomes the first sync copy.
 */

import type { KeyObject } from 'node:crypto';
import { sha256 } from '../core/bytes.ts';
import { boundaries } from '../core/chunking.ts';
import { encodeManifest, type ManifestDatabase, type ManifestDocument } from '../core/manifest.ts';
import { COPIES, FILE, newDatabaseId, setOp } from '../core/registry.ts';
import { sealSnapshot } from '../store/snapshot.ts';
import { encodeChunk } from '../store/stored-chunk.ts';
import type { Copy } from './copy.ts';
import type { Going, Member } from './copying.ts';
import type { Ingested } from './documents/ports.ts';
import { Handover } from './handover.ts';
import type { HubConnection } from './hub-connection.ts';
import { handOverIfReached, LOOK_AGAIN_MS, parentHasAll, stopIfAsked } from './syncing.ts';

export type Publisher = Member & { readonly key: KeyObject; readonly chain: readonly Uint8Array[] };

/** Documents that are read together; at the end of each batch the hub has all of it. */
const BATCH = 1024;

/** Brings a copy in the phase `publishing` to `complete`. The copy is not attached yet. */
export async function publishCopy(copy: Copy, hub: HubConnection, who: Publisher, going: Going): Promise<void> {
  const { file, name, copy: id, members } = copy.facts;
  await hub.ask({ kind: 'create', file, name, copy: id, members });
  copy.attach();
  await introduceFile(copy, who);
  const survey = copy.documents.survey();
  const reading = new Reading(copy, hub, survey, going);
  const databases = await readDatabases(copy, survey.databases, reading);
  const documents = await readDocuments(copy, survey.documents, reading);
  const parts = keepManifest(copy, encodeManifest({ documents: documents.map(({ listed }) => listed), databases }));
  await allSent(copy, hub, going);
  await parentHasAll(copy, going.signal);
  const sizes = [...documents.map(({ listed }) => listed), ...databases].map(({ content }) => content.size);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const record = {
    format: 1,
    file,
    vector: new Map(),
    last: [],
    digest: null,
    manifest: parts.parts,
    manifestHash: parts.hash,
    documents: documents.length,
    databases: databases.length,
    bytes,
    maker: id,
  };
  const sealed = sealSnapshot(record, who.key, who.chain);
  await hub.ask({
    kind: 'publish',
    file,
    record: sealed,
    documents: documents.length,
    databases: databases.length,
    bytes,
  });
  copy.store.transaction(() => {
    copy.registry.loadBase(
      documents.map(({ listed }) => listed),
      databases,
    );
    copy.documents.observeBase(documents.map(({ listed, read }) => ({ path: listed.path, read })));
    copy.documents.observeDatabases(databases.map(({ path }) => path));
    copy.folder.snapshot = sealed;
    copy.setFacts({ phase: 'complete' });
  });
  await copy.start();
  await handOverIfReached(copy, going.signal);
}

/** The log's first change: what the file is called, who may see it, and whose copy this is. */
async function introduceFile(copy: Copy, who: Publisher): Promise<void> {
  const { name, members, copy: id } = copy.facts;
  if (copy.registry.row(FILE, 'file').cells.size > 0) return;
  await copy.record([
    setOp(FILE, 'file', {
      name: { value: name, over: [] },
      access: { value: members === null ? 'office' : JSON.stringify(members), over: [] },
    }),
    setOp(COPIES, id, { user: { value: who.user, over: [] }, device: { value: who.device, over: [] } }),
  ]);
}

type Survey = { readonly documents: readonly string[]; readonly bytes: number };

/**
 * Reads files once and hands the hub what it lacks of them. Nothing is kept here a second time: the files themselves
 * lie here. After a cut the same files are read again, and only what the hub still lacks is sent.
 */
class Reading {
  readonly #copy: Copy;
  readonly #hub: HubConnection;
  readonly #survey: Survey;
  readonly #going: Going;
  #bytes = 0;
  #documents = 0;

  constructor(copy: Copy, hub: HubConnection, survey: Survey, going: Going) {
    this.#copy = copy;
    this.#hub = hub;
    this.#survey = survey;
    this.#going = going;
  }

  async read(paths: readonly string[]): Promise<readonly Ingested[]> {
    const before = { bytes: this.#bytes, documents: this.#documents };
    for (;;) {
      stopIfAsked(this.#going.signal);
      const { exchange } = this.#copy;
      if (exchange === null) {
        await this.#hub.sessionOrRefusal();
        await this.#copy.change(LOOK_AGAIN_MS);
        continue;
      }
      try {
        return await this.#copy.contents.ingestInto(new Handover(exchange.chunks), paths, (one) => this.#tell(one));
      } catch (error) {
        // The line was cut: what reads the files is well, and starts over on the next one.
        if (this.#copy.exchange === exchange) throw error;
        this.#bytes = before.bytes;
        this.#documents = before.documents;
      }
    }
  }

  #tell(one: Ingested): void {
    this.#documents += 1;
    if (one.kind === 'done') this.#bytes += one.content.size;
    const { bytes, documents } = this.#survey;
    this.#going.progress({
      phase: 'sending',
      bytes: { done: this.#bytes, total: Math.max(bytes, this.#bytes) },
      documents: { done: Math.min(this.#documents, documents.length), total: documents.length },
    });
  }
}

async function readDatabases(copy: Copy, paths: readonly string[], reading: Reading): Promise<ManifestDatabase[]> {
  const found: ManifestDatabase[] = [];
  for (const path of paths) {
    const id = newDatabaseId(path, null);
    found.push({ path, id, ...(await copy.databases.publish(id, path, (base) => reading.read(base))) });
  }
  return found;
}

type Read = { listed: ManifestDocument; read: Extract<Ingested, { kind: 'done' }> };

/** Reads all documents; one that cannot be read now is left out, named as a problem, and taken in as a new one later. */
async function readDocuments(copy: Copy, paths: readonly string[], reading: Reading): Promise<Read[]> {
  const found: Read[] = [];
  for (let start = 0; start < paths.length; start += BATCH) {
    const batch = paths.slice(start, start + BATCH);
    const read = await reading.read(batch.map((path) => copy.documents.native(path)));
    for (const [index, one] of read.entries()) {
      const path = batch[index] as string;
      if (one.kind === 'done') found.push({ listed: { path, content: one.content, registered: true }, read: one });
    }
  }
  return found;
}

function keepManifest(copy: Copy, bytes: Uint8Array): { parts: { id: string; size: number }[]; hash: string } {
  const parts: { id: string; size: number }[] = [];
  let start = 0;
  const chunks = [];
  for (const end of boundaries(bytes, 0, bytes.byteLength, true)) {
    const chunk = encodeChunk(bytes.subarray(start, end));
    chunks.push(chunk);
    parts.push({ id: chunk.id, size: end - start });
    start = end;
  }
  copy.contents.keepOwn(chunks);
  return { parts, hash: sha256(bytes) };
}

/** Waits until the hub has every chunk durably. */
async function allSent(copy: Copy, hub: HubConnection, going: Going): Promise<void> {
  const total = copy.unsent.totals();
  for (;;) {
    stopIfAsked(going.signal);
    const left = copy.unsent.totals();
    going.progress({
      phase: 'sending',
      bytes: { done: Math.max(0, total.bytes - left.bytes), total: Math.max(total.bytes, left.bytes) },
      documents: { done: 0, total: 0 },
    });
    if (left.chunks === 0) return;
    if (copy.exchange === null) await hub.sessionOrRefusal();
    await copy.change(LOOK_AGAIN_MS);
  }
}
