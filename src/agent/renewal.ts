/**
 * A copy that must not number on under its id, because its sync folder was duplicated or restored from a backup, goes
 * on under a new one: what the parent shares stays as it is, what nobody else has is issued again, and what was folded
 * from it is folded again. Nothing of the copy may be at work meanwhile.
 */
import { body as bodyCodec, subjectOf } from '../core/body.ts';
import { decode, encode, MalformedError } from '../core/codec.ts';
import { COPIES, setOp } from '../core/registry.ts';
import { type Renaming, reissued } from '../core/reissue.ts';
import type { CopyId } from '../core/vector.ts';
import type { Clock, FileBytes } from '../platform/ports.ts';
import { type Author, FileStore } from '../store/file-store.ts';
import { Registry } from '../store/registry.ts';
import type { Member } from './copying.ts';
import type { HubConnection } from './hub-connection.ts';
import { foldRegistry } from './registry-folding.ts';
import type { SyncFolder } from './sync-folder.ts';

export interface RenewalOptions {
  readonly folder: SyncFolder;
  readonly hub: HubConnection;
  readonly clock: Clock;
  readonly fileBytes: FileBytes;
  /** With the new id. */
  readonly author: Author;
  readonly member: Member;
}

/** Throws a `ProblemError` when the hub is out of reach; then nothing was changed. */
export async function renewCopy({ folder, hub, clock, fileBytes, author, member }: RenewalOptions): Promise<void> {
  const facts = folder.facts;
  if (facts === undefined) return;
  const registry = new Registry(folder.db);
  const store = new FileStore({
    db: folder.db,
    chunks: folder.chunks,
    file: facts.file,
    office: facts.office,
    clock,
    hooks: { stored: (change, bytes) => fold(registry, change, bytes) },
  });
  const after = await lastShared(store, hub, facts.file, facts.copy);
  const renaming = { from: facts.copy, to: author.copy, after };
  const bodies = bodiesAgain(store, renaming, member);
  // What the rows were merged from gets other names, so they are merged anew: nothing of the old ones may be left.
  for (const suffix of ['', '-wal', '-shm']) fileBytes.remove(folder.path(`rows.db${suffix}`));
  fileBytes.syncFolder(folder.path('.'));
  store.reissue(author, facts.copy, after, bodies, () => {
    registry.unfold();
    for (const change of store.log.after(new Map(), { subject: '', limit: Number.MAX_SAFE_INTEGER })) {
      foldRegistry(registry, change, store.body(change));
    }
    folder.setFacts({ ...facts, copy: author.copy });
    folder.addRenaming(renaming);
  });
}

function fold(registry: Registry, change: Parameters<typeof foldRegistry>[1], bytes: Uint8Array): string {
  const subject = subjectOf(bytes);
  if (subject === '') foldRegistry(registry, change, bytes);
  return subject;
}

/** The last own change that the parent has as well, by halving: the logs are the same up to some number. */
async function lastShared(store: FileStore, hub: HubConnection, file: string, copy: CopyId): Promise<number> {
  let shared = 0;
  let beyond = (store.tips().get(copy)?.seq ?? 0) + 1;
  while (beyond - shared > 1) {
    const seq = Math.floor((shared + beyond) / 2);
    const answer = await hub.ask({ kind: 'change', file, copy, seq });
    if (answer.kind !== 'change') throw new MalformedError('another answer than asked for');
    if (answer.hash === store.hashAt(copy, seq)) shared = seq;
    else beyond = seq;
  }
  return shared;
}

/** The unshared changes under the new id, after one that says whose copy it is. */
function bodiesAgain(store: FileStore, renaming: Renaming, { user, device }: Member): Uint8Array[] {
  const last = store.tips().get(renaming.from)?.seq ?? 0;
  const old = [];
  for (let seq = renaming.after + 1; seq <= last; seq++) {
    const change = store.log.get({ copy: renaming.from, seq });
    if (change) old.push({ deps: change.deps, body: decode(bodyCodec, store.body(change)) });
  }
  const bodies = reissued(old, renaming).map((body) => encode(bodyCodec, body));
  const cells = { user: { value: user, over: [] }, device: { value: device, over: [] } };
  const introduction = encode(bodyCodec, { kind: 'registry', ops: [setOp(COPIES, renaming.to, cells)] });
  return [...bodies, introduction];
}
