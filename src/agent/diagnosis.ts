/** `tieout doctor`: looks at everything that can keep this machine from syncing, and says what to do. */
import { stampMs } from '../core/clock.ts';
import { sizeOf } from '../core/floor.ts';
import { ProblemError } from '../core/problem.ts';
import { inotifyLimit } from '../platform/computer.ts';
import type { Result } from '../sdk/contract.ts';
import type { Agent } from './agent.ts';
import type { Copy } from './copy.ts';
import { problemsOf } from './copy-status.ts';
import { damagedVersions } from './damaged-contents.ts';
import { damagedBase } from './database-problems.ts';
import { CLOCK_TOLERANCE_MS } from './hub-connection.ts';
import { DAMAGED_RECORD } from './log-damage.ts';

type Check = Result<'doctor'>['checks'][number];

/** Below this a day's work may not fit. */
const LOW_DISK_BYTES = 1024 * 1024 * 1024;
/** A copy that is away for longer than a holiday may have been given up. */
const LONG_AWAY_DAYS = 30;
const DAY_MS = 24 * 60 * 60_000;
/** A watch for each folder; below this, larger files are noticed by the scan only. */
const FEW_WATCHES = 65_536;

export async function diagnose(
  agent: Agent,
  folder: string | undefined,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<Check[]> {
  const checks: Check[] = [];
  const copies = agent.copies().filter(({ root }) => folder === undefined || agent.copyAt(folder).folder.root === root);
  tell('the hub');
  for (const { office } of agent.options.identity.memberships) checks.push(...(await hubChecks(agent, office)));
  if (checks.length === 0) checks.push(notJoined());
  checks.push(watchCheck());
  for (const listed of copies) {
    if (signal.aborted) break;
    tell(listed.root);
    if (listed.kind === 'open') checks.push(...(await copyChecks(listed.copy, signal)));
    else checks.push(failed(listed.root, listed.why.problem.text, listed.why.problem.remedy));
  }
  return checks;
}

async function hubChecks(agent: Agent, office: string): Promise<Check[]> {
  const hub = agent.hub(office);
  const { user, deviceName, urls } = agent.membership(office);
  const certificate = ok('certificate', `${user} on ${deviceName}, issued by office ${office.slice(0, 12)}`);
  try {
    await hub.sessionOrRefusal();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return [certificate, failed('hub', `${urls.join(', ')}: ${error.problem.text}`, error.problem.remedy)];
  }
  const seconds = Math.round(hub.aheadMs / 1000);
  const clock =
    Math.abs(hub.aheadMs) < CLOCK_TOLERANCE_MS
      ? ok('clock', 'agrees with the hub')
      : warning('clock', `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the hub`, 'Set the clock.');
  return [certificate, ok('hub', `in reach at ${urls.join(', ')}`), clock];
}

async function copyChecks(copy: Copy, signal: AbortSignal): Promise<Check[]> {
  const name = copy.folder.root;
  const free = copy.freeBytes();
  const damagedChanges = [...copy.store.damaged()];
  copy.logDamage.look();
  const damagedChunks: string[] = [];
  for (const { damaged } of copy.folder.chunks.verify()) {
    damagedChunks.push(...damaged);
    if (signal.aborted) break;
  }
  const gibibytes = (free / 1024 ** 3).toFixed(1);
  return [
    free < LOW_DISK_BYTES
      ? warning(`${name}: disk`, `only ${gibibytes} GiB free`, 'Make room on this disk.')
      : ok(`${name}: disk`, `${gibibytes} GiB free`),
    damagedChanges.length === 0
      ? ok(`${name}: log`, 'every change is what its hash says')
      : failed(
          `${name}: log`,
          `${counted(damagedChanges.length, 'change is', 'changes are')} damaged: ${damagedChanges.map(({ copy: of, seq }) => `${of} ${seq}`).join(', ')}`,
          'Make a new copy with `tieout copy`, then remove this one; have the disk checked.',
        ),
    damagedChunks.length === 0
      ? ok(`${name}: content`, 'every stored piece is what its hash says')
      : warning(
          `${name}: content`,
          `${counted(damagedChunks.length, 'stored piece is', 'stored pieces are')} damaged and not used: ${whose(copy, damagedChunks)}`,
          'What is damaged is fetched from the hub when needed; have the disk checked.',
        ),
    await basesCheck(copy, signal),
    ...packingCheck(copy),
    ...problemsOf(copy)
      .filter(({ code }) => code !== 'damaged-base' && code !== DAMAGED_RECORD)
      .map(({ text, remedy, path }) => warning(`${name}: ${path ?? 'copy'}`, text, remedy)),
  ];
}

/** What each database was when it was published: it still has the values that nobody has edited since. */
async function basesCheck(copy: Copy, signal: AbortSignal): Promise<Check> {
  const name = `${copy.folder.root}: bases`;
  const damaged = await copy.databases.damagedBases(signal);
  if (damaged.length === 0) return ok(name, 'every database is kept as it was when it was published');
  const paths = damaged.map(({ shown }) => shown).join(', ');
  const { text, remedy } = damagedBase(paths);
  return warning(name, text, remedy);
}

/** How far the history is packed, and whose word is missing for more. */
function packingCheck(copy: Copy): Check[] {
  const name = `${copy.folder.root}: history`;
  const total = sizeOf(copy.store.vector());
  const packed = sizeOf(copy.store.log.floor);
  const waits = copy.upkeep.live.holdsBack();
  const found = `${packed} of ${total} changes are packed`;
  const pieces = [...copy.store.log.segments()].flatMap(({ parts }) => parts.map(({ id }) => id));
  const lost = copy.store.lacking(pieces).length;
  if (lost > 0) {
    copy.upkeep.soon();
    const remedy = 'They are fetched from the hub in a moment; have the disk checked.';
    return [
      warning(name, `${found}; ${counted(lost, 'piece of these is', 'pieces of these are')} lost on this disk`, remedy),
    ];
  }
  if (waits === undefined) return [ok(name, found)];
  const days = Math.floor((copy.now() - stampMs(waits.stamp)) / DAY_MS);
  if (days < LONG_AWAY_DAYS) return [ok(name, found)];
  const { copy: id } = waits;
  const who = `${copy.makerName(id)} (${id.slice(0, 8)})`;
  return [
    warning(
      name,
      `${found}; the copy of ${who} has not been heard of for ${days} days, and all changes since are kept for it`,
      `If it does not come back, the owner of the file ends the waiting with \`tieout copies retire ${id.slice(0, 8)}\`.`,
    ),
  ];
}

/** Which documents need what is damaged. */
function whose(copy: Copy, chunks: readonly string[]): string {
  const versions = damagedVersions(copy.registry, new Set(chunks));
  return versions === '' ? 'no version of a document needs any of it' : `needed for ${versions}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function watchCheck(): Check {
  const limit = inotifyLimit();
  if (limit === undefined || limit >= FEW_WATCHES) return ok('watching', 'the system lets folders be watched');
  return warning(
    'watching',
    `the system allows only ${limit} watched folders`,
    'Raise fs.inotify.max_user_watches; until then large files are scanned instead, within seconds.',
  );
}

function notJoined(): Check {
  return failed('hub', 'this machine has joined no hub', 'Ask for an invitation and use `tieout join INVITATION`.');
}

function ok(name: string, text: string): Check {
  return { name, state: 'ok', text, remedy: null };
}

function warning(name: string, text: string, remedy: string): Check {
  return { name, state: 'warning', text, remedy };
}

function failed(name: string, text: string, remedy: string): Check {
  return { name, state: 'failed', text, remedy };
}
