/** Gramps: a family tree in its SQLite backend, worked on by Gramps's own database layer. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Copy } from '../engagement.ts';
import { type Application, program } from './together.ts';

const SCRIPT = join(import.meta.dirname, 'gramps-tree.py');

export interface Tree {
  readonly broken: readonly unknown[];
  readonly people: readonly string[];
  readonly families: number;
  readonly notes: readonly string[];
}

export const gramps: Application<Tree> = {
  async create(folder) {
    await tree('create', folder, join(folder, '..'));
  },
  async add(copy, round) {
    await at(copy, 'add', `${copy.machine.user}-${round}`, '3');
  },
  async edit(copy, round) {
    await noteAt(copy, round, copy.machine.user);
  },
  async check(copy): Promise<Tree> {
    const told = JSON.parse((await at(copy, 'check')).trim().split('\n').at(-1) as string) as Tree;
    assert.deepEqual(told.broken, []);
    return told;
  },
};

/** A note at everybody whose family name begins so. */
export function noteAt(copy: Copy, round: number, name: string): Promise<string> {
  return at(copy, 'edit', `${copy.machine.user}-${round}`, name);
}

/** Gramps's own tool. */
export function repair(copy: Copy): Promise<string> {
  return at(copy, 'repair');
}

function at({ machine, folder }: Copy, command: string, ...args: string[]): Promise<string> {
  return tree(command, folder, join(machine.home, '..'), ...args);
}

function tree(command: string, folder: string, home: string, ...args: string[]): Promise<string> {
  return program('/usr/bin/python3', [SCRIPT, command, folder, ...args], { env: { HOME: home, GRAMPSHOME: home } });
}

export function hasGramps(): Promise<boolean> {
  return program('/usr/bin/python3', ['-c', 'import gramps.gen.db.utils']).then(
    () => true,
    () => false,
  );
}
