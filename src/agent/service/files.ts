/** Files, their sync copies on this machine, and how those stand. */
import { ProblemError } from '../../core/problem.ts';
import { FILE } from '../../core/registry.ts';
import { folderOf, holdsHome } from '../../platform/home.ts';
import { giveBackMemory } from '../../platform/memory.ts';
import type { Service } from '../../sdk/contract.ts';
import type { Agent } from '../agent.ts';
import { keysInside, notAFolder, wholeDisk } from '../agent-problems.ts';
import { retireCopy } from '../compaction/retiring.ts';
import type { Copy } from '../copy.ts';
import { unfinished } from '../copy-problems.ts';
import { conflictCount, isSafe, pendingOf, problemsOf, stateOf } from '../copy-status.ts';
import { fillCopy } from '../copying.ts';
import { removeSyncFolder } from '../detaching.ts';
import { documentAt } from '../documents/telling.ts';
import { ownFolder } from '../documents/walking.ts';
import { type HubFile, hubFiles } from '../hub-files.ts';
import { publishCopy } from '../publishing.ts';
import { mustBeComplete, syncCopy, whenReached } from '../syncing.ts';
import { pathIn } from './place.ts';
import { iso } from './time.ts';

type Files =
  | 'publish'
  | 'files'
  | 'copy'
  | 'copies'
  | 'status'
  | 'sync'
  | 'offline'
  | 'online'
  | 'users'
  | 'detach'
  | 'retire';

type Listed = Awaited<ReturnType<Service['copies']>>;

export function fileMethods(agent: Agent): Pick<Service, Files> {
  /** A duplicate that waits for an id of its own has none to be listed under. */
  const closedCopy = (folder: string, why: ProblemError): Listed => {
    const known = agent.options.ledger.lookup(folder);
    if (known === undefined) return [];
    const file = { id: known.file, name: lastPart(folder) };
    return [{ file, copy: known.copy, folder, state: 'closed', problem: why.message }];
  };
  return {
    async publish({ folder, name = lastPart(folder), members }, going) {
      const { office, chain, user, deviceName } = agent.membership();
      mustBeFolder(agent, folder);
      mustHoldNoKeys(agent, folder);
      const begun = { file: null, name, office, phase: 'publishing' as const, members: members ?? null };
      const copy = agent.begin(folder, begun);
      const who = { user, device: deviceName, key: agent.options.identity.key, chain };
      await publishCopy(copy, agent.hub(office), who, going).catch(async (error) => {
        if (isNameRefused(error)) await dropUntaken(agent, copy);
        throw error;
      });
      giveBack(copy);
      const documents = copy.registry.count('document');
      const databases = copy.registry.count('database');
      return { file: fileOf(copy), copy: copy.facts.copy, documents, databases, problems: problemsIn(copy) };
    },

    async files() {
      const files = await hubFiles(agent.hub());
      return files.map(({ file, ...rest }) => ({ id: file, ...rest }));
    },

    async copy({ name, folder }, going) {
      const { office, user, deviceName } = agent.membership();
      const hub = agent.hub(office);
      const file = await findFile(agent, name);
      if (agent.options.filesOf(folder).facts('') !== undefined) mustBeFolder(agent, folder);
      mustHoldNoKeys(agent, folder);
      const copy = agent.begin(folder, { file: file.id, name: file.name, office, phase: 'fetching', members: null });
      copy.attach();
      await fillCopy(copy, hub, { user, device: deviceName }, going);
      giveBack(copy);
      return { file: fileOf(copy), copy: copy.facts.copy, folder: copy.folder.root };
    },

    async copies() {
      return agent
        .copies()
        .flatMap((listed) => (listed.kind === 'open' ? [openCopy(listed.copy)] : closedCopy(listed.root, listed.why)));
    },

    async status({ folder }) {
      const copy = await agent.copyNamed(folder);
      return {
        file: fileOf(copy),
        copy: copy.facts.copy,
        folder: copy.folder.root,
        state: stateOf(copy),
        pending: pendingOf(copy),
        conflicts: await conflictCount(copy),
        problems: problemsIn(copy),
        safe: isSafe(copy),
      };
    },

    async sync({ folder, documents, deleteGone }, { signal }) {
      const copy = await agent.copyNamed(folder);
      mustBeComplete(copy);
      if (copy.facts.offline) throw workingOffline();
      const before = copy.traffic.total();
      if (deleteGone) await copy.documents.deleteGone();
      await syncCopy(copy, signal);
      // What was saved a moment ago is known by now.
      if (documents !== 'all') for (const document of documents) mustBeIn(copy, pathIn(copy, document));
      // Whoever is connected only to sync looks after the file then.
      void copy.upkeep.look();
      const after = copy.traffic.total();
      return {
        sent: difference(after.sent, before.sent),
        received: difference(after.received, before.received),
        problems: problemsIn(copy),
      };
    },

    async detach({ folder, unsent }, { signal }) {
      return { folder: await agent.detach(folder, unsent, signal) };
    },

    async retire({ folder, copy: wanted }) {
      return retireCopy(await agent.copyNamed(folder), wanted);
    },

    async offline({ folder }) {
      const copy = await agent.copyNamed(folder);
      copy.setOffline(true);
      return { state: stateOf(copy) };
    },

    async online({ folder }) {
      const copy = await agent.copyNamed(folder);
      copy.setOffline(false);
      await whenReached(copy, agent.options.clock, ONLINE_PATIENCE_MS);
      return { state: stateOf(copy) };
    },

    async users({ folder }) {
      const copy = await agent.copyNamed(folder);
      const answer = await agent.hub(copy.facts.office).ask({ kind: 'users', file: copy.facts.file });
      if (answer.kind !== 'users') return [];
      const retired = copy.upkeep.live.retired();
      const used = answer.users.filter(({ copy: id }) => !retired.has(id));
      return used.map(({ user, device, copy: id, online, lastSeenMs }) => ({
        user,
        device,
        copy: id,
        state: online ? ('online' as const) : ('offline' as const),
        lastSeen: iso(lastSeenMs),
        open: [],
      }));
    },
  };
}

/** `online` answers with the state that was reached; when the hub is far, after this. */
const ONLINE_PATIENCE_MS = 3_000;

/** After a large piece of work. What the store has cached lies among the buffers that were freed, and would pin them. */
function giveBack(copy: Copy): void {
  copy.folder.db.exec('PRAGMA shrink_memory');
  giveBackMemory();
}

/** Throws a `ProblemError` for a path where the file has nothing. */
function mustBeIn(copy: Copy, path: string): void {
  if (copy.registry.entryAt(path)?.kind !== 'database') documentAt(copy.registry, path);
}

/** A link to a folder is one. */
function mustBeFolder({ options }: Agent, folder: string): void {
  const kind = options.filesOf(folder).facts('')?.kind;
  if (kind === undefined || kind === 'file') throw notAFolder(folder, kind);
}

function isNameRefused(error: unknown): boolean {
  return error instanceof ProblemError && ['unfit-name', 'name-taken'].includes(error.problem.code);
}

/** The hub has never known the file: nothing was read for it, and its folder becomes what it was. */
async function dropUntaken(agent: Agent, copy: Copy): Promise<void> {
  const isListed = agent.copies().some((listed) => listed.kind === 'open' && listed.copy === copy);
  if (!isListed || copy.registry.row(FILE, 'file').cells.size > 0) return;
  const { root } = copy.folder;
  await agent.forget(root);
  removeSyncFolder(agent.options.filesOf(root));
}

/** Neither a machine's or a hub's own folder, one inside of it, nor the whole disk: all that lies there would be everybody's. */
function mustHoldNoKeys({ options }: Agent, folder: string): void {
  if (holdsHome(folder)) throw wholeDisk(folder);
  for (let at = folder; ; at = folderOf(at)) {
    const own = ownFolder(options.filesOf(at), '');
    if (own === 'machine' || own === 'hub') throw keysInside(folder, at, own);
    if (folderOf(at) === at) return;
  }
}

/** By its name, or, where several have it, by its id. */
async function findFile(agent: Agent, name: string): Promise<{ id: string; name: string }> {
  const files = await hubFiles(agent.hub());
  const same = (a: string, b: string): boolean => a.normalize('NFC').toLowerCase() === b.normalize('NFC').toLowerCase();
  const named = files.filter((file) => same(file.name, name));
  const [found = files.find(({ file }) => file === name)] = named;
  if (named.length > 1) throw severalFiles(name, named);
  if (found) return { id: found.file, name: found.name };
  throw new ProblemError({
    code: 'unknown-file',
    text: `The hub has no file “${name}” that is open to you.`,
    remedy: 'See `tieout files` for those that are.',
  });
}

function severalFiles(name: string, files: readonly HubFile[]): ProblemError {
  const ids = files.map(({ file, documents }) => `${file} (${documents} documents)`).join(', ');
  return new ProblemError({
    code: 'several-files',
    text: `The hub has several files “${name}” that are open to you: ${ids}.`,
    remedy: 'Give the id of the one that you mean instead of the name, and a folder for it.',
  });
}

function fileOf(copy: Copy): { id: string; name: string } {
  return { id: copy.facts.file, name: copy.facts.name };
}

function lastPart(folder: string): string {
  return (
    folder
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) ?? folder
  );
}

type Amount = { changes: number; bytes: number };

function difference(after: Amount, before: Amount): Amount {
  return { changes: after.changes - before.changes, bytes: after.bytes - before.bytes };
}

function workingOffline(): ProblemError {
  return new ProblemError({
    code: 'working-offline',
    text: 'This copy works offline, as you asked.',
    remedy: 'Use `tieout online` first.',
  });
}

function problemsIn(copy: Copy): { path: string | null; text: string; since: string }[] {
  copy.logDamage.look();
  return problemsOf(copy).map(({ path, text, remedy, since }) => ({
    path: path ?? null,
    text: `${text} ${remedy}`,
    since: iso(since),
  }));
}

function openCopy(copy: Copy): Listed[number] {
  const { facts, folder } = copy;
  const listed = { file: fileOf(copy), copy: facts.copy, folder: folder.root, state: stateOf(copy) };
  if (facts.phase === 'complete') return listed;
  const { text, remedy } = unfinished(facts, folder.root);
  return { ...listed, problem: `${text} ${remedy}` };
}
