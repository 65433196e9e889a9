/**
 * Files that lie in a folder and are not documents: what editors, systems and transfers leave beside them for a while.
 * One table; each line says whose they are.
 */
import { isOwnTemporary, SYNC_FOLDER } from './paths.ts';

export type NotDocument =
  /** Tells that somebody has a document open (LibreOffice, Microsoft Office, vim, Emacs). */
  | 'owner'
  /** A save or transfer in progress. */
  | 'temporary'
  /** The system's own notes on the folder. */
  | 'system'
  /** Ours. */
  | 'own';

const TABLE: readonly (readonly [RegExp, NotDocument, string])[] = [
  [/^~\$/, 'owner', 'Microsoft Office: who has the document open'],
  [/^\.~lock\..*#$/, 'owner', 'LibreOffice: who has the document open'],
  [/^\.#/, 'owner', 'Emacs: a link that says who edits'],
  [/^\..*\.sw[a-px]$/i, 'owner', 'vim: swap file, there while the document is open'],
  [/^lu[0-9a-z]{4,}\.tmp$/i, 'temporary', 'LibreOffice: the new content before it is copied into the document'],
  [/^~wr[a-z][0-9]{4}\.tmp$/i, 'temporary', 'Microsoft Word: the document while it is being saved'],
  [/^(?:.*[^0-9a-f]|word)?[0-9a-f]{8}\.tmp$/i, 'temporary', 'Microsoft Office: the new content before it is renamed'],
  [/^~.*\.tmp$/i, 'temporary', 'Microsoft Office and others: while saving'],
  [/^ppt[0-9a-z]{4}\.tmp$/i, 'temporary', 'Microsoft PowerPoint: while saving'],
  [/^4913$/, 'temporary', 'vim: tries whether it may write'],
  [/^\.goutputstream-/, 'temporary', 'GNOME: the new content before it is renamed'],
  [/^#.*#$/, 'temporary', 'Emacs: unsaved changes'],
  [/\.(?:part|partial|crdownload|filepart)$/i, 'temporary', 'browsers and transfers: not whole yet'],
  [/^\.nfs[0-9a-f]+$/i, 'temporary', 'NFS: deleted, but still open'],
  [/^\.fuse_hidden/, 'temporary', 'FUSE: deleted, but still open'],
  [/^\.ds_store$/i, 'system', 'macOS: how the folder is shown'],
  [/^\._/, 'system', 'macOS: what other disks cannot keep of a file'],
  [/^\.(?:spotlight-v100|trashes|fseventsd|temporaryitems|apdisk)$/i, 'system', 'macOS'],
  [/^icon\r$/i, 'system', 'macOS: the icon of a folder'],
  [/^(?:thumbs|ehthumbs)\.db$/i, 'system', 'Windows: small pictures'],
  [/^desktop\.ini$/i, 'system', 'Windows: how the folder is shown'],
  [/^(?:\$recycle\.bin|system volume information)$/i, 'system', 'Windows'],
  [/^\.directory$/, 'system', 'KDE: how the folder is shown'],
  [/^\.trash-[0-9]+$/i, 'system', 'Linux: the bin of a disk'],
];

/** What a name in a folder is, if it is no document. */
export function notDocument(name: string): NotDocument | undefined {
  if (name === SYNC_FOLDER || isOwnTemporary(name)) return 'own';
  return TABLE.find(([pattern]) => pattern.test(name))?.[1];
}

/**
 * Names that mostly are a save or transfer in progress and could be a document: they get more time to go away before
 * they are taken for one. Excel's new content (8 hex digits, no ending), rsync's (`.name.AbC123`), plain `.tmp`.
 */
export function maybeTemporary(name: string): boolean {
  return (
    /^[0-9A-F]{7,8}$/.test(name) || /^\..*\.[A-Za-z0-9]{6}$/.test(name) || /\.te?mp$/i.test(name) || name.endsWith('~')
  );
}

const COMPANION = /^(.+)-(?:wal|shm|journal)$/;

/** The database to which a file would belong as SQLite's log, index of it, or journal. */
export function databaseOfCompanion(path: string): string | undefined {
  return COMPANION.exec(path)?.[1];
}

/**
 * The owner files that editors would make beside a document called `name`. Word replaces the first one or two
 * characters of longer names; Excel and PowerPoint put `~$` before the whole.
 */
export function ownerNames(name: string): readonly string[] {
  const word = [name, name.slice(1), name.slice(2)].filter((rest) => rest !== '');
  return [`.~lock.${name}#`, ...word.map((rest) => `~$${rest}`), `.${name}.swp`, `.#${name}`];
}

/** Which document an owner file may speak of: whatever `ownerNames` gives it for. */
export function isOwnerOf(owner: string, name: string): boolean {
  return ownerNames(name).includes(owner);
}
