/** Bringing a world to rest: everything works again, everyone is online, and time runs until nothing changes. */

import { pendingOf, problemsOf } from '../../src/agent/copy-status.ts';
import { syncCopy } from '../../src/agent/syncing.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { entries } from '../../src/core/vector.ts';
import { startHub, startMachine } from './actions.ts';
import { readDatabase } from './reading-databases.ts';
import { type Person, Violation, type World } from './world.ts';

const READY_MS = 400_000;
/** Reconnecting takes half a minute at worst, a scan comes every twenty seconds. */
const ROUND_MS = 75_000;
const SYNC_MS = 200_000;
/** What a disk refused is tried again after a quarter of a minute. */
const AGAIN_MS = 30_000;
const REFUSED = ['disk-full', 'disk-error', 'read-only', 'no-permission'];
const ROUNDS = 8;

export async function comeToRest(world: World): Promise<void> {
  world.tell('---', 'everything works again');
  for (const { machine, cable, desk, cabinet } of world.people) {
    machine.disk.disk.fault = () => undefined;
    cable.plug();
    cabinet.close();
    machine.disk.withoutFaults(() => desk.closeEditors());
  }
  startHub(world);
  for (const person of world.people) startMachine(world, person);
  await world.timeline.pass(world.timeline.now + 1000);
  for (const person of world.people) await reopen(world, person);
  for (const { machine } of world.people) machine.agent?.wake();
  await world.until('publishing and copying', READY_MS, () => world.people.every(({ machine }) => machine.isReady));
  for (const { machine } of world.people) machine.copy?.setOffline(false);
  let before = '';
  for (let round = 0; round < ROUNDS; round++) {
    if (world.story.bySync) await syncEveryone(world);
    await passRound(world);
    const now = stateOf(world);
    if (now === before) return await nothingUnderWay(world);
    before = now;
  }
  throw new Violation(`no rest after ${ROUNDS} rounds`);
}

/** A copy may have begun just now to hand over what it packed, or try soon again what its disk refused of that. */
async function nothingUnderWay(world: World): Promise<void> {
  const isRefused = ({ machine }: Person): boolean =>
    machine.copy !== undefined && problemsOf(machine.copy).some(({ code }) => REFUSED.includes(code));
  await world.until('what a disk refused', AGAIN_MS, () => !world.people.some(isRefused));
  const isSent = ({ machine }: Person): boolean => {
    const { changes = 0, bytes = 0 } = machine.copy ? pendingOf(machine.copy).out : {};
    return changes + bytes === 0;
  };
  await world.until('sending', SYNC_MS, () => world.people.every(isSent));
}

async function passRound(world: World): Promise<void> {
  await world.timeline.pass(world.timeline.now + (world.story.bySync ? 5_000 : ROUND_MS));
}

/** A copy that could not be opened because its disk failed is opened again, as a person would by starting anew. */
async function reopen(world: World, person: Person): Promise<void> {
  const { machine } = person;
  if (machine.closedBecause === undefined) return;
  world.tell(machine.name, `is closed: ${machine.closedBecause}`);
  await whileTimePasses(world, machine.stop());
  startMachine(world, person);
  await world.timeline.pass(world.timeline.now + 1000);
}

async function whileTimePasses(world: World, work: Promise<void>): Promise<void> {
  let done = false;
  let failure: unknown;
  work.then(
    () => {
      done = true;
    },
    (error) => {
      done = true;
      failure = error;
    },
  );
  await world.until('an ordered end', 60_000, () => done);
  if (failure) throw failure;
}

/** `sync` for everyone at once, as often as the hub is out of reach. */
export async function syncEveryone(world: World): Promise<void> {
  let open = world.people.length;
  for (const { machine } of world.people) {
    const again = (): void => {
      const { copy } = machine;
      // It may be closed for a moment, to go on under another id.
      if (copy === undefined) return void machine.clock.after(1000, again);
      syncCopy(copy, new AbortController().signal).then(
        () => {
          open -= 1;
        },
        (error) => {
          if (!(error instanceof ProblemError)) world.violate(`${machine.name}: sync: ${error?.stack ?? error}`);
          machine.clock.after(1000, again);
        },
      );
    };
    again();
  }
  await world.until('sync', SYNC_MS, () => open === 0);
}

/** All that must be equal in the end, in a word. */
export function stateOf(world: World): string {
  return sha256(Buffer.from(stateText(world)));
}

/** The same, at length. */
export function stateText(world: World): string {
  const parts = world.people.map(({ machine, desk, cabinet }) => {
    const copy = machine.copy;
    const vector = copy ? entries(copy.store.vector()) : [];
    const documents = desk.documents().map((path) => `${path}=${desk.hashAt(path)}`);
    const databases = cabinet.paths().map((path) => [path, readDatabase(machine.native(path), 'contents').contents]);
    return JSON.stringify({ vector, documents, databases });
  });
  return parts.join('\n');
}
