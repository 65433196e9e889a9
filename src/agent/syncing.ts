/** Waiting for a copy and its parent to have the same: what is here, what is there, or both. */
import { ProblemError } from '../core/problem.ts';
import type { Clock } from '../platform/ports.ts';
import type { Copy } from './copy.ts';
import { UNFINISHED, unfinished } from './copy-problems.ts';
import { missingOf, pendingOf } from './copy-status.ts';

/** How long nothing may move before a wait looks again by itself. */
export const LOOK_AGAIN_MS = 200;
/** What the disk refused is tried again after this. */
export const DISK_AGAIN_MS = 15_000;

/** It is published, or all of it is here. */
export function complete(copy: Copy): void {
  copy.setFacts({ phase: 'complete' });
  copy.problems.clear(UNFINISHED);
}

/** Throws a `ProblemError` that says how it is completed. */
export function mustBeComplete({ facts, folder }: Copy): void {
  if (facts.phase !== 'complete') throw new ProblemError({ ...unfinished(facts, folder.root), path: folder.root });
}

/**
 * Takes in what was saved on disk and exchanges until nothing is pending. Throws when the parent is out of reach; at the
 * end also when a database in the folder cannot be followed, for what is in it is nowhere else.
 */
export async function syncCopy(copy: Copy, signal: AbortSignal): Promise<void> {
  await handOver(copy, signal);
  // What others had stored at the hub may still wait there for its turn on the line.
  await copy.exchange?.level().catch(() => copy.parent.mustBeReached());
  copy.mustBeOpen();
  while (!copy.exchange?.settled || missingOf(copy).documents > 0) {
    stopIfAsked(signal);
    copy.mustBeOpen();
    await copy.parent.mustBeReached();
    await copy.change(LOOK_AGAIN_MS);
    copy.mustBeOpen();
  }
  await copy.documents.placed();
  await copy.databases.settle();
  await parentHasAll(copy, signal);
  const unfollowed = copy.databases.unfollowed.any();
  if (unfollowed !== undefined) throw unfollowed;
}

/** Takes in what was saved on disk, and resolves when the parent has it; throws when that is out of reach. */
export async function handOver(copy: Copy, signal: AbortSignal): Promise<void> {
  await copy.documents.settle();
  await copy.databases.settle();
  await parentHasAll(copy, signal);
}

/**
 * `handOver` at the end of something that is done without it: should the hub go away at this moment, the rest travels
 * when it is back, like any work done without it.
 */
export async function handOverIfReached(copy: Copy, signal: AbortSignal): Promise<void> {
  try {
    await handOver(copy, signal);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'unreachable') throw error;
  }
}

/** Resolves when the parent has durably what is here now; throws when it is out of reach. */
export async function parentHasAll(copy: Copy, signal: AbortSignal): Promise<void> {
  for (;;) {
    stopIfAsked(signal);
    copy.mustBeOpen();
    const { out } = pendingOf(copy);
    if (copy.exchange && out.changes + out.bytes === 0) return;
    await copy.parent.mustBeReached();
    await copy.change(LOOK_AGAIN_MS);
  }
}

/** Resolves when the parent is reached, or after `ms`. */
export async function whenReached(copy: Copy, clock: Clock, ms: number): Promise<void> {
  const until = clock.monotonic() + ms;
  while (copy.exchange === null && clock.monotonic() < until) await copy.change(LOOK_AGAIN_MS);
}

export function stopIfAsked(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new ProblemError({
    code: 'interrupted',
    text: 'Stopped as asked.',
    remedy: 'The same command goes on where it stopped.',
  });
}
