/**
 * TIEOUT_HOME: this machine's own folder. Here: where it is, how small secret files in it are written, and the note
 * that a running agent leaves for whoever wants to talk to it.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { foldPath, SYNC_FOLDER } from '../core/paths.ts';
import { makeFolders } from './make-folders.ts';
import { asStorageFailure } from './storage-failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** TIEOUT_HOME, or this system's place for what programs keep for one user on one machine. */
export function defaultHome(env: Environment = process.env, system: string = process.platform): string {
  if (env.TIEOUT_HOME) return resolve(env.TIEOUT_HOME);
  if (system === 'win32') return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'Tieout');
  if (system === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Tieout');
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'tieout');
}

/** This computer's name, as the system knows it and editors write it into their owner files. */
export function computerName(): string {
  return hostname();
}

/**
 * `path` as seen from the current folder, absolute, without symbolic links among its folders, in the disk's own spelling:
 * so that one place has one name, whichever way a person came there. A document that is itself a link stays the link; what does not exist yet may
 * be named. (Not realpath.native: on Windows it turns drives made by SUBST into something else.)
 */
export function fromHere(path = '.'): string {
  const place = resolve(path);
  const folder = isFolder(place) ? place : dirname(place);
  try {
    const real = resolve(realpathSync(folder), relative(folder, place));
    return process.platform === 'linux' ? real : asSpelled(real, namesIn);
  } catch {
    return place;
  }
}

/** An absolute path as a disk spells it that finds it under others, too; `names` lists a folder. */
export function asSpelled(path: string, names: (folder: string) => readonly string[]): string {
  const { root } = parse(path);
  let place = /^[a-z]:/.test(root) ? root.toUpperCase() : root;
  for (const name of path.slice(root.length).split(sep)) {
    const there = names(place);
    const spelled = there.includes(name) ? name : there.find((other) => foldPath(other) === foldPath(name));
    place = join(place, spelled ?? name);
  }
  return place;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The folder that a file lies in. */
export function folderOf(path: string): string {
  return dirname(path);
}

/** The whole disk, or a part of it in which the home folder of this account lies. `folder` is absolute. */
export function holdsHome(folder: string, home: string = homedir()): boolean {
  const way = relative(folder, home);
  const isAbove = way !== '' && way.split(sep)[0] !== '..' && !isAbsolute(way);
  return isAbove || (sep === '/' && folder === '/');
}

/**
 * The sync copy whose root `home` is, or in which it is still to be made: its keys would go to everybody who has the
 * file. One that was there before the copy around it is known by its keys, and is no part of the file.
 */
export function copyAround(home: string): string | undefined {
  const isMachine = isFile(join(home, 'device.key'));
  for (let at = home; ; at = dirname(at)) {
    // A folder alone is no sign: somebody's TIEOUT_HOME may be called so.
    if (isFile(join(at, SYNC_FOLDER, 'store.db'))) return at;
    if (isMachine || dirname(at) === at) return undefined;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Makes the folder and its parents; nobody else may look into it. Throws `StorageError`. */
export function makePrivateFolder(path: string): void {
  try {
    makeFolders(path, 0o700);
  } catch (error) {
    throw asStorageFailure(error, 'Cannot make the folder', path);
  }
}

/** Where a running agent answers. Written when it serves, removed when it ends; may be left over from a crash. */
export interface AgentNote {
  readonly pid: number;
  readonly url: string;
}

const notePath = (home: string) => join(home, 'agent.json');
const tokenPath = (home: string) => join(home, 'token');

/** Only our own machine's loopback: a note that somebody altered must not send the token anywhere else. */
const LOOPBACK = /^http:\/\/127\.0\.0\.1:\d{1,5}$/;

/** The note and the token that belongs to it; undefined if there is none that makes sense. */
export async function readAgentNote(home: string): Promise<(AgentNote & { readonly token: string }) | undefined> {
  try {
    const [note, token] = await Promise.all([readFile(notePath(home), 'utf8'), readFile(tokenPath(home), 'utf8')]);
    const { pid, url } = JSON.parse(note) as Partial<AgentNote>;
    if (!Number.isSafeInteger(pid) || typeof url !== 'string' || !LOOPBACK.test(url)) return undefined;
    return { pid: pid!, url, token: token.trim() };
  } catch {
    return undefined;
  }
}

/** Token first: who finds the note finds the token that goes with it. */
export async function writeAgentNote(home: string, note: AgentNote, token: string): Promise<void> {
  await writeSecret(tokenPath(home), `${token}\n`);
  await writeSecret(notePath(home), `${JSON.stringify(note)}\n`);
}

export async function removeAgentNote(home: string): Promise<void> {
  await patiently(() => rm(notePath(home), { force: true }));
}

/** Replaces a small file as a whole, durably; only its owner may read it. Throws `StorageError`. */
export async function writeSecret(path: string, text: string): Promise<void> {
  // A name of its own: two processes that write the same file do not meet in the temporary one.
  const temporary = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await patiently(() => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw asStorageFailure(error, 'Cannot write', path);
  }
}

const SHARING_TRIES = 20;
const SHARING_WAIT_MS = 25;

/** Windows refuses to replace or remove a file while somebody (often a virus scanner) has it open; that passes. */
async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      const passing = process.platform === 'win32' && ['EPERM', 'EACCES', 'EBUSY'].includes(code);
      if (!passing || tries === SHARING_TRIES) throw error;
      await wait(SHARING_WAIT_MS);
    }
  }
}

/** A new secret for the local API. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

export function sameSecret(a: string, b: string): boolean {
  // Hashed first: the comparison wants equal lengths, and must not tell them.
  const [one, two] = [a, b].map((text) => createHmac('sha256', 'compare').update(text).digest());
  return timingSafeEqual(one!, two!);
}

/**
 * What an agent answers to a caller's `nonce` to prove that it knows the token, without either of them sending it. It
 * names the `url` that was called, so that a stranger on an old agent's port cannot pass on the real agent's proof.
 */
export function proofOfToken(token: string, nonce: string, url: string): string {
  return createHmac('sha256', token).update(`tieout agent ${nonce} ${url}`).digest('base64url');
}
