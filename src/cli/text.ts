/** Words for people: sizes, times, counts, and text that comes from others. */
import picocolors from 'picocolors';

export type Ink = ReturnType<typeof picocolors.createColors>;

/** Colours on a terminal, unless NO_COLOR says otherwise (https://no-color.org). */
export function inkFor(stream: { isTTY?: boolean }): Ink {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const coloured = !NO_COLOR && (Boolean(FORCE_COLOR) || (stream.isTTY === true && TERM !== 'dumb'));
  return picocolors.createColors(coloured);
}

/** Names and values are colleagues' text: what would steer the terminal is shown, not sent. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}|[\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, (sign) =>
    sign === '\n' ? '↵' : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const UNITS = ['KB', 'MB', 'GB', 'TB'];

/** Decimal units, three digits: as file managers show it. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let amount = bytes;
  let unit = -1;
  do {
    amount /= 1000;
    unit++;
  } while (amount >= 999.5 && unit < UNITS.length - 1);
  return `${amount < 99.95 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[unit]}`;
}

/** In this computer's time zone, to the minute. */
export function time(iso: string): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = Temporal.Instant.from(iso).toZonedDateTimeISO(zone);
  return `${local.toPlainDate()} ${local.toPlainTime().toString({ smallestUnit: 'minute' })}`;
}

/** `1 document`, `2,000 documents`. */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount.toLocaleString('en-US')} ${amount === 1 ? one : many}`;
}

export function amount({ changes, bytes }: { changes: number; bytes: number }): string {
  return changes === 0 && bytes === 0 ? 'nothing' : `${count(changes, 'change')}, ${size(bytes)}`;
}

/** 4 s, 3 min, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A cell's value, a row or a version id, as the API tells it. */
export function content(value: unknown): string {
  if (value === null) return '(empty)';
  if (typeof value === 'string') return plain(value);
  if (typeof value !== 'object') return String(value);
  const [[name, inner] = ['', ''], ...more] = Object.entries(value);
  if (more.length === 0 && ['$integer', '$real', '$row'].includes(name)) return plain(String(inner));
  if (more.length === 0 && (name === '$blob' || name === '$text')) {
    return `(${size(Math.floor((String(inner).length * 3) / 4))} of ${name === '$blob' ? 'data' : 'text'})`;
  }
  return Object.entries(value)
    .map(([column, held]) => `${plain(column)}=${content(held)}`)
    .join(' ');
}
