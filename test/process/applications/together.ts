/** Two people at one real application, each in a copy of one file: what every application has to survive. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type Copy, copyIn, meet } from '../engagement.ts';
import { type Office, until } from '../office.ts';

export interface Application<T> {
  /** Makes the folder that is shared, with the application's database in it. */
  create(folder: string): Promise<void>;
  /** What an office sets for it, once. */
  prepare?(copy: Copy): Promise<void>;
  /** Something new of a person's own; `round` is never the same twice. */
  add(copy: Copy, round: number): Promise<void>;
  /** Other contents for what is there already, which a colleague edits as well. */
  edit(copy: Copy, round: number): Promise<void>;
  /** The application's own checks, which throw, and what it then says is there: alike in equal copies. */
  check(copy: Copy): Promise<T>;
}

export async function publishedTo(
  office: Office,
  application: Application<unknown>,
  users: readonly string[],
  name: string,
): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const user of users) {
    const machine = await office.machine(user);
    const folder = join(machine.folder, name);
    if (copies.length === 0) await application.create(folder);
    await (copies.length === 0 ? machine.json('publish', [folder]) : machine.json('copy', [name]));
    copies.push(copyIn(machine, folder));
    if (copies.length === 1) await application.prepare?.(copies[0] as Copy);
  }
  return copies;
}

/** All edit at once, connected or not; then all copies are equal, and the application is content with each. */
export async function edited(
  copies: readonly Copy[],
  how: 'online' | 'offline',
  work: (copy: Copy) => Promise<void>,
): Promise<void> {
  if (how === 'offline') for (const { machine, folder } of copies) await machine.ask('offline', { folder });
  await Promise.all(copies.map(work));
  if (how === 'offline') for (const { machine, folder } of copies) await machine.ask('online', { folder });
  await settled(copies);
}

/** What is found out when all meet (numbers that were handed out twice) makes changes in turn. */
function settled(copies: readonly Copy[]): Promise<void> {
  return until('all copies are equal', async () => {
    for (const { machine, folder } of copies) assert.deepEqual((await machine.status(folder)).problems, []);
    await meet(copies);
  });
}

/** What the application says of each copy, which must be the same. */
export async function checked<T>(application: { check(copy: Copy): Promise<T> }, copies: readonly Copy[]): Promise<T> {
  const told: T[] = [];
  for (const copy of copies) {
    told.push(await application.check(copy));
    // Whoever looks may write, too: a lock, a time stamp.
    await settled(copies);
  }
  for (const each of told) assert.deepEqual(each, told[0], 'the application says the same of all copies');
  return told[0] as T;
}

/** Runs a program of the system; what it prints. A failure tells all that it said. */
export function program(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { input, env, ...rest } = options;
    const child = execFile(
      command,
      args,
      { ...rest, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 60_000 },
      (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${out}${err}`));
      },
    );
    // A program that reads nothing may have ended before it is given anything.
    child.stdin?.on('error', () => {}).end(input ?? '');
  });
}
