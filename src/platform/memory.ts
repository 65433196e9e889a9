/** Memory of this process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives memory back to the system after a large piece of work. V8 collects when it allocates, and an agent that has
 * just placed 50,000 documents and then rests would keep what it needed for that for hours.
 */
export function giveBackMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * For a process that moves much content through a small heap. V8 collects the whole heap each time another 64 MB of
 * buffers were had, which for a file of 650 MB was a third of all work; told to count buffers like its own objects, it
 * collects in proportion to what is in use. Called once, when the process starts.
 */
export function collectInProportion(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
