/**
 * Copies of one file with their documents alone, on real folders: what one records is folded by the others when the
 * test says so, chunks come from whoever has them.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { Documents } from '../../src/agent/documents/documents.ts';
import type { ChunkSource, DocumentEvent } from '../../src/agent/documents/ports.ts';
import type { RegistryOp } from '../../src/core/body.ts';
import { COPIES, setOp } from '../../src/core/registry.ts';
import type { Origin } from '../../src/core/rows.ts';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import { RealFiles } from '../../src/platform/files.ts';
import type { Watcher } from '../../src/platform/ports.ts';
import { systemClock, systemRandom } from '../../src/platform/system.ts';
import { realWatcher } from '../../src/platform/watch.ts';
import { CHUNKS_SCHEMA, ChunkStore } from '../../src/store/chunks.ts';
import { REGISTRY_SCHEMA, Registry } from '../../src/store/registry.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';
import { PlainContents } from './plain-contents.ts';

const top = mkdtempSync(join(tmpdir(), 'tieout-documents-'));
after(() => rmSync(top, { recursive: true, force: true, maxRetries: 5 }));

type Change = { readonly by: Origin; readonly ops: readonly RegistryOp[] };

/** Changes of one copy, in order; stamps of all copies rise as they are made. */
export class Office {
  readonly copies: DocumentCopy[] = [];
  #stamp = 1_795_000_000_000 * 1024;

  stamp(): number {
    this.#stamp += 1024;
    return this.#stamp;
  }

  async copy(user: string, folder?: string): Promise<DocumentCopy> {
    const copy = new DocumentCopy(this, user, folder);
    this.copies.push(copy);
    await copy.record([setOp(COPIES, copy.id, { user: { value: user, over: [] } })]);
    return copy;
  }

  /** Everybody gets everything. */
  exchange(): void {
    for (const copy of this.copies) for (const other of this.copies) if (other !== copy) copy.receive(other);
  }
}

export class DocumentCopy implements ChunkSource {
  readonly id: string;
  readonly root: string;
  readonly user: string;
  readonly registry: Registry;
  readonly chunks: ChunkStore;
  readonly contents: PlainContents;
  readonly disk: RealFiles;
  readonly made: Change[] = [];
  readonly events: DocumentEvent[] = [];
  readonly databases: string[] = [];
  documents: Documents;
  /** Until the next start. */
  watcher: Watcher = realWatcher;
  /** How many chunks were brought from others. */
  fetched = 0;
  unreachable = false;
  /** Pauses that were begun, by their length in ms. */
  readonly pauses = new Map<number, number>();
  /** So many chunks can be had in all. */
  reaches = Number.POSITIVE_INFINITY;
  readonly #office: Office;
  readonly #db: ReturnType<typeof openStore>;
  readonly #folded = new Map<string, number>();
  #onEvent = () => {};

  constructor(office: Office, user: string, folder = mkdtempSync(join(top, `${user}-`))) {
    this.#office = office;
    this.user = user;
    this.id = Buffer.alloc(16, user).toString('hex');
    this.root = folder;
    this.disk = new RealFiles(folder);
    mkdirSync(join(folder, '.tieout'), { recursive: true });
    this.#db = openStore(join(folder, '.tieout/store.db'), {
      schema: [CHUNKS_SCHEMA, REGISTRY_SCHEMA],
      synchronous: 'FULL',
    });
    this.registry = new Registry(this.#db);
    this.chunks = new ChunkStore(this.#db, join(folder, '.tieout/packs'), realFileBytes);
    this.contents = new PlainContents(this.chunks, realFileBytes);
    this.documents = this.#makeDocuments();
  }

  #makeDocuments(): Documents {
    return new Documents({
      root: this.root,
      files: this.disk,
      watcher: this.watcher,
      clock: {
        ...systemClock,
        after: (ms, run) => {
          this.pauses.set(ms, (this.pauses.get(ms) ?? 0) + 1);
          return systemClock.after(ms, run);
        },
      },
      random: systemRandom,
      registry: this.registry,
      contents: this.contents,
      source: this,
      record: (ops, within) => this.record(ops, within),
      registryChanges: () => this.#office.copies.flatMap((copy) => copy.made).sort((a, b) => a.by.stamp - b.by.stamp),
      transaction: (write) => transaction(this.#db, write),
      databases: {
        databaseFound: (path) => this.#report(`found ${path}`),
        databaseChanged: (path) => this.#report(`changed ${path}`),
        databaseGone: (path) => this.#report(`gone ${path}`),
        databaseReplaced: (path) => this.#report(`replaced ${path}`),
        databaseMoved: (from, to) => this.#report(`moved ${from} ${to}`),
      },
      tell: (event) => {
        this.events.push(event);
        this.#onEvent();
      },
      host: 'this-computer',
    });
  }

  /** Ends as a program ends that is killed, and begins again. */
  async restart(): Promise<void> {
    await this.documents.stop();
    this.documents = this.#makeDocuments();
    await this.documents.start();
  }

  #report(text: string): void {
    this.databases.push(text);
    this.#onEvent();
  }

  async record(ops: readonly RegistryOp[], within?: (by: Origin) => void): Promise<Origin> {
    const by = { copy: this.id, seq: this.made.length + 1, stamp: this.#office.stamp() };
    transaction(this.#db, () => {
      this.registry.fold(by, { ops });
      within?.(by);
    });
    this.made.push({ by, ops });
    return by;
  }

  receive(other: DocumentCopy): void {
    const from = this.#folded.get(other.id) ?? 0;
    for (const { by, ops } of other.made.slice(from)) {
      transaction(this.#db, () => this.registry.fold(by, { ops }));
    }
    this.#folded.set(other.id, other.made.length);
    this.documents.place();
  }

  async fetch(ids: readonly string[], deliver: (id: string, stored: Uint8Array) => void | Promise<void>) {
    const missing: string[] = [];
    for (const id of ids) {
      const found =
        this.unreachable || this.fetched >= this.reaches
          ? undefined
          : this.#office.copies.map((copy) => copy.contents.chunk(id)).find(Boolean);
      if (found === undefined) missing.push(id);
      else {
        this.fetched += 1;
        await deliver(id, found);
        this.#onEvent();
      }
    }
    return missing;
  }

  /** Makes everything in the folder the base, here and for `others`, whose folders it is placed in. */
  async publish(...others: DocumentCopy[]): Promise<void> {
    const { documents: paths } = this.documents.survey();
    const read = await this.contents.ingest(paths.map((path) => this.documents.native(path)));
    const listed = paths.map((path, index) => {
      const one = read[index];
      assert.ok(one?.kind === 'done');
      return { path, content: one.content, registered: true, read: one, at: systemClock.now() };
    });
    transaction(this.#db, () => {
      this.registry.loadBase(listed, []);
      this.documents.observeBase(listed);
    });
    for (const other of others) other.#load(listed);
    for (const copy of [this, ...others]) await copy.documents.start();
  }

  /** Has the base of another copy listed. */
  copyBase(other: DocumentCopy): void {
    const listed = [...other.registry.entries('document')].map(({ id }) => other.registry.base(id)!);
    this.#load(listed);
  }

  #load(listed: Parameters<Registry['loadBase']>[0]): void {
    transaction(this.#db, () => this.registry.loadBase(listed, []));
  }

  /** Everything saved is recorded, everything received is in its place. */
  async settle(): Promise<void> {
    await this.documents.settle();
    await this.documents.placed();
  }

  /** Resolves once `done` is true after something was captured, placed or reported. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onEvent = () => {
        if (!done()) return;
        this.#onEvent = () => {};
        resolve();
      };
      this.#onEvent();
    });
  }

  path(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string | Uint8Array): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  /** As editors do that write a new file and rename it over the old one. */
  renameSave(path: string, text: string | Uint8Array): void {
    this.write(`${path}.new~`, text);
    renameSync(this.path(`${path}.new~`), this.path(path));
  }

  read(path: string): string | undefined {
    return existsSync(this.path(path)) ? readFileSync(this.path(path), 'utf8') : undefined;
  }

  mtime(path: string): number {
    return statSync(this.path(path)).mtimeMs;
  }

  /** All that lies in the folder, without the sync folder. */
  files(): Record<string, string> {
    const names = readdirSync(this.root, { recursive: true, encoding: 'utf8' }).map((name) =>
      name.replaceAll('\\', '/'),
    );
    const files = names.filter((name) => !name.startsWith('.tieout') && statSync(this.path(name)).isFile());
    return Object.fromEntries(files.sort().map((name) => [name, this.read(name)!]));
  }

  /** What the registry shows, without what is only known here. */
  shown(): unknown {
    return [...this.documents.listing.all()].map(({ id, path, version, size, conflict }) => ({
      id,
      path,
      version,
      size,
      conflict,
    }));
  }

  async stop(): Promise<void> {
    await this.documents.stop();
    this.chunks.close();
    this.#db.close();
  }
}

/** Runs `story` with copies of a file that holds `files`, and ends them. */
export async function withCopies(
  users: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>>,
  story: (office: Office, ...copies: DocumentCopy[]) => Promise<void>,
): Promise<void> {
  const office = new Office();
  const copies: DocumentCopy[] = [];
  for (const user of users) copies.push(await office.copy(user));
  const [first, ...others] = copies;
  for (const [path, text] of Object.entries(files)) first!.write(path, text);
  await first!.publish(...others);
  for (const copy of copies) await copy.settle();
  office.exchange();
  try {
    await story(office, ...copies);
  } finally {
    for (const copy of copies) await copy.stop();
  }
}

/** What these copies saved is with all of them, once. */
export async function exchangeOnce(office: Office, ...copies: DocumentCopy[]): Promise<void> {
  for (const copy of copies) await copy.settle();
  office.exchange();
  for (const copy of copies) await copy.settle();
}

/** Everything has gone round, and the copies are equal. */
export async function level(office: Office, ...copies: DocumentCopy[]): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const copy of copies) await copy.settle();
    office.exchange();
  }
  for (const copy of copies) await copy.settle();
  for (const copy of copies) {
    assert.deepEqual(copy.shown(), copies[0]!.shown());
    assert.deepEqual(copy.documents.conflicts.list(), copies[0]!.documents.conflicts.list());
    assert.deepEqual(copy.files(), copies[0]!.files());
  }
}
