/**
 * Publishing: the folder's content becomes the base of a parent file. It creates no changes: every document is read
 * once, what the hub lacks is sent, and a signed list of it all is handed over at the end. The folder stays where it
 * is and becomes the first sync copy.
 */

import type { KeyObject } from 'node:crypto';
import { sameBytes, sha256 } from '../core/bytes.ts';
import { boundaries } from '../core/chunking.ts';
import { encodeManifest, type ManifestDatabase, type ManifestDocument } from '../core/manifest.ts';
import { ProblemError } from '../core/problem.ts';
import { COPIES, FILE, newDatabaseId, setOp } from '../core/registry.ts';
import type { Exchange } from '../protocol/exchange.ts';
import { lookOf } from '../store/observations.ts';
import { openSnapshot, sealSnapshot } from '../store/snapshot.ts';
import { encodeChunk, type StoredChunk } from '../store/stored-chunk.ts';
import type { Copy } from './copy.ts';
import { fetchManifest, type Going, type Member } from './copying.ts';
import type { Ingested } from './documents/ports.ts';
import type { Survey } from './documents/surveying.ts';
import type { HubConnection } from './hub-connection.ts';
import { type Handed, Reading } from './publish-reading.ts';
import { registryChanges } from './registry-folding.ts';
import { complete, handOverIfReached, LOOK_AGAIN_MS, parentHasAll, stopIfAsked } from './syncing.ts';
import { cannotBeFollowed } from './unfollowed.ts';

export type Publisher = Member & { readonly key: KeyObject; readonly chain: readonly Uint8Array[] };

/** Documents that are read together; at the end of each batch the hub has all of it. */
const BATCH = 1024;

/** Brings a copy in the phase `publishing` to `complete`. The copy is not attached yet. */
export async function publishCopy(copy: Copy, hub: HubConnection, who: Publisher, going: Going): Promise<void> {
  const { file, name, copy: id, members } = copy.facts;
  await hub.ask({ kind: 'create', file, name, copy: id, members });
  copy.attach();
  await introduceFile(copy, who);
  const standing = await published(copy, hub);
  if (standing) return adopt(copy, hub, standing, going);
  const survey = copy.documents.survey();
  const reading = new Reading(copy, hub, survey, going);
  let listing = await readAll(copy, survey, reading);
  let sealed: Uint8Array;
  for (;;) {
    const session = await reading.session();
    try {
      const lost = new Set(await reading.lost(session, handed(listing)));
      if (lost.size > 0) {
        listing = await readAgain(copy, listing, reading, ({ path }) => lost.has(path));
        continue;
      }
      sealed = await handList(copy, hub, who, listing, session, going);
      const first = await published(copy, hub);
      if (first && !sameBytes(first, sealed)) return adopt(copy, hub, first, going);
    } catch (error) {
      if (copy.exchange === session) throw error;
      continue;
    }
    // Otherwise it may be another hub by now than the one that had it all.
    if (copy.exchange === session) break;
  }
  const { databases, documents } = listing;
  copy.store.transaction(() => {
    copy.registry.loadBase(
      documents.map(({ listed }) => listed),
      databases,
    );
    copy.documents.observeBase(documents.map(({ listed, read, at }) => ({ path: listed.path, read, at })));
    copy.documents.observeDatabases(databases.map(({ path }) => path));
    copy.folder.snapshot = sealed;
    complete(copy);
  });
  await copy.start();
  await handOverIfReached(copy, going.signal);
}

/** What the hub has of this file as published; undefined: nothing yet. */
async function published(copy: Copy, hub: HubConnection): Promise<Uint8Array | undefined> {
  try {
    const answer = await hub.ask({ kind: 'snapshot', file: copy.facts.file });
    return answer.kind === 'snapshot' ? answer.record : undefined;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'unpublished') return undefined;
    throw error;
  }
}

/**
 * The hub had taken the list before we heard of it, and colleagues may have copies by now: what was published then is
 * the base, and what was done here since is an edit of it.
 */
async function adopt(copy: Copy, hub: HubConnection, sealed: Uint8Array, going: Going): Promise<void> {
  const { record } = openSnapshot(sealed, copy.facts.file, copy.facts.office);
  const { documents, databases } = await fetchManifest(copy, hub, record, going.signal);
  for (const { id, content } of databases) {
    while (!(await copy.databases.bringBase(id, content))) {
      stopIfAsked(going.signal);
      if (copy.exchange === null) await hub.sessionOrRefusal();
      await copy.change(LOOK_AGAIN_MS);
    }
  }
  copy.store.transaction(() => {
    // Colleagues' changes may have come already, and were folded onto nothing.
    copy.registry.unfold();
    copy.registry.loadBase(documents, databases);
    for (const { by, ops } of registryChanges(copy.store)) copy.registry.fold(by, { ops });
    copy.documents.observeDatabases(databases.map(({ path }) => path));
    copy.folder.snapshot = sealed;
    complete(copy);
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

/**
 * The database process makes the base of a database while the documents are read here; it is read after them. One that
 * cannot be made now ends the reading; a database that cannot be followed at all is left out.
 */
export async function readAll(
  copy: Pick<Copy, 'documents' | 'databases' | 'now'>,
  survey: Pick<Survey, 'documents' | 'databases'>,
  reading: Pick<Reading, 'read' | 'stop'>,
): Promise<Listing> {
  const documents = readDocuments(copy, survey.documents, reading);
  const databases = readDatabases(copy, survey.databases, {
    read: (paths) => documents.then(() => reading.read(paths)),
  });
  databases.catch(() => reading.stop());
  const [made, read] = await Promise.allSettled([databases, documents]);
  if (made.status === 'rejected') throw made.reason;
  if (read.status === 'rejected') throw read.reason;
  return { databases: made.value, documents: read.value };
}

async function readDatabases(
  copy: Pick<Copy, 'databases'>,
  paths: readonly string[],
  reading: Pick<Reading, 'read'>,
): Promise<ManifestDatabase[]> {
  const found: ManifestDatabase[] = [];
  for (const path of paths) {
    const id = newDatabaseId(path, null);
    try {
      found.push({ path, id, ...(await copy.databases.publish(id, path, (base) => reading.read(base))) });
    } catch (error) {
      // It is found again with the first look at the folder, and named from then on.
      if (!cannotBeFollowed(error)) throw error;
    }
  }
  return found;
}

/** `at`: when it had been read, ms since 1970. */
type Read = { listed: ManifestDocument; read: Extract<Ingested, { kind: 'done' }>; at: number };
type Listing = { readonly databases: readonly ManifestDatabase[]; readonly documents: readonly Read[] };

/**
 * Reads all documents; one that cannot be read now, or is written to while it is read, is left out and taken in as a new
 * one later.
 */
export async function readDocuments(
  copy: Pick<Copy, 'documents' | 'now'>,
  paths: readonly string[],
  reading: Pick<Reading, 'read'>,
): Promise<Read[]> {
  const found: Read[] = [];
  for (let start = 0; start < paths.length; start += BATCH) {
    const batch = paths.slice(start, start + BATCH);
    const read = await reading.read(batch.map((path) => copy.documents.native(path)));
    for (const [index, one] of read.entries()) {
      const path = batch[index] as string;
      if (one.kind !== 'done' || lookOf(one.before) !== lookOf(one.after)) continue;
      found.push({ listed: { path, content: one.content, registered: true }, read: one, at: copy.now() });
    }
  }
  return found;
}

/** Documents and databases whose content the hub is to have. */
function handed({ databases, documents }: Listing): Handed[] {
  return [
    ...documents.map(({ listed: { path, content } }) => ({ path, content })),
    ...databases.map(({ path, content }) => ({ path, content })),
  ];
}

/** Those that the hub has lost are read and handed to it once more, as they are now. */
async function readAgain(
  copy: Copy,
  { databases, documents }: Listing,
  reading: Reading,
  isLost: (one: { readonly path: string }) => boolean,
): Promise<Listing> {
  const lost = documents.map(({ listed }) => listed).filter(isLost);
  const read = await readDocuments(
    copy,
    lost.map(({ path }) => path),
    reading,
  );
  const made = await readDatabases(
    copy,
    databases.filter(isLost).map(({ path }) => path),
    reading,
  );
  return {
    databases: [...databases.filter((one) => !isLost(one)), ...made],
    documents: [...documents.filter(({ listed }) => !isLost(listed)), ...read],
  };
}

/** Hands over the signed list of it all: from then on the hub has the file. */
async function handList(
  copy: Copy,
  hub: HubConnection,
  who: Publisher,
  { databases, documents }: Listing,
  session: Exchange,
  going: Going,
): Promise<Uint8Array> {
  const { file, copy: maker } = copy.facts;
  const listed = documents.map((one) => one.listed);
  const manifest = encodeManifest({ documents: listed, databases });
  const chunks = chunksOf(manifest);
  await copy.store.keepChunks(chunks);
  await session.upload(chunks.map((chunk) => ({ id: chunk.id, bytes: chunk.bytes.byteLength, read: () => chunk })));
  await parentHasAll(copy, going.signal);
  const counts = {
    documents: documents.length,
    databases: databases.length,
    bytes: [...listed, ...databases].reduce((sum, { content }) => sum + content.size, 0),
  };
  const record = {
    format: 1,
    file,
    vector: new Map(),
    last: [],
    digest: null,
    manifest: chunks.map(({ id, size }) => ({ id, size })),
    manifestHash: sha256(manifest),
    ...counts,
    maker,
  };
  const sealed = sealSnapshot(record, who.key, who.chain);
  await hub.ask({ kind: 'publish', file, record: sealed, ...counts });
  return sealed;
}

function chunksOf(bytes: Uint8Array): (StoredChunk & { size: number })[] {
  let start = 0;
  return boundaries(bytes, 0, bytes.byteLength, true).map((end) => {
    const plain = bytes.subarray(start, end);
    start = end;
    return { ...encodeChunk(plain), size: plain.length };
  });
}
