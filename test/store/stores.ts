/** Stores of one file for tests: real SQLite on disk or in memory, authors with certificates of one office. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { toHex } from '../../src/core/bytes.ts';
import type { CopyId } from '../../src/core/vector.ts';
import { fingerprint, readKey } from '../../src/platform/certificates.ts';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import type { Clock, FileBytes } from '../../src/platform/ports.ts';
import type { Incoming } from '../../src/protocol/wire.ts';
import { CHUNKS_SCHEMA, ChunkStore } from '../../src/store/chunks.ts';
import { type Author, FileStore, type StoreHooks } from '../../src/store/file-store.ts';
import { LOG_SCHEMA, type StoredChange } from '../../src/store/log.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { makeOffice } from '../platform/offices.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';

export const office = await makeOffice();
export const FILE = 'f0'.repeat(16);
export const OFFICE = fingerprint(office.certificate);

/** Stands still until told; what is due at once runs in the next turn of the event loop, or when `turn` is called. */
export class TestClock implements Clock {
  ms = Date.UTC(2026, 0, 5);
  #due: { at: number; run: () => void }[] = [];
  now = () => this.ms;
  monotonic = () => this.ms;
  after = (ms: number, run: () => void) => {
    const entry = { at: this.ms + ms, run };
    this.#due.push(entry);
    if (ms === 0) setImmediate(() => this.#run(entry));
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  };
  advance(ms: number): void {
    this.ms += ms;
    for (const entry of this.#due.filter(({ at }) => at <= this.ms)) this.#run(entry);
  }
  turn(): void {
    this.advance(0);
  }
  #run(entry: { run: () => void }): void {
    if (!this.#due.includes(entry as never)) return;
    this.#due = this.#due.filter((other) => other !== entry);
    entry.run();
  }
}

/** 'a' stands for aaaa…: 16 bytes. */
export function copyId(letter: string): CopyId {
  return toHex(Buffer.alloc(16, letter));
}

const devices = new Map<string, Promise<{ key: Author['key']; chain: Author['chain'] }>>();

export async function author(letter: string, user = 'ana', reserve: Author['reserve'] = () => {}): Promise<Author> {
  const made = devices.get(user) ?? office.device(user).then(({ key, chain }) => ({ key: readKey(key), chain }));
  devices.set(user, made);
  return { copy: copyId(letter), ...(await made), reserve };
}

export interface Made {
  readonly store: FileStore;
  readonly db: ReturnType<typeof openStore>;
  readonly clock: TestClock;
  close(): void;
}

/** `folder`: on disk, as it is in earnest; without one in memory. */
export function makeStore(
  options: {
    folder?: string;
    clock?: TestClock;
    files?: FileBytes;
    hooks?: StoreHooks;
    office?: string;
    file?: string;
    copiesOfDevice?: number;
  } = {},
): Made {
  const { folder, clock = new TestClock(), hooks } = options;
  const files = options.files ?? (folder === undefined ? new SimBytes(new SimDisk()) : realFileBytes);
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const db = openStore(folder === undefined ? ':memory:' : join(folder, 'store.db'), {
    schema: [LOG_SCHEMA, CHUNKS_SCHEMA],
    synchronous: 'FULL',
  });
  const chunks = new ChunkStore(db, folder === undefined ? '/packs' : join(folder, 'packs'), files);
  const store = new FileStore({
    db,
    chunks,
    file: options.file ?? FILE,
    office: options.office ?? OFFICE,
    clock,
    ...(options.copiesOfDevice !== undefined && { copiesOfDevice: options.copiesOfDevice }),
    ...(hooks && { hooks }),
  });
  const close = (): void => {
    chunks.close();
    db.close();
  };
  return { store, db, clock, close };
}

/** A folder that is removed when the tests of this file are over. */
export function tempFolder(): string {
  const root = mkdtempSync(join(tmpdir(), 'tieout-store-'));
  after(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  return root;
}

/** A change as it would come in over the wire. */
export function incoming(change: StoredChange, altered: Partial<Incoming> = {}): Incoming {
  const { copy, seq, deps, stamp, body, size, chain, content, signature } = change;
  return { copy, seq, deps, stamp, body, size, chain, content, signature, ...altered };
}

export function text(content: string): Uint8Array {
  return Buffer.from(content);
}
