/** What lies in a folder of the copy, sorted by what it is to us. Looks, and changes nothing. */
import { databaseOfCompanion, notDocument } from '../../core/not-documents.ts';
import { isOwnTemporary, nameOf, parentOf, SYNC_FOLDER, within } from '../../core/paths.ts';
import type { FileFacts, Files } from '../../platform/ports.ts';

export type Listed = {
  readonly files: readonly { readonly path: string; readonly facts: FileFacts }[];
  readonly folders: readonly string[];
  readonly links: readonly string[];
  readonly others: readonly string[];
  /** Names that are no Unicode text, so that nothing can be said of them but that. */
  readonly unreadable: readonly string[];
  /** Unfinished files of ours. */
  readonly temporaries: readonly string[];
  /** Of what the folder is ours, and so no part of this file. */
  readonly own: OwnFolder | undefined;
};

/** A sync copy of its own; a machine's TIEOUT_HOME and a hub's folder, which hold keys that nobody else may have. */
export type OwnFolder = 'machine' | 'hub' | 'copy';

/** What lies in such folders, and in no others. */
const SIGNS: Readonly<Record<OwnFolder, Readonly<Record<string, FileFacts['kind']>>>> = {
  machine: { 'device.key': 'file', 'agent.lock': 'file' },
  hub: { 'hub.db': 'file', 'office/authority.json': 'file' },
  copy: { [SYNC_FOLDER]: 'folder' },
};
const OWN_FOLDERS = Object.keys(SIGNS) as OwnFolder[];
const FIRST_SIGNS = new Set(OWN_FOLDERS.flatMap((own) => Object.keys(SIGNS[own]).slice(0, 1)));

export function ownFolder(files: Files, folder: string): OwnFolder | undefined {
  return OWN_FOLDERS.find((own) =>
    Object.entries(SIGNS[own]).every(([name, kind]) => files.facts(within(folder, name))?.kind === kind),
  );
}

const HEADER = Buffer.from('SQLite format 3\0', 'latin1');

/** undefined: there is no such folder. Files that are no documents are left out. */
export function listFolder(files: Files, folder: string): Listed | undefined {
  const entries = files.list(folder);
  if (entries === undefined) return undefined;
  const found = { files: [], folders: [], links: [], others: [], unreadable: [], temporaries: [], own: undefined } as {
    -readonly [K in keyof Listed]: Listed[K] extends readonly (infer T)[] ? T[] : Listed[K];
  };
  for (const { name, facts } of entries) {
    if (facts === undefined) {
      if (name.includes('\ufffd')) found.unreadable.push(within(folder, name));
      continue;
    }
    if (folder !== '' && FIRST_SIGNS.has(name)) found.own ??= ownFolder(files, folder);
    const path = within(folder, name);
    if (facts.kind === 'folder') {
      if (isOurFolder(name)) found.folders.push(path);
    } else if (isOwnTemporary(name)) found.temporaries.push(path);
    else if (notDocument(name) !== undefined) continue;
    else if (facts.kind === 'file') found.files.push({ path, facts });
    else if (facts.kind === 'link') found.links.push(path);
    else found.others.push(path);
  }
  return found;
}

/** A folder is only left out when it is the sync folder or the system's. */
export function isOurFolder(name: string): boolean {
  const kind = notDocument(name);
  return kind !== 'own' && kind !== 'system';
}

/** Does anything on the way to a path make it none of ours? */
export function isInForeignFolder(path: string): boolean {
  return path
    .split('/')
    .slice(0, -1)
    .some((name) => !isOurFolder(name));
}

/** Is a folder on the way ours, and no part of this file? */
export function isInOwnFolder(files: Files, path: string): boolean {
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
    if (ownFolder(files, folder) !== undefined) return true;
  }
  return false;
}

/** Is it a SQLite database, by its first bytes? 'unknown': it cannot be read now. */
export function isDatabase(files: Files, path: string): boolean | 'unknown' {
  const file = files.open(path, 'read');
  if (typeof file === 'string') return file === 'missing' ? false : 'unknown';
  try {
    const start = Buffer.alloc(HEADER.length);
    return file.read(start, 0) === HEADER.length && start.equals(HEADER);
  } finally {
    file.close();
  }
}

/** How SQLite's logs (-wal, in either byte order), their indexes (-shm) and journals begin. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = {
  wal: ['377f0682', '377f0683'],
  shm: ['18e22d00', '002de218'],
  journal: ['d9d505f9', '00000000'],
};

/** Is it what SQLite left beside a database that is not there any more: by its name and its first bytes, or empty? */
export function isLeftBehind(files: Files, path: string): boolean {
  const kind = databaseOfCompanion(path) && path.slice(path.lastIndexOf('-') + 1);
  if (!kind) return false;
  const file = files.open(path, 'read');
  if (typeof file === 'string') return false;
  try {
    const start = Buffer.alloc(4);
    const size = file.read(start, 0);
    return size === 0 || COMPANIONS[kind]?.includes(start.toString('hex')) === true;
  } finally {
    file.close();
  }
}

/** The database that a file belongs to as log or journal; undefined when there is no such database. */
export function companionOf(path: string, isKnownDatabase: (path: string) => boolean): string | undefined {
  const database = databaseOfCompanion(path);
  return database !== undefined && isKnownDatabase(database) ? database : undefined;
}

/** Is it there under this very spelling? A disk that minds no case finds the other one, too. */
export function isThere(files: Files, path: string): boolean {
  if (files.facts(path) === undefined) return false;
  return files.list(parentOf(path))?.some(({ name }) => name === nameOf(path)) ?? false;
}
