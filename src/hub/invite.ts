/** `tieout hub invite`: writes into the hub's folder, in a process of its own, while the hub runs or not. */
import { toHex } from '../core/bytes.ts';
import { asName } from '../core/name.ts';
import { ProblemError } from '../core/problem.ts';
import { isFolder } from '../platform/home.ts';
import type { Clock, Random } from '../platform/ports.ts';
import { INVITATION_ID_BYTES, SECRET_BYTES, writeInvitation } from '../protocol/invitation.ts';
import { officeFolder, Roster } from './roster.ts';

export interface InviteOptions {
  /** The hub's folder. */
  readonly dir: string;
  readonly user: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Default 7. */
  readonly days?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A string that enrols one machine for `user`, once. Throws `ProblemError`. */
export function invite({ dir, user: asked, clock, random, days = 7 }: InviteOptions): string {
  const user = asName(asked);
  if (user === undefined) throw unfitName(asked);
  // Opening makes what is missing, and a mistyped folder shall not become an office.
  if (!isFolder(officeFolder(dir))) throw neverServed(dir);
  const roster = Roster.open(dir);
  try {
    const served = roster.served();
    if (served === undefined) throw neverServed(dir);
    const id = toHex(random.bytes(INVITATION_ID_BYTES));
    const secret = random.bytes(SECRET_BYTES);
    const now = clock.now();
    roster.addInvitation({ id, secret, user, now, expiresAt: now + days * DAY_MS });
    return writeInvitation({ ...served, id, secret });
  } finally {
    roster.close();
  }
}

function unfitName(name: string): ProblemError {
  return new ProblemError({
    code: 'unfit-name',
    text: `“${name}” cannot be a user's name.`,
    remedy: 'Give a name of 1 to 64 characters, on one line.',
  });
}

function neverServed(dir: string): ProblemError {
  return new ProblemError({
    code: 'no-hub',
    text: 'No hub has been started in this folder yet, so nobody would know where to find it.',
    remedy: 'Start it once with `tieout hub start`, then invite.',
    path: dir,
  });
}
