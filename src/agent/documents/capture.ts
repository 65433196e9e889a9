/**
 * Takes in what was done in the folder: reads what settled, recognises what was moved, and makes one change of it all.
 * What a save replaces is what was observed at its path, however far the registry is ahead of this disk.
 */
import type { RegistryOp } from '../../core/body.ts';
import type { DocumentContent } from '../../core/content.ts';
import { databaseOfCompanion } from '../../core/not-documents.ts';
import { foldPath, parentOf, pathFault } from '../../core/paths.ts';
import {
  allWrites,
  contentCell,
  DOCUMENTS,
  type DocumentId,
  removeOp,
  setOp,
  versionName,
} from '../../core/registry.ts';
import type { Clock, FileFacts, Files } from '../../platform/ports.ts';
import { looksSame, type Observation, type Observations, observationOf } from '../../store/observations.ts';
import type { Entry, Registry } from '../../store/registry.ts';
import {
  busyDocument,
  type DocumentProblems,
  manyGone,
  noDatabase,
  sameName,
  UNREAD,
  unfitName,
} from './document-problems.ts';
import type { HeldBack } from './held-back.ts';
import { asidePaths } from './moving.ts';
import { type Noticing, QUIET_MS } from './noticing.ts';
import type { Contents, DatabaseReports, DocumentEvent, Ingested, RecordOps } from './ports.ts';
import { isUntouched } from './replaced.ts';
import { contentWrites, pathWrites, replacedWrites } from './replacing.ts';
import { sniffed } from './sniffing.ts';
import { Spelling } from './spelling.ts';
import { isDatabase, isLeftBehind } from './walking.ts';

/** A program holds the file: tried again after this. */
const BUSY_MS = 1000;
/** Two writes closer together than this may carry one time (4 ms on Linux, 10 ms elsewhere). */
const TICK_MS = 20;
/** FAT keeps even seconds, HFS+ and some servers whole ones. */
const COARSE_TICK_MS = 2000;
/** More are made durable by one call for all. */
const FEW = 16;

export type CaptureOptions = {
  readonly files: Files;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly record: RecordOps;
  readonly transaction: <T>(write: () => T) => T;
  readonly noticing: Noticing;
  readonly heldBack: HeldBack;
  readonly problems: DocumentProblems;
  readonly databases: DatabaseReports;
  readonly tell: (event: DocumentEvent) => void;
};

type Found = { readonly path: string; readonly facts: FileFacts; readonly seen: Observation | undefined };
type Read = Found & { readonly content: DocumentContent };
type Away = Map<string, Observation[]>;

/** What is to be recorded, gathered: ops, observations, and what to tell. */
type Draft = {
  readonly ops: RegistryOp[];
  readonly put: Observation[];
  readonly forget: Set<string>;
  readonly paths: string[];
  bytes: number;
};

export class Capture {
  readonly #options: CaptureOptions;
  readonly #observations: Observations;
  readonly #spelling: Spelling;
  readonly #interrupted = new Set<DocumentId>();

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#observations = options.registry.observations;
    this.#spelling = new Spelling(options.files);
  }

  /**
   * A file of it was replaced, and that is what was last seen of it: we were stopped while we put a version in place,
   * and that version is none of the user's saves. Where the version itself was seen, what they do to it since is.
   */
  wasReplaced(id: DocumentId, inode: string): void {
    if (this.#observations.of(id)?.inode === inode) this.#interrupted.add(id);
  }

  /** All that was found at the start has been taken in. */
  forgetInterrupted(): void {
    this.#interrupted.clear();
  }

  /** Takes in these paths. They are in our hands. */
  async take(paths: readonly string[]): Promise<void> {
    if (!this.#options.noticing.isFolderThere()) return;
    const draft: Draft = { ops: [], put: [], forget: new Set(), paths: [], bytes: 0 };
    const found: Found[] = [];
    const gone: Observation[] = [];
    for (const path of this.#spelling.reallyThere(paths)) this.#sort(path, draft, found, gone);
    const unread = found.filter((one) => !this.#takeMove(one, draft));
    const read = await this.#readAll(unread);
    const alike = new Set<string>();
    const away = read.some(({ seen }) => seen === undefined) ? this.#awayByContent(gone) : new Map();
    for (const one of read) this.#takeContent(one, away, draft, alike);
    this.#takeGone(gone, draft);
    await this.#keep(draft);
  }

  /** Documents, databases, what has gone, and what cannot be synced. */
  #sort(path: string, draft: Draft, found: Found[], gone: Observation[]): void {
    const { files, databases, problems, noticing } = this.#options;
    const facts = files.facts(path);
    const seen = this.#observations.at(path);
    if (facts?.kind !== 'file') {
      if (seen?.subject === '') {
        draft.forget.add(path);
        databases.databaseGone(path);
      } else if (seen && !this.#isAside(seen, draft)) gone.push(seen);
      return;
    }
    const fault = pathFault(path);
    if (fault) return problems.set(path, unfitName(path, fault.text));
    const look = (): boolean | 'companion' | 'unknown' =>
      this.#isCompanion(path) ? 'companion' : isDatabase(files, path);
    const kind = sniffed(path, { problems, noticing }, look);
    if (kind === undefined || kind === 'companion') return;
    if (kind) return this.#takeDatabase({ path, facts, seen }, draft);
    if (seen?.subject === '') {
      draft.forget.add(path);
      databases.databaseGone(path);
    }
    found.push({ path, facts, seen: seen?.subject === '' ? undefined : seen });
  }

  /** We put it aside ourselves, to let others pass, and were stopped before that was noted: it is there, not gone. */
  #isAside(seen: Observation, { forget, put }: Draft): boolean {
    for (const aside of asidePaths(seen.subject, seen.path)) {
      const facts = this.#options.files.facts(aside);
      if (facts === undefined || !isUntouched(seen, facts)) continue;
      forget.add(seen.path);
      put.push(observationOf(aside, seen.subject, seen.hash, facts));
      return true;
    }
    return false;
  }

  /** A log or journal of a database, which may be new itself. */
  #isCompanion(path: string): boolean {
    const database = databaseOfCompanion(path);
    if (database === undefined) return false;
    const { files } = this.#options;
    if (this.#observations.at(database)?.subject === '' || isDatabase(files, database) === true) return true;
    return isLeftBehind(files, path);
  }

  #takeDatabase({ path, facts, seen }: Found, draft: Draft): void {
    const { databases, registry } = this.#options;
    draft.put.push(observationOf(path, '', '', facts));
    this.#options.problems.clear(path, 'no-database', ...UNREAD);
    if (seen?.subject === '') return databases.databaseReplaced(path);
    // A document that became a database is no document any more.
    if (seen) draft.ops.push(this.#removal(seen));
    const from = this.#movedFrom(path, facts);
    if (from?.subject === '' && databases.databaseMoved) {
      draft.forget.add(from.path);
      return databases.databaseMoved(from.path, path);
    }
    if (registry.entryAt(path)?.kind === 'database') databases.databaseChanged(path);
    databases.databaseFound(path);
  }

  /** A document under another name, untouched: nothing is read, nothing travels but the name. */
  #takeMove({ path, facts, seen }: Found, draft: Draft): boolean {
    const { registry } = this.#options;
    if (seen !== undefined) return false;
    const from = this.#movedFrom(path, facts);
    if (from === undefined || from.subject === '') return false;
    const entry = registry.entryAt(path);
    if (entry !== undefined && entry.id !== from.subject) return false;
    this.#move(from, path, facts, draft);
    return true;
  }

  #move(from: Observation, path: string, facts: FileFacts, draft: Draft): void {
    const { registry } = this.#options;
    draft.forget.add(from.path);
    draft.put.push(observationOf(path, from.subject, from.hash, facts, this.#isDoubtful(facts)));
    draft.paths.push(path);
    const merged = registry.document(from.subject);
    if (merged === undefined || (merged.path === path && merged.alive)) return;
    const over = pathWrites(merged, from, registry);
    draft.ops.push(setOp(DOCUMENTS, from.subject, { path: { value: path, over } }));
  }

  /**
   * What was seen elsewhere with this inode, size and time, where nothing lies any more. A program that renames the old
   * file before it writes the new one has saved: what lies at the old path is still the same document.
   */
  #movedFrom(path: string, facts: FileFacts): Observation | undefined {
    return this.#observations.withInode(facts.inode).find((seen) => {
      if (seen.path === path || this.#spelling.isTaken(seen.path, path)) return false;
      // Inodes are used again: only with its size and time it is the same file.
      const [size, mtime] = seen.look.split(':');
      return seen.subject === '' || (size === String(facts.size) && mtime === String(facts.mtimeNs));
    });
  }

  async #readAll(found: readonly Found[]): Promise<Read[]> {
    const { files, contents, problems, noticing } = this.#options;
    if (found.length === 0) return [];
    const results = await contents.ingest(found.map(({ path }) => files.native(path)));
    const read: Read[] = [];
    for (const [index, one] of found.entries()) {
      const result = results[index] as Ingested;
      if (result.kind === 'failed') problems.set(one.path, { ...result.problem, path: one.path });
      if (result.kind === 'busy') problems.set(one.path, busyDocument(one.path));
      if (result.kind === 'failed' || result.kind === 'busy') noticing.defer(one.path, BUSY_MS);
      if (result.kind === 'missing') noticing.hint(one.path);
      if (result.kind !== 'done') continue;
      problems.clear(one.path);
      const { content, before, after } = result;
      const now = files.facts(one.path);
      const asRead = observationOf(one.path, '', '', after);
      // RACE: a write between this look and the next one is a change of time or size, and taken in as its own save.
      if (now && looksSame(asRead, before) && looksSame(asRead, now)) read.push({ ...one, facts: now, content });
      else noticing.defer(one.path, QUIET_MS);
    }
    await this.#makeDurable(read.map(({ path }) => path));
    return read;
  }

  /**
   * Many programs save without making it durable. What is observed must not look different after a power cut, or what
   * the cut left of it would be taken for somebody's save.
   */
  async #makeDurable(paths: readonly string[]): Promise<void> {
    const { files } = this.#options;
    if (paths.length > FEW) return files.flush(paths);
    await Promise.all(paths.map((path) => files.sync(path)));
    for (const folder of new Set(paths.map(parentOf))) await files.syncFolder(folder);
  }

  /** What has gone, or may be gone for good, by its content: asked for each new document, so found once for all. */
  #awayByContent(gone: readonly Observation[]): Away {
    const away: Away = new Map();
    const pending = [...this.#options.noticing.gone()].flatMap((path) => this.#observations.at(path) ?? []);
    for (const seen of [...gone, ...pending]) {
      const alike = away.get(seen.hash);
      if (alike) alike.push(seen);
      else away.set(seen.hash, [seen]);
    }
    return away;
  }

  #takeContent(one: Read, away: Away, draft: Draft, alike: Set<string>): void {
    const { registry, databases, problems } = this.#options;
    const { path, seen, content, facts } = one;
    if (seen) return this.#save(seen.subject, seen, one, draft);
    const entry = registry.entryAt(path);
    if (entry?.kind === 'database') {
      problems.set(path, noDatabase(path));
      return databases.databaseReplaced(path);
    }
    const elsewhere = entry && this.#observations.of(entry.id);
    if (entry && elsewhere === undefined) {
      if (alike.has(entry.id)) return problems.set(path, sameName(path, 'another document'));
      alike.add(entry.id);
      return this.#save(entry.id, undefined, one, draft);
    }
    if (elsewhere && this.#collides(one, elsewhere.path)) return;
    // Copied and deleted, or moved from another disk: the same content came where another went.
    const from = content.size > 0 && away.get(content.hash)?.find(({ path: old }) => !draft.forget.has(old));
    if (from) return this.#move(from, path, facts, draft);
    const id = registry.newId(path, 'document');
    if (alike.has(id)) return problems.set(path, sameName(path, 'another new document'));
    alike.add(id);
    draft.ops.push(setOp(DOCUMENTS, id, { path: { value: path, over: [] }, content: contentCell(content, []) }));
    this.#note(id, one, draft);
  }

  /** On a disk that minds case, two documents can have names that are one name elsewhere. */
  #collides({ path }: Read, other: string): boolean {
    const { files, problems } = this.#options;
    // The one that is to have this path lies elsewhere still, under another name: who came first here is a new document.
    if (foldPath(path) !== foldPath(other)) return false;
    if (path === other || files.facts(other) === undefined || !this.#spelling.isSpelled(other)) return false;
    problems.set(path, sameName(path, other));
    return true;
  }

  /** New content of a document; `seen` is what lay there before, undefined when nothing of it was placed yet. */
  #save(id: string, seen: Observation | undefined, one: Read, draft: Draft): void {
    const { registry, noticing } = this.#options;
    const { content, facts, path } = one;
    const merged = registry.document(id);
    const shown = merged?.contents[0]?.content.hash;
    const isKnown = content.hash === shown || content.hash === seen?.hash;
    // Found where nothing was seen before: a version that we were placing when something stopped us.
    const isOurs =
      (seen === undefined || this.#interrupted.has(id)) && registry.contentByHash(id, content.hash) !== undefined;
    if (merged?.alive ? isKnown || isOurs : content.hash === seen?.hash) {
      draft.put.push(observationOf(path, id, content.hash, facts, this.#isDoubtful(facts)));
      return;
    }
    const entry = registry.entry(id);
    // Kept local by its behaviour: it is shown as modified, and goes nowhere.
    if (entry && staysLocal(entry)) return noticing.keepLocal(path, facts);
    const over = seen ? replacedWrites(registry, id, seen.hash) : [];
    draft.ops.push(setOp(DOCUMENTS, id, { content: contentCell(content, over) }));
    this.#note(id, one, draft);
  }

  #note(id: string, { path, content, facts }: Read, draft: Draft): void {
    draft.put.push(observationOf(path, id, content.hash, facts, this.#isDoubtful(facts)));
    draft.paths.push(path);
    draft.bytes += content.size;
  }

  #takeGone(gone: readonly Observation[], draft: Draft): void {
    const { noticing, heldBack, problems, registry } = this.#options;
    const left = gone.filter(({ path }) => !draft.forget.has(path));
    if (left.length === 0) return;
    const many = heldBack.take(left, noticing.gone());
    if (many > 0) return problems.set('', manyGone('', many));
    problems.clear('', 'many-gone');
    for (const seen of left) {
      draft.forget.add(seen.path);
      draft.paths.push(seen.path);
      if (registry.entry(seen.subject)?.alive) draft.ops.push(this.#removal(seen));
    }
  }

  /** Deletes what was seen: a content that was stored and not placed here keeps the document. */
  #removal(seen: Observation): RegistryOp {
    const { registry } = this.#options;
    const merged = registry.document(seen.subject);
    const all = allWrites(registry.row(DOCUMENTS, seen.subject));
    if (merged === undefined) return removeOp(DOCUMENTS, seen.subject, all);
    const shownNow = [...merged.contents, ...merged.paths].flatMap(({ by }) => by).map(versionName);
    const hadHere = [...contentWrites(merged, seen.hash), ...pathWrites(merged, seen, registry)].map(versionName);
    const unseen = new Set(shownNow).difference(new Set(hadHere));
    return removeOp(
      DOCUMENTS,
      seen.subject,
      all.filter((write) => !unseen.has(versionName(write))),
    );
  }

  async #keep(draft: Draft): Promise<void> {
    const { record, transaction, tell, noticing } = this.#options;
    const write = () => {
      for (const path of draft.forget) this.#observations.remove(path);
      for (const seen of draft.put) this.#observations.put(seen);
    };
    if (draft.ops.length > 0) await record(draft.ops, write);
    else if (draft.put.length + draft.forget.size > 0) transaction(write);
    for (const path of draft.forget) noticing.forget(path);
    if (draft.paths.length > 0) tell({ kind: 'captured', documents: draft.paths, bytes: draft.bytes });
  }

  #isDoubtful(facts: FileFacts): boolean {
    return isDoubtful(facts, this.#options.clock.now());
  }
}

/** Kept on this machine by its behaviour: shown as modified, and sent when it is asked for, if ever. */
export function staysLocal({ behaviour, registered }: Pick<Entry, 'behaviour' | 'registered'>): boolean {
  return behaviour !== 'automatic' || !registered;
}

/** Was it written so shortly before `now` (ms) that a write after this look may leave the same time? */
export function isDoubtful(facts: FileFacts, now: number): boolean {
  const age = now - Number(facts.changedNs / 1_000_000n);
  const isCoarse = facts.mtimeNs % 1_000_000_000n === 0n;
  return age >= -COARSE_TICK_MS && age < (isCoarse ? COARSE_TICK_MS : TICK_MS);
}
