/** A watcher that drops, doubles and delays what it should tell, as the seed has it. */
import type { Clock, Watcher } from '../../src/platform/ports.ts';
import type { Chance } from './chance.ts';
import type { SimDisk } from './disk.ts';

export type WatcherFaults = {
  /** Shares, 0 to 1. */
  readonly drops: number;
  readonly doubles: number;
  readonly lateMs: number;
};

export function simulatedWatcher(disk: SimDisk, clock: Clock, chance: Chance, faults: WatcherFaults): Watcher {
  return {
    watch(root, events) {
      let ended = false;
      const see = (path: string): void => {
        if (!path.startsWith(`${root}/`) || path.startsWith(`${root}/.tieout`)) return;
        const times = chance.happens(faults.drops) ? 0 : chance.happens(faults.doubles) ? 2 : 1;
        for (let n = 0; n < times; n++) {
          clock.after(chance.within(0, faults.lateMs), () => {
            if (!ended) events.hint(path.slice(root.length + 1));
          });
        }
      };
      disk.watchers.add(see);
      return () => {
        ended = true;
        disk.watchers.delete(see);
      };
    },
  };
}
