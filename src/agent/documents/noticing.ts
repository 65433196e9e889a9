/**
 * Notices what was done in the folder: by hints of the watcher and by scanning. Each path that differs from what was
 * observed settles first (a save in place until it is quiet, what has gone until it stays gone) and is then due to be
 * taken in. Decides nothing and writes nothing.
 */
import { maybeTemporary, notDocument } from '../../core/not-documents.ts';
import { foldPath, isBelow, nameOf, parentOf, pathFault, SYNC_FOLDER } from '../../core/paths.ts';
import { ProblemError } from '../../core/problem.ts';
import type { Clock, FileFacts, Files } from '../../platform/ports.ts';
import { lookOf, looksSame, type Observation, type Observations } from '../../store/observations.ts';
import {
  type DocumentProblems,
  folderGone,
  specialFile,
  symbolicLink,
  UNREAD,
  unfitName,
} from './document-problems.ts';
import type { Hands } from './hands.ts';
import type { HeldBack } from './held-back.ts';
import type { Oddities } from './oddities.ts';
import { Pace } from './pace.ts';
import type { DatabaseReports } from './ports.ts';
import { Settling } from './settling.ts';
import { companionOf, isInForeignFolder, isInOwnFolder, isOurFolder, isThere, listFolder } from './walking.ts';

/** An in-place save counts as done after this long without a change of size or time. */
export const QUIET_MS = 250;
/** A new file under a known name came by rename; unless somebody deleted the old one and writes a new one. */
const FRESH_MS = 15;
/** A name that mostly belongs to a save in progress. */
const TEMPORARY_MS = 5000;
/** Looking at a doubtful document again costs reading it: once for all hints of one save. */
const DOUBTFUL_MS = 100;
/** After the disk failed. */
const AGAIN_MS = 2000;

export type NoticingOptions = {
  readonly files: Files;
  readonly root: string;
  readonly clock: Clock;
  readonly observations: Observations;
  readonly problems: DocumentProblems;
  readonly oddities: Oddities;
  readonly databases: DatabaseReports;
  readonly hands: Hands;
  readonly heldBack: HeldBack;
  /** After it nothing is looked at any more. */
  readonly signal: AbortSignal;
  /** Is there a database of the registry, or one observed, at this path? */
  readonly isKnownDatabase: (path: string) => boolean;
  /** Does what is saved at this path stay on this machine? */
  readonly isLocal: (path: string) => boolean;
  /** Something is due, or an owner file came or went. */
  readonly wake: (owners: boolean) => void;
};

export class Noticing {
  readonly #options: NoticingOptions;
  readonly #settling: Settling;
  /** Of which the disk did not tell. */
  readonly #refused = new Set<string>();
  /** Came into being and not looked through yet. */
  readonly #newFolders = new Set<string>();
  /** Saves that were read and stay on this machine, by how the file looked: not read again while it looks so. */
  readonly #keptLocal = new Map<string, string>();
  #hints = new Set<string>();
  #looking = false;

  constructor(options: NoticingOptions) {
    this.#options = options;
    this.#settling = new Settling(options.clock);
  }

  /** Nothing waits to settle. */
  get isQuiet(): boolean {
    return this.#settling.isEmpty && this.#hints.size === 0 && this.#newFolders.size === 0;
  }

  /** Something may have happened there. Looked at in a later turn, many hints at once. */
  hint(path: string): void {
    this.#hints.add(path);
    if (this.#looking) return;
    this.#looking = true;
    this.#options.clock.after(0, () => this.lookAtHints());
  }

  lookAtHints(): void {
    this.#looking = false;
    if (this.#options.signal.aborted) return;
    const hints = this.#hints;
    this.#hints = new Set();
    for (const path of hints) this.#guarded(path, () => this.#lookAtHint(path));
    this.#options.wake(false);
  }

  /** Without it nothing is known of what lies in it, and nothing in it has gone. */
  isFolderThere(): boolean {
    const { files, root, problems } = this.#options;
    const isThere = files.facts(SYNC_FOLDER)?.kind === 'folder';
    if (isThere) problems.clear(root, 'folder-gone');
    else problems.set(root, folderGone(root));
    return isThere;
  }

  /** What the disk refuses to tell is a problem of that path, and is asked for again. */
  #guarded(path: string, look: () => void): boolean {
    try {
      look();
      if (this.#refused.delete(path)) this.#options.problems.clear(path);
      return true;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.#refused.add(path);
      this.#options.problems.set(path, { ...error.problem, path });
      this.defer(path, AGAIN_MS);
      return false;
    }
  }

  isPending(path: string): boolean {
    return this.#settling.has(path);
  }

  /** What has gone and may be gone for good. */
  gone(): ReadonlySet<string> {
    return this.#settling.gone;
  }

  /** What lies at a path now, to be compared with `lookAfter`. */
  textAt(path: string): string {
    const facts = this.#options.files.facts(path);
    return facts?.kind === 'file' ? this.#lookText(facts) : 'gone';
  }

  /** Hints were not followed while the path was in our hands: has it changed since? */
  lookAfter(path: string, before: string): void {
    if (!this.#settling.has(path) && this.textAt(path) !== before) this.#look(path);
  }

  /** It was read, and stays on this machine: a newer version of a colleague waits for it without end. */
  keepLocal(path: string, facts: FileFacts): void {
    this.#keptLocal.set(path, this.#lookText(facts));
  }

  /** It is known where it went. */
  forget(path: string): void {
    this.#settling.drop(path);
  }

  /** Looks again at a path in `ms`. */
  defer(path: string, ms: number): void {
    this.#settling.defer(path, ms);
  }

  /** Milliseconds until something is due; undefined: nothing is pending. */
  dueIn(): number | undefined {
    return this.#settling.dueIn();
  }

  /** Takes what is due and free. What changed since it was looked at settles anew. */
  takeDue(limit: number): string[] {
    const due: string[] = [];
    for (const { path, look } of this.#settling.due()) {
      if (due.length === limit) break;
      if (this.#options.hands.has(path) || !this.#hasSettled(path, look)) continue;
      this.#settling.drop(path);
      due.push(path);
    }
    return due;
  }

  #hasSettled(path: string, look: string): boolean {
    if (look === '') return true;
    const facts = this.#options.files.facts(path);
    const isFile = facts?.kind === 'file';
    if (look === 'gone' ? !isFile : isFile && this.#lookText(facts) === look) return true;
    return this.#look(path, facts) === 'due';
  }

  /**
   * Compares the whole folder with what was observed. Slow only on purpose: it gives way every few milliseconds.
   * Returns how long it worked (ms), or undefined when the folder is not there.
   */
  async scan(): Promise<number | undefined> {
    const { observations, signal, clock } = this.#options;
    if (!this.isFolderThere()) return undefined;
    const visited = new Set<string>();
    /** What lies in them, or below, is as it was, for all that is known. */
    const unread: string[] = [];
    const pace = new Pace(clock);
    const left = [''];
    for (let folder = left.pop(); folder !== undefined && !signal.aborted; folder = left.pop()) {
      const now = folder;
      visited.add(now);
      if (!this.#guarded(now, () => left.push(...this.#scanFolder(now)))) unread.push(now);
      await pace.giveWay();
    }
    for (const folder of observations.folders()) {
      if (visited.has(folder) || signal.aborted || unread.some((above) => isBelow(folder, above))) continue;
      for (const { path } of observations.inFolder(folder)) this.#look(path);
      await pace.giveWay();
    }
    this.#options.oddities.forget();
    this.#options.wake(true);
    await pace.giveWay(0);
    return pace.worked;
  }

  /** Returns the folders in it. */
  #scanFolder(folder: string): readonly string[] {
    const { files, observations } = this.#options;
    const listed = listFolder(files, folder);
    if (listed === undefined) return [];
    if (this.#options.oddities.tell(folder, listed)) return [];
    const seen = new Map(observations.inFolder(folder).map((one) => [one.path, one]));
    for (const { path, facts } of listed.files) {
      const known = seen.get(path);
      seen.delete(path);
      if (known === undefined || !this.#isAsSeen(known, facts)) this.#look(path, facts);
      else if (this.#settling.has(path)) this.#settling.drop(path);
    }
    for (const path of seen.keys()) this.#look(path);
    return listed.folders;
  }

  #isAsSeen(known: Observation, facts: FileFacts): boolean {
    // Whether a database was edited, who follows it finds out: a scan is the only hint where the watcher missed one.
    if (known.subject === '') return false;
    return looksSame(known, facts) && !known.doubtful;
  }

  #lookAtHint(path: string): void {
    const kind = notDocument(nameOf(path));
    if (isInForeignFolder(path)) return;
    if (kind === 'owner') this.#options.wake(true);
    else if (kind === 'temporary') this.#settling.waitFor(parentOf(path), QUIET_MS);
    else if (kind === undefined && !this.#options.heldBack.has(path)) this.#look(path);
  }

  /**
   * One path against what was observed of it. 'due' when it has settled already; otherwise it is pending, or as seen.
   */
  #look(path: string, known?: FileFacts): 'due' | 'pending' | 'as-seen' {
    const { files, observations, databases, isKnownDatabase, isLocal, hands, problems } = this.#options;
    const seen = observations.at(path);
    const facts = known ?? (seen ? files.facts(path) : this.#factsOfNew(path));
    if (facts?.kind !== 'file') return this.#lookAtOther(path, facts, seen);
    const database = companionOf(path, isKnownDatabase);
    if (database !== undefined) {
      databases.databaseChanged(database);
      // It may have been taken for a new document while its database was not known yet.
      return this.#asSeen(path);
    }
    if (seen?.subject === '' && seen.inode === facts.inode) {
      databases.databaseChanged(path);
      return this.#asSeen(path);
    }
    if (seen !== undefined && this.#isAsSeen(seen, facts)) return this.#asSeen(path);
    if (this.#keptLocal.get(path) === this.#lookText(facts) && isLocal(path)) return this.#asSeen(path);
    if (hands.has(path)) return 'as-seen';
    const fault = pathFault(path);
    if (fault) {
      problems.set(path, unfitName(path, fault.text));
      return this.#asSeen(path);
    }
    if (seen === undefined && isInOwnFolder(files, path)) return this.#asSeen(path);
    return this.#settling.settles(path, this.#lookText(facts), this.#wait(path, facts, seen));
  }

  /** A disk that minds no case finds a document under every spelling; it is there under one. */
  #factsOfNew(path: string): FileFacts | undefined {
    const { files, observations } = this.#options;
    const facts = files.facts(path);
    if (facts?.kind !== 'file') return facts;
    const isOther = observations
      .withInode(facts.inode)
      .some((seen) => seen.path !== path && foldPath(seen.path) === foldPath(path));
    return isOther && !isThere(files, path) ? undefined : facts;
  }

  #lookAtOther(path: string, facts: FileFacts | undefined, seen: Observation | undefined) {
    const { observations, problems, hands } = this.#options;
    if (facts?.kind === 'link') problems.set(path, symbolicLink(path));
    if (facts?.kind === 'other') problems.set(path, specialFile(path));
    if (facts?.kind === 'folder') {
      this.#lookIntoFolder(path);
    } else if (seen === undefined) {
      this.#settling.drop(path);
      for (const below of observations.below(path)) this.#look(below.path);
    }
    if (seen === undefined || hands.has(path) || !this.isFolderThere()) return 'as-seen';
    return this.#settling.hasGone(path);
  }

  /** A folder came into being, perhaps full: the watcher need not have told of what is in it. */
  #lookIntoFolder(path: string): void {
    if (!isOurFolder(nameOf(path)) || pathFault(path)?.code === 'ours') return;
    this.#newFolders.add(path);
    if (this.#newFolders.size === 1) void this.#lookIntoFolders();
  }

  async #lookIntoFolders(): Promise<void> {
    const pace = new Pace(this.#options.clock);
    for (const path of this.#newFolders) {
      const left = [path];
      for (let folder = left.pop(); folder !== undefined && !this.#options.signal.aborted; folder = left.pop()) {
        const inside = folder;
        this.#guarded(folder, () => left.push(...this.#scanFolder(inside)));
        await pace.giveWay();
      }
      this.#newFolders.delete(path);
    }
    this.#options.wake(false);
  }

  #wait(path: string, facts: FileFacts, seen: Observation | undefined): number {
    if (seen === undefined) return maybeTemporary(nameOf(path)) ? TEMPORARY_MS : QUIET_MS;
    if (looksSame(seen, facts)) return DOUBTFUL_MS;
    if (seen.inode === facts.inode) return QUIET_MS;
    // Renaming is later than the last write: the file was whole before it came here.
    return facts.changedNs > facts.mtimeNs ? 0 : FRESH_MS;
  }

  #asSeen(path: string): 'as-seen' {
    this.#settling.drop(path);
    this.#options.problems.clear(path, ...UNREAD);
    return 'as-seen';
  }

  #lookText(facts: FileFacts): string {
    return `${facts.inode} ${lookOf(facts)}`;
  }
}
