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
import { encodeChunk } from '../store/stored-chunk.ts';
import type { Copy } from './copy.ts';
import { type Going, type Member, stopIfAsked } from './copying.ts';
import type { Ingested } from './documents/ports.ts';
import type { HubConnection } from './hub-connection.ts';
import { sealSnapshot } from './snapshot.ts';

export type Publisher = Member & { readonly key: KeyObject; readonly chain: readonly Uint8Array[] };

/** Documents that are read together; also how often progress is told. */
const BATCH = 256;
const LOOK_AGAIN_MS = 200;

/** Brings a copy in the phase `publishing` to `complete`. The copy is not attached yet. */
export async function publishCopy(copy: Copy, hub: HubConnection, who: Publisher, going: Going): Promise<void> {
  const { file, name, copy: id, members } = copy.facts;
  await hub.ask({ kind: 'create', file, name, copy: id, members });
  copy.attach();
  await introduceFile(copy, who);
  const survey = copy.documents.survey();
  const databases = await readDatabases(copy, survey.databases);
  const documents = await readDocuments(copy, survey.documents, going);
  const parts = keepManifest(copy, encodeManifest({ documents: documents.map(({ listed }) => listed), databases }));
  await allSent(copy, hub, going);
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
  await hub.ask({
    kind: 'publish',
    file,
    record: sealSnapshot(record, who.key, who.chain),
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
    copy.setFacts({ phase: 'complete' });
  });
  await copy.start();
  await copy.parentHasAll(going.signal);
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

async function readDatabases(copy: Copy, paths: readonly string[]): Promise<ManifestDatabase[]> {
  const found: ManifestDatabase[] = [];
  for (const path of paths) {
    const id = newDatabaseId(path, null);
    found.push({ path, id, ...(await copy.databases.publish(id, path)) });
  }
  return found;
}

type Read = { listed: ManifestDocument; read: Extract<Ingested, { kind: 'done' }> };

/** Reads all documents; one that cannot be read now is left out, named as a problem, and taken in as a new one later. */
async function readDocuments(copy: Copy, paths: readonly string[], going: Going): Promise<Read[]> {
  const found: Read[] = [];
  let bytes = 0;
  for (let start = 0; start < paths.length; start += BATCH) {
    stopIfAsked(going.signal);
    const batch = paths.slice(start, start + BATCH);
    const natives = batch.map((path) => copy.documents.native(path));
    const read = await copy.contents.ingest(natives);
    for (const [index, one] of read.entries()) {
      const path = batch[index] as string;
      if (one.kind !== 'done') continue;
      found.push({ listed: { path, content: one.content, registered: true }, read: one });
      bytes += one.content.size;
    }
    const done = Math.min(start + BATCH, paths.length);
    going.progress({
      phase: 'reading',
      bytes: { done: bytes, total: bytes },
      documents: { done, total: paths.length },
    });
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
