/** A hub's enrolment in a temporary folder, on a clock of its own, and machines that enrol there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openIdentity } from '../../src/agent/identity.ts';
import { openAuthority } from '../../src/hub/authority.ts';
import { enrolment } from '../../src/hub/enrolment.ts';
import { invite } from '../../src/hub/invite.ts';
import { Roster } from '../../src/hub/roster.ts';
import { type ListenOptions, listen } from '../../src/platform/listen.ts';
import type { Link } from '../../src/platform/ports.ts';
import { systemRandom as random } from '../../src/platform/system.ts';

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function openOffice(t: TestContext, dir = temporaryFolder(t), more: Partial<ListenOptions> = {}) {
  const time = { ms: 1_800_000_000_000 };
  const clock = { now: () => time.ms, monotonic: () => time.ms, after: () => () => {} };
  const authority = await openAuthority(dir);
  const roster = Roster.open(dir);
  const heard: string[] = [];
  const links: Link[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    office: authority.certificate,
    credential: await authority.hubCredential(['https://127.0.0.1:1']),
    onLink: (link) => links.push(link),
    onRequest: enrolment({ authority, roster, clock, log: (text) => heard.push(text) }),
    ...more,
  });
  const url = `https://127.0.0.1:${listener.port}`;
  roster.serves(authority.office, [url]);
  t.after(async () => {
    await listener.close('the test is over');
    roster.close();
  });
  return {
    dir,
    url,
    clock,
    time,
    authority,
    roster,
    heard,
    links,
    invite: (user: string, days?: number) =>
      invite({ dir, user, clock, random, ...(days === undefined ? {} : { days }) }),
  };
}

export const newMachine = (t: TestContext) => openIdentity(temporaryFolder(t));
