/** Money is whole cents everywhere; these are the only places where it is read from and written as decimals. */

/** '-1234.50' is -123450. */
export function cents(decimal: string): number {
  const [, sign, francs, rest] = /^(-?)(\d+)\.(\d\d)$/.exec(decimal) ?? [];
  if (francs === undefined) throw new Error(`not an amount: ${decimal}`);
  return (sign ? -1 : 1) * (Number(francs) * 100 + Number(rest));
}

/** -123450 is '-1234.50'. */
export function decimal(cents: number): string {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** -123450 is "-1'234.50", as Swiss papers have it. */
export function swiss(cents: number): string {
  return decimal(cents).replace(/\d(?=(\d{3})+\.)/g, "$&'");
}

/** Splits an amount into parts of different sizes that add up to it exactly; the same amount always in the same way. */
export function split(total: number, parts: number): number[] {
  const chance = seeded(total);
  const weights = Array.from({ length: parts }, () => 0.4 + chance());
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => Math.round((total * weight) / whole));
  const rest = total - shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share, index) => (index === 0 ? share + rest : share));
}

/** Numbers in [0, 1) that depend on nothing but the seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
