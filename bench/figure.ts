/** What a benchmark hands back, and what is read from it. */

export interface Figure {
  /** BENCHMARK.NAME, e.g. 'cell.p50'. */
  readonly id: string;
  readonly what: string;
  readonly unit: 'ms' | 's' | 'bytes' | 'rows/s' | 'cells/s' | 'MB' | 'MB/s' | '%' | 'x';
  /** One value a run. */
  readonly runs: readonly number[];
  /** From docs/GOALS.md; undefined for what is only measured beside (peers, floors). */
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number };
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** By the nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round((percent / 100) * (sorted.length - 1))] ?? Number.NaN;
}

export function reached({ runs, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  return 'atMost' in goal ? median(runs) <= goal.atMost : median(runs) >= goal.atLeast;
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.id,
    figure.what,
    `${shown(median(figure.runs), figure.unit)}`,
    `${shown(Math.min(...figure.runs), figure.unit)} to ${shown(Math.max(...figure.runs), figure.unit)}`,
    String(figure.runs.length),
    goal(figure),
  ]);
  const lines = [['figure', 'what', 'median', 'range', 'runs', 'goal'], ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function goal(figure: Figure): string {
  if (figure.goal === undefined) return '';
  const [sign, value] = 'atMost' in figure.goal ? ['<=', figure.goal.atMost] : ['>=', figure.goal.atLeast];
  return `${sign} ${shown(value, figure.unit)}: ${reached(figure) ? 'reached' : 'MISSED'}`;
}

const WHOLE: ReadonlySet<Figure['unit']> = new Set(['bytes', 'rows/s', 'cells/s', 'MB', 'MB/s']);

function shown(value: number, unit: Figure['unit']): string {
  const digits = WHOLE.has(unit) ? 0 : value < 10 ? 2 : 1;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${unit}`;
}
