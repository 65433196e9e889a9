/**
 * The database process: the only one that opens users' databases (opening and closing a SQLite file drops the locks of
 * its whole process). Runs the databases of all copies of one agent, and ends with it.
 */
import type { ChangeId } from '../core/change.ts';
import { parentProcess } from '../platform/child.ts';
import { realFileBytes } from '../platform/file-bytes.ts';
import { fileFacts } from '../platform/file-facts.ts';
import { systemClock, systemRandom } from '../platform/system.ts';
import { LogReader } from '../store/log-reader.ts';
import { answerOf, openAnswer } from './answering.ts';
import type { Answer, CopyStart, FromChild, ToChild } from './child-messages.ts';
import { LocalDatabases } from './databases.ts';
import type { Appended, DatabaseEvents } from './host.ts';

const parent = parentProcess<ToChild, FromChild>();
const copies = new Map<number, { databases: LocalDatabases; log: LogReader }>();
const appending = new Map<number, (answer: Answer<Appended>) => void>();
/** What is left of bodies that are too large for one message. */
const rests = new Map<number, Iterator<Uint8Array>>();
let lastId = 0;

parent.onMessage((message) => {
  switch (message.kind) {
    case 'start':
      return void copies.set(message.at, start(message.at, message.start));
    case 'stop':
      return void answer(message.id, () => stop(message.at));
    case 'call':
      return void answer(message.id, () => call(message));
    case 'poke':
      return copies.get(message.at)?.databases.poke(message.database);
    case 'forward':
      return copies.get(message.at)?.databases.forward();
    case 'more':
      return void sendPiece(message.id);
    case 'appended':
      rests.delete(message.id);
      appending.get(message.id)?.(message.answer);
      return void appending.delete(message.id);
    default:
      return message satisfies never;
  }
});

// Nothing is half done at any moment that a process can end in; closing leaves the files tidier.
parent.onGone(() => {
  for (const { databases } of copies.values()) void databases.stop();
  systemClock.after(0, () => parent.exit());
});

function start(at: number, { copy, rowsPath, storePath, packs, renamings }: CopyStart) {
  const damaged = (id: ChangeId): void => parent.send({ kind: 'damaged', at, id });
  const log = new LogReader(storePath, packs, { damaged });
  const events: DatabaseEvents = {
    append: ({ rest, ...request }) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        appending.set(id, (made) => {
          try {
            resolve(openAnswer(made));
          } catch (error) {
            reject(error as Error);
          }
        });
        if (rest !== undefined) rests.set(id, (rest as Iterable<Uint8Array>)[Symbol.iterator]());
        parent.send({ kind: 'append', at, id, request, hasRest: rest !== undefined });
      }),
    applied: (event) => parent.send({ kind: 'applied', at, event }),
    problems: (database, problems) => parent.send({ kind: 'problems', at, database, problems }),
    conflictsChanged: (database) => parent.send({ kind: 'conflicts', at, database }),
  };
  const databases = new LocalDatabases({
    copy,
    rowsPath,
    renamings,
    source: log,
    events,
    clock: systemClock,
    random: systemRandom,
    facts: fileFacts,
    removeFile: realFileBytes.remove,
  });
  return { databases, log };
}

async function sendPiece(id: number): Promise<void> {
  const answer = await answerOf(async () => {
    const next = rests.get(id)?.next();
    if (next === undefined) throw new Error('nobody appends this any more');
    return next.done ? null : next.value;
  });
  parent.send({ kind: 'piece', id, answer });
}

async function stop(at: number): Promise<void> {
  const copy = copies.get(at);
  copies.delete(at);
  await copy?.databases.stop();
  copy?.log.close();
}

async function call({ at, method, args }: ToChild & { kind: 'call' }): Promise<unknown> {
  const databases = copies.get(at)?.databases;
  if (databases === undefined) throw new Error('this copy is not open here');
  const work = databases[method] as (...args: unknown[]) => Promise<unknown>;
  return work.apply(databases, [...args]);
}

async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  parent.send({ kind: 'answer', id, answer: await answerOf(work) });
}
