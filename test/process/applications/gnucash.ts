/** GnuCash: a book in its SQLite backend, worked on by GnuCash's own engine through its Python bindings. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Copy } from '../engagement.ts';
import { sqlite } from '../outside.ts';
import { type Application, program } from './together.ts';

export const BOOK = 'book.gnucash';
const SCRIPT = join(import.meta.dirname, 'gnucash-book.py');
/** Where .ci/run puts GnuCash without its desktop: its libraries need a tenth of the packages. */
const APART = join(homedir(), '.cache', 'tieout-gnucash');

export interface Book {
  readonly repaired: boolean;
  readonly entries: readonly {
    readonly text: string;
    readonly imbalance: string;
    readonly splits: readonly unknown[];
  }[];
  readonly accounts: Readonly<Record<string, string>>;
  /** Over all accounts. */
  readonly total: number;
}

export const gnucash: Application<Book> = {
  async create(folder) {
    mkdirSync(folder, { recursive: true });
    await book('create', join(folder, BOOK));
    // GnuCash waits for no lock. With a write-ahead log it meets one only where something is written at the same moment.
    await sqlite(join(folder, BOOK), 'PRAGMA journal_mode = WAL');
  },
  async add(copy, round) {
    await by(copy, 'add', `${copy.machine.user}-${round}`, '4');
  },
  async edit(copy, round) {
    await by(copy, 'edit', `${copy.machine.user}-${round}`);
  },
  async check(copy): Promise<Book> {
    const told = JSON.parse((await by(copy, 'check')).trim().split('\n').at(-1) as string) as Book;
    assert.equal(told.repaired, false, 'check & repair found nothing to repair');
    assert.equal(told.total, 0);
    for (const { text, imbalance } of told.entries) assert.match(imbalance, /^0\//, text);
    return told;
  },
};

/** The lock row that GnuCash leaves behind where it met a lock when it closed the book. */
async function closed(path: string): Promise<void> {
  while ((await sqlite(path, 'SELECT count(*) FROM gnclock')) !== '0') await book('close', path);
}

async function by(copy: Copy, command: string, ...args: string[]): Promise<string> {
  const told = await book(command, copy.at(BOOK), ...args);
  await closed(copy.at(BOOK));
  return told;
}

export function book(command: string, ...args: string[]): Promise<string> {
  return program('/usr/bin/python3', [SCRIPT, command, ...args], { env: environment() });
}

export async function hasGnucash(): Promise<boolean> {
  return program('/usr/bin/python3', ['-c', 'import gnucash'], { env: environment() }).then(
    () => true,
    () => false,
  );
}

function environment(): Record<string, string> {
  if (!existsSync(APART)) return {};
  const prefix = join(APART, 'usr');
  const libraries = join(prefix, 'lib', 'x86_64-linux-gnu', 'gnucash');
  return { LD_LIBRARY_PATH: `${libraries}:${join(libraries, 'gnucash')}`, GNC_UNINSTALLED: '1', GNC_BUILDDIR: prefix };
}
