/** Memory and CPU of a process and all below it. Linux only (/proc); elsewhere undefined, and the figure is left out. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Load {
  /** Resident, in MB; pages that processes share are counted for each. */
  readonly megabytes: number;
  /** User and system, since the processes began. */
  readonly cpuSeconds: number;
}

export function load(pid: number): Load | undefined {
  if (!existsSync('/proc/self/stat')) return undefined;
  const all = processes();
  const members = new Set([pid]);
  // A child can have a lower number than its parent, so until nothing is added.
  for (let size = 0; size < members.size; ) {
    size = members.size;
    for (const { id, parent } of all) if (members.has(parent)) members.add(id);
  }
  const own = all.filter(({ id }) => members.has(id));
  const sum = (of: (each: Process) => number) => own.reduce((total, each) => total + of(each), 0);
  return { megabytes: sum(({ pages }) => (pages * PAGE) / 1e6), cpuSeconds: sum(({ ticks }) => ticks / TICKS) };
}

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly ticks: number;
  readonly pages: number;
}

/** Linux tells user programs of 100 ticks a second and, on all of our machines, uses pages of 4 KiB. */
const TICKS = 100;
const PAGE = 4096;

function processes(): Process[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name in brackets may hold anything, so the fields are counted from behind it: 3 is the state.
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
        .map(Number);
      const [, parent = 0] = fields;
      return [{ id: Number(name), parent, ticks: fields[11]! + fields[12]!, pages: fields[21]! }];
    } catch {
      return []; // ended meanwhile
    }
  });
}
