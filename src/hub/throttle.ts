/** How often one caller may be wrong. Pure but for its own counts; time is an argument (ms that never go back). */

export interface Throttle {
  /** The caller has been wrong too often; do not even look at what it says. */
  blocked(from: string, now: number): boolean;
  wrong(from: string, now: number): void;
}

/** Callers remembered at most: a flood from everywhere must not fill the memory. */
const CALLERS = 10_000;

export function throttle({ tries, withinMs }: { readonly tries: number; readonly withinMs: number }): Throttle {
  const counts = new Map<string, { count: number; since: number }>();
  const current = (from: string, now: number) => {
    const entry = counts.get(network(from));
    return entry !== undefined && now - entry.since < withinMs ? entry : undefined;
  };
  return {
    blocked: (from, now) => (current(from, now)?.count ?? 0) >= tries,
    wrong(from, now) {
      const entry = current(from, now) ?? { count: 0, since: now };
      entry.count++;
      counts.delete(network(from));
      counts.set(network(from), entry);
      // The one that was wrong longest ago goes first.
      if (counts.size > CALLERS) counts.delete(counts.keys().next().value!);
    },
  };
}

/** One IPv6 customer has 2^64 addresses and counts as one caller. An IPv4 address may come dressed as IPv6. */
function network(from: string): string {
  const plain = from.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const rest = tail?.split(':').filter((group) => group !== '') ?? [];
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length;
  return [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...rest].slice(0, 4).join(':');
}
