/** Memory and CPU of a process and all below it. Linux only (/proc); elsewhere undefined, and the figure is left out. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Load {
  /** Resident, in MB; pages that these processes share (Node itself) are counted once. */
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
  const memories = own.map(({ id }) => memoryOf(id));
  const bytes = sum(memories.map((each) => each.alone)) + Math.max(0, ...memories.map((each) => each.shared));
  return { megabytes: bytes / 1e6, cpuSeconds: sum(own.map(({ ticks }) => ticks)) / TICKS };
}

/** Bytes that a process has for itself, and that others may use as well. */
function memoryOf(pid: number): { alone: number; shared: number } {
  try {
    const lines = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^(Private|Shared)_\w+: +(\d+) kB$/gm);
    const amounts = [...lines].map(([, kind, kib]) => ({ kind, bytes: Number(kib) * 1024 }));
    const of = (kind: string) => sum(amounts.filter((each) => each.kind === kind).map((each) => each.bytes));
    return { alone: of('Private'), shared: of('Shared') };
  } catch {
    return { alone: 0, shared: 0 }; // ended meanwhile
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly ticks: number;
}

/** Linux tells user programs of 100 ticks a second. */
const TICKS = 100;

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
      return [{ id: Number(name), parent, ticks: fields[11]! + fields[12]! }];
    } catch {
      return []; // ended meanwhile
    }
  });
}
