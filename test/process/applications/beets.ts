/** beets: a library of music, worked on by its own library layer. Its references are declared nowhere. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Copy } from '../engagement.ts';
import { type Application, program } from './together.ts';

export const LIBRARY = 'library.db';
const SCRIPT = join(import.meta.dirname, 'beets-library.py');

export interface Library {
  readonly broken: readonly unknown[];
  /** With who listened to them. */
  readonly albums: readonly (readonly [string, readonly string[]])[];
  readonly songs: readonly (readonly [string, readonly string[]])[];
}

export const beets: Application<Library> = {
  async create(folder) {
    mkdirSync(folder, { recursive: true });
    await library('create', folder, join(folder, '..'));
  },
  async prepare({ machine, folder }) {
    const refers = ['items.album_id=albums', 'item_attributes.entity_id=items', 'album_attributes.entity_id=albums'];
    const numbers = ['items', 'albums', 'item_attributes', 'album_attributes'];
    await machine.json('settings', [folder, LIBRARY, '--refers', refers.join(), '--number', numbers.join()]);
  },
  async add(copy, round) {
    await at(copy, 'add', `${copy.machine.user}-${round}`, '2');
  },
  async edit(copy, round) {
    await at(copy, 'edit', `${copy.machine.user}-${round}`);
  },
  async check(copy) {
    const told = JSON.parse(await at(copy, 'check')) as Library;
    assert.deepEqual(told.broken, []);
    return told;
  },
};

function at({ machine, folder }: Copy, command: string, ...args: string[]): Promise<string> {
  return library(command, folder, join(machine.home, '..'), ...args);
}

function library(command: string, folder: string, home: string, ...args: string[]): Promise<string> {
  return program('/usr/bin/python3', [SCRIPT, command, join(folder, LIBRARY), ...args], { env: { HOME: home } });
}

export function hasBeets(): Promise<boolean> {
  return program('beet', ['version']).then(
    () => true,
    () => false,
  );
}
