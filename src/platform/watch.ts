/**
 * The real `Watcher`: node's recursive fs.watch. It misses things now and then and says so nowhere, so its events are
 * hints, and whoever listens scans from time to time as well.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Problem } from '../core/problem.ts';
import { GatheringHints } from './gathering-hints.ts';
import type { Watcher } from './ports.ts';
import { systemClock } from './system.ts';

/** Our own log and chunks are written all the time. */
const IGNORED = ['.tieout', '.tieout/**', '.tieout\\**'];

export const realWatcher: Watcher = {
  watch(root, events) {
    let watcher: FSWatcher | undefined;
    const hints = new GatheringHints(systemClock, (name) => {
      if (watcher !== undefined) events.hint(name);
    });
    const fail = (error: unknown) => {
      watcher?.close();
      watcher = undefined;
      events.failed(watchProblem(error, root));
    };
    try {
      watcher = watch(root, { recursive: true, persistent: false, ignore: IGNORED }, (_, name) => {
        // No name: more happened at once than Windows keeps for us.
        if (watcher === undefined) return;
        hints.hear(name === null ? '' : relative(name));
      });
      watcher.on('error', fail);
    } catch (error) {
      // Not in the caller's call: the watcher is told of its end only once it has begun.
      queueMicrotask(() => fail(error));
    }
    return () => {
      const ended = watcher;
      watcher = undefined;
      hints.stop();
      ended?.close();
    };
  },
};

function relative(name: string): string {
  return process.platform === 'win32' ? name.replaceAll('\\', '/') : name;
}

function watchProblem(error: unknown, path: string): Problem {
  const code = String((error as { code?: unknown } | null)?.code ?? error);
  // Linux has a limit of watched folders per user, and says "no space" when it is reached.
  if (code === 'ENOSPC' || code === 'EMFILE' || code === 'ENFILE') {
    return {
      code: 'watch-limit',
      text: 'The system does not let Tieout watch all folders of this file; saves are noticed by scanning, some minutes later.',
      remedy:
        process.platform === 'linux'
          ? 'Raise fs.inotify.max_user_watches (sysctl) above the number of files, for example to 524288.'
          : 'Close some programs, or raise the limit of open files.',
      path,
    };
  }
  return {
    code: 'watch-failed',
    text: `The folder is no longer watched (${code}); saves are noticed by scanning, some minutes later.`,
    remedy: 'Check that the folder is there; Tieout tries again by itself.',
    path,
  };
}
