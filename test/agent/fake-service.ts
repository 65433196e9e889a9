/** An agent's service that has one believable file and does nothing. Tests replace the methods that they look at. */
import type { Clock } from '../../src/platform/ports.ts';
import type { Service } from '../../src/sdk/contract.ts';

const file = { id: 'f1', name: 'Müller 2026' };
const at = '2026-11-22T09:30:00.000Z';
const none = { changes: 0, bytes: 0 };
const version = { id: 'v2', by: 'Ben', alsoBy: [], at, size: 20_480, current: true, conflict: false, here: true };
const copy = { file, copy: 'c1', folder: '/files/Müller 2026' };

export function fakeService(replaced: Partial<Service> = {}): Service {
  return {
    join: async ({ device }) => ({ hub: 'https://hub:7443', user: 'Ana', device: device ?? 'ana-laptop' }),
    doctor: async () => ({ ok: true, checks: [{ name: 'clock', state: 'ok', text: 'It is right.', remedy: null }] }),
    stop: async () => ({ stopped: true }),
    watch: async () => ({}),
    publish: async ({ name }, { progress }) => {
      progress({ phase: 'sending', bytes: { done: 1, total: 2 }, documents: { done: 0, total: 1 } });
      return { file: { ...file, name: name ?? file.name }, copy: 'c1', documents: 12, databases: 1, problems: [] };
    },
    files: async () => [{ ...file, documents: 12, databases: 1, bytes: 5_000_000, copies: 2 }],
    copy: async ({ folder }) => ({ ...copy, folder }),
    copies: async () => [{ ...copy, state: 'online' }],
    status: async () => ({
      ...copy,
      state: 'online',
      pending: { out: none, in: none },
      conflicts: 0,
      problems: [],
      safe: true,
    }),
    sync: async () => ({
      sent: { changes: 2, bytes: 700 },
      received: none,
      problems: [{ path: 'notes', text: 'Much has gone. Say that you meant it.', since: at }],
    }),
    detach: async ({ folder }) => ({ folder }),
    retire: async ({ copy }) => ({ copy, user: 'Ben', device: 'pc' }),
    offline: async () => ({ state: 'offline' }),
    online: async () => ({ state: 'online' }),
    users: async () => [{ user: 'Ben', device: 'pc', copy: 'c2', state: 'offline', lastSeen: at, open: ['memo.docx'] }],
    docs: async () => [
      {
        id: 'd1',
        path: 'notes/memo.docx',
        behaviour: 'automatic',
        registered: true,
        size: 20_480,
        version: 'v2',
        by: 'Ben',
        at,
        state: 'current',
        conflict: false,
        openBy: [],
      },
    ],
    versions: async () => [version],
    get: async ({ out }) => ({ path: out, size: 20_480 }),
    promote: async () => version,
    conflicts: async () => [
      {
        id: 'x1',
        kind: 'cell',
        database: 'tb.db',
        table: 'account',
        key: { no: 4010 },
        column: 'balance',
        path: null,
        note: null,
        candidates: [
          { id: 'w1', value: 12.5, by: 'Ana', at, shown: true },
          { id: 'w2', value: { $integer: '9007199254740993' }, by: 'Ben', at, shown: false },
        ],
      },
    ],
    accept: async () => ({ settled: 2, left: 1 }),
    resolve: async ({ conflict }) => ({ id: conflict }),
    history: async () => [
      { at, by: 'Ana', copy: 'c1', change: 'c1:7', what: 'account 4010 balance', from: 12, to: 12.5 },
    ],
    undo: async ({ change }) => ({
      change,
      rows: 2,
      schema: ['table old'],
      left: [{ table: 'account', key: { no: 4010 }, column: 'balance', why: 'it was edited since' }],
    }),
    settings: async () => [
      {
        database: 'tb.db',
        settings: [{ table: 'line', column: 'account', set: 'refers', value: 'account', by: 'Ana', at }],
      },
    ],
    ...replaced,
  };
}

/** Waits for ever, and fails as a well-behaved method does when its caller goes away. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

/** A clock whose time passes when the test says so. */
export function handClock(): Clock & { pass(ms: number): void } {
  let now = 0;
  let alarms: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, run) {
      const alarm = { at: now + ms, run };
      alarms.push(alarm);
      return () => {
        alarms = alarms.filter((other) => other !== alarm);
      };
    },
    pass(ms) {
      now += ms;
      const due = alarms.filter((alarm) => alarm.at <= now);
      alarms = alarms.filter((alarm) => alarm.at > now);
      for (const alarm of due) alarm.run();
    },
  };
}
