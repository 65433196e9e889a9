/**
 * A person's documents, and what programs do to them: saves in place and by rename, copies, renames, deletions, owner
 * files. Every content is told from all others ever saved, so that it can be found again.
 */
import { sha256 } from '../../src/core/bytes.ts';
import { notDocument } from '../../src/core/not-documents.ts';
import { foldPath } from '../../src/core/paths.ts';
import type { Chance } from './chance.ts';
import type { Inode } from './disk.ts';
import type { SimMachine } from './machine.ts';
import { isStore } from './machine-disk.ts';

/** Few names, so that people meet on them; some are each other's folder, some differ only in case or form. */
const PATHS = [
  'Report.docx',
  'report.docx',
  'Memo.txt',
  'Prüfung.pdf',
  'Pru\u0308fung.pdf',
  'notes',
  'notes/Monday.txt',
  'notes/Tuesday.txt',
  'work/papers/Cash.xlsx',
  'work/papers/Tax.xlsx',
  'work/Plan.txt',
  'Empty.txt',
  '決算.xlsx',
];

export const DOCUMENT_EDITS = {
  saveInPlace: 6,
  saveByRename: 6,
  create: 6,
  rename: 3,
  delete: 3,
  copy: 1,
  touch: 1,
  openInEditor: 1,
  temporary: 1,
} as const;
export type DocumentEdit = keyof typeof DOCUMENT_EDITS;

/** Hash of a content. */
export type Saved = string;

export interface DeskRecord {
  /** A program has written this, whole or in part: it may be found on this machine's disk. */
  written(content: Uint8Array): void;
  /** A whole content stands at a path since now. */
  saved(path: string, content: Uint8Array): void;
  /** The person has taken away what stood there. */
  gone(path: string): void;
  tell(text: string): void;
}

export class Desk {
  readonly #machine: SimMachine;
  readonly #record: DeskRecord;
  readonly #token: () => string;
  /** Files that no copy may ever carry, with what is in them. */
  readonly untracked = new Map<string, string>();
  /** What had been there before: a power cut may bring it back. */
  readonly formerlyUntracked = new Set<string>();
  /** Files that this person's programs have written. */
  readonly #own = new Set<number>();
  /** Files that they are writing to, and those that they have taken away. */
  readonly #saving = new Set<number>();
  readonly #removed = new Set<number>();
  readonly #hashes = new WeakMap<Inode, { bytes: Buffer; hash: string }>();

  constructor(machine: SimMachine, token: () => string, record: DeskRecord) {
    this.#machine = machine;
    this.#record = record;
    this.#token = token;
  }

  /** The documents that lie there now. */
  documents(): string[] {
    return [...files(this.#machine.disk.disk.inode(this.#machine.root), '')].filter(
      (path) => !isStore(`/${path}`) && !isForeign(path),
    );
  }

  hashAt(path: string): string | undefined {
    const content = this.read(path);
    return content && sha256(content);
  }

  /** What lies there and is not known; `own`: this person's programs have written the file, not the agent. */
  *unknown(isKnown: (hash: string) => boolean): Generator<{ path: string; content: Buffer; own: boolean }> {
    for (const path of this.documents()) {
      const inode = this.#inode(path)!;
      if (!isKnown(this.#hashOf(inode))) yield { path, content: inode.bytes, own: this.#own.has(inode.number) };
    }
  }

  /** Reading the same bytes again and again is not what the world is for. */
  #hashOf(inode: Inode): string {
    const known = this.#hashes.get(inode);
    if (known?.bytes === inode.bytes) return known.hash;
    const hash = sha256(inode.bytes);
    this.#hashes.set(inode, { bytes: inode.bytes, hash });
    return hash;
  }

  read(path: string): Buffer | undefined {
    const inode = this.#inode(path);
    return inode?.kind === 'file' ? inode.bytes : undefined;
  }

  /** Files for the publish; before anybody looks. */
  lay(paths: readonly string[], chance: Chance): void {
    for (const path of paths) this.#put(path, this.#content(path, chance));
    this.#machine.disk.disk.syncAll();
  }

  /** The folder was put back: what is no document is what lies there now. */
  lookAgain(): void {
    for (const [path, text] of [...this.untracked]) {
      const there = this.read(path)?.toString();
      if (there === undefined) this.untracked.delete(path);
      else if (there !== text) this.untracked.set(path, there);
    }
    this.#saving.clear();
  }

  do(edit: DocumentEdit, chance: Chance): void {
    const there = this.documents();
    const names = this.#names();
    const path = chance.happens(0.85) && there.length > 0 ? chance.one(there) : chance.one(names);
    switch (edit) {
      case 'create':
        return this.#saveByRename(chance.one(names), chance);
      case 'saveByRename':
        return this.#saveByRename(path, chance);
      case 'saveInPlace':
        return this.#saveInPlace(path, chance);
      case 'rename':
        return this.#rename(path, chance.one(names));
      case 'delete':
        return this.#delete(path);
      case 'copy':
        return this.#copy(path, chance.one(names));
      case 'touch':
        return this.#touch(path);
      case 'openInEditor':
        return this.#openInEditor(path, chance);
      case 'temporary':
        return this.#temporary(chance);
    }
  }

  /** A disk that minds case could hold two names that are one elsewhere: that is told as a problem, and left to people. */
  #names(): readonly string[] {
    if (this.#machine.options.ignoreCase) return PATHS;
    return PATHS.filter((path, at) => PATHS.findIndex((other) => foldPath(other) === foldPath(path)) === at);
  }

  #content(path: string, chance: Chance): Buffer {
    if (path === 'Empty.txt' && chance.happens(0.5)) return Buffer.alloc(0);
    const token = `${this.#token()} in ${path}\n`;
    const size = chance.happens(0.05) ? chance.whole(70_000, 400_000) : chance.whole(0, 3000);
    const filler = Buffer.alloc(size, `${token}${chance.whole(0, 1e9)}`);
    return Buffer.concat([Buffer.from(token), filler]);
  }

  /** A program saves under the name that it has opened, also where the disk would take another spelling. */
  #spelled(path: string): string {
    const standing = this.#inode(path) && this.documents().find((other) => foldPath(other) === foldPath(path));
    return standing ?? path;
  }

  #saveByRename(wanted: string, chance: Chance): void {
    const path = this.#spelled(wanted);
    if (!this.#canStand(path)) return;
    const { bytes } = this.#machine.disk;
    const content = this.#content(path, chance);
    const temporary = `${folderOf(path)}~${chance.whole(100, 999)}.tmp`;
    this.#makeFolders(path);
    const before = this.#inode(path);
    const file = bytes.open(this.#machine.native(temporary), 'extend');
    this.#owns(temporary);
    file.write(content, 0);
    if (chance.happens(0.7)) file.sync();
    file.close();
    this.#record.written(content);
    if (before) this.#goes(path, before);
    bytes.rename(this.#machine.native(temporary), this.#machine.native(path));
    this.#record.saved(path, content);
    this.#record.tell(`${before ? 'saves' : 'makes'} ${path} (${sha256(content).slice(0, 8)})`);
  }

  /** In up to three steps; between them the program has the document half written. */
  #saveInPlace(wanted: string, chance: Chance): void {
    const path = this.#spelled(wanted);
    const before = this.#inode(path);
    if (before?.kind !== 'file' || this.#saving.has(before.number)) return;
    const content = this.#content(path, chance);
    const native = this.#machine.native(path);
    const file = this.#machine.disk.bytes.open(native, 'extend');
    const pauses = chance.whole(0, 2);
    this.#owns(path);
    this.#record.gone(path);
    this.#record.tell(`begins to save ${path} in place (${sha256(content).slice(0, 8)})`);
    file.truncate(0);
    this.#record.written(Buffer.alloc(0));
    let at = 0;
    const { powerCuts } = this.#machine;
    this.#saving.add(before.number);
    const step = (left: number): void => {
      // A program ends with the power of its machine.
      if (this.#machine.powerCuts !== powerCuts) return;
      const until = left === 0 ? content.length : at + Math.floor((content.length - at) / 2);
      file.write(content.subarray(at, until), at);
      at = until;
      this.#record.written(content.subarray(0, at));
      if (left > 0) return this.#later(chance.within(1, 200), () => step(left - 1));
      if (chance.happens(0.5)) file.sync();
      file.close();
      this.#saving.delete(before.number);
      this.#finished(path, before, content);
    };
    step(pauses);
  }

  /** The file may have got another name meanwhile, or have been replaced by the agent: then it must be a version, too. */
  #finished(path: string, inode: Inode, content: Buffer): void {
    const place = this.documents().find((each) => this.#inode(each) === inode);
    if (place !== undefined) this.#record.saved(place, content);
    else if (!this.#removed.has(inode.number)) this.#record.saved(`${path}, replaced while it was written`, content);
    const where = place === path ? '' : place ? `, which is called ${place} now` : ', which lies there no more';
    this.#record.tell(`has saved ${path} in place${where}`);
  }

  #later(ms: number, run: () => void): void {
    const { timeline } = this.#machine.options;
    timeline.at(timeline.now + ms, () => this.#machine.disk.withoutFaults(run));
  }

  #rename(given: string, wanted: string): void {
    const from = this.#spelled(given);
    const inode = this.#inode(from);
    // To another spelling of its own name, or over another document.
    const to = this.#inode(wanted) === inode ? wanted : this.#spelled(wanted);
    if (inode?.kind !== 'file' || from === to || !this.#canStand(to)) return;
    this.#makeFolders(to);
    const content = inode.bytes;
    this.#record.gone(from);
    const there = this.#inode(to);
    if (there && there !== inode) this.#goes(to, there);
    this.#machine.disk.bytes.rename(this.#machine.native(from), this.#machine.native(to));
    this.#record.saved(to, content);
    this.#record.tell(`renames ${from} to ${to}`);
  }

  #delete(given: string): void {
    const path = this.#spelled(given);
    const inode = this.#inode(path);
    if (inode?.kind !== 'file') return;
    this.#goes(path, inode);
    this.#machine.disk.bytes.remove(this.#machine.native(path));
    this.#record.tell(`deletes ${path}`);
  }

  #copy(from: string, to: string): void {
    const content = this.read(from);
    if (!content || this.#inode(to) || !this.#canStand(to)) return;
    this.#put(to, Buffer.from(content));
    this.#record.tell(`copies ${from} to ${to}`);
  }

  #touch(path: string): void {
    if (this.#inode(path)?.kind !== 'file') return;
    const file = this.#machine.disk.bytes.open(this.#machine.native(path), 'extend');
    file.setModified(BigInt(this.#machine.wall.now()) * 1_000_000n);
    file.close();
    this.#record.tell(`touches ${path}`);
  }

  /** The owner file that Word leaves beside a document while it is open. */
  #openInEditor(path: string, chance: Chance): void {
    if (this.#inode(path)?.kind !== 'file') return;
    const name = path.slice(folderOf(path).length);
    const owner = `${folderOf(path)}~$${name}`;
    if (this.#inode(owner)) return;
    this.#put(owner, Buffer.from('owner'), false);
    this.#record.tell(`opens ${path} in an editor`);
    this.#later(chance.within(500, 20_000), () => this.closeEditors(owner));
  }

  closeEditors(only?: string): void {
    for (const path of files(this.#machine.disk.disk.inode(this.#machine.root), '')) {
      const name = path.slice(folderOf(path).length);
      if (name.startsWith('~$') && (only === undefined || only === path)) {
        this.#machine.disk.bytes.remove(this.#machine.native(path));
        this.#record.tell(`closes the editor (${path})`);
      }
    }
  }

  /** Something that is no document and stays. */
  #temporary(chance: Chance): void {
    const path = chance.one(['.DS_Store', 'download.part', '~scratch.tmp']);
    const text = this.#token();
    if (this.#inode(path)) this.#machine.disk.bytes.remove(this.#machine.native(path));
    this.#put(path, Buffer.from(text), false);
    this.formerlyUntracked.add(`${path}: ${this.untracked.get(path)}`);
    this.untracked.set(path, text);
    this.#record.tell(`leaves ${path}`);
  }

  #put(path: string, content: Buffer, isDocument = true): void {
    this.#makeFolders(path);
    const file = this.#machine.disk.bytes.open(this.#machine.native(path), 'create');
    this.#owns(path);
    file.write(content, 0);
    file.sync();
    file.close();
    if (!isDocument) return;
    this.#record.written(content);
    this.#record.saved(path, content);
  }

  #goes(path: string, inode: Inode): void {
    this.#removed.add(inode.number);
    this.#record.gone(path);
  }

  #owns(path: string): void {
    const inode = this.#inode(path);
    if (inode) this.#own.add(inode.number);
  }

  #makeFolders(path: string): void {
    if (path.includes('/')) this.#machine.disk.bytes.makeFolder(this.#machine.native(folderOf(path)));
  }

  /** No folder in its place, no file in the place of its folders. */
  #canStand(path: string): boolean {
    const there = this.#inode(path);
    if (there && there.kind !== 'file') return false;
    // On a disk that minds case two such names can stand side by side, and cannot on the others: that is told as a
    // problem and needs a person.
    if (!there && this.documents().some((other) => foldPath(other) === foldPath(path))) return false;
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const above = this.#inode(path.slice(0, at));
      if (above && above.kind !== 'folder') return false;
    }
    return true;
  }

  #inode(path: string): Inode | undefined {
    return this.#machine.disk.disk.inode(this.#machine.native(path));
  }
}

/** All files below, by path; ours left out. */
export function* files(inode: Inode | undefined, path: string): Generator<string> {
  if (inode === undefined) return;
  for (const { name, inode: below } of inode.entries.values()) {
    const at = path === '' ? name : `${path}/${name}`;
    if (name === '.tieout') continue;
    if (below.kind === 'file') yield at;
    else if (below.kind === 'folder') yield* files(below, at);
  }
}

/** What is no document. */
export function isForeign(path: string): boolean {
  return path.split('/').some((part) => notDocument(part) !== undefined);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
