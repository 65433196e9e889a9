/** Enrolment, the machine's side: from an invitation to a membership. The secret is said to the inviting office only. */
import { asName } from '../core/name.ts';
import { ProblemError } from '../core/problem.ts';
import { fingerprint, signBytes, verifyChain } from '../platform/certificates.ts';
import { firstOf } from '../platform/first-of.ts';
import { LinkError } from '../platform/link-failure.ts';
import { post } from '../platform/post.ts';
import { officeShownAt } from '../platform/tls.ts';
import {
  ENROL_PATH,
  type EnrolAnswer,
  type EnrolRefusal,
  encodeRequest,
  enrolAnswer,
  enrolProof,
  enrolRefused,
} from '../protocol/enrolment.ts';
import { asHubUrl, type Invitation, readInvitation } from '../protocol/invitation.ts';
import type { MachineIdentity, Membership } from './identity.ts';

export interface EnrolOptions {
  /** As it was pasted. */
  readonly invitation: string;
  readonly identity: MachineIdentity;
  /** What people call this machine. */
  readonly deviceName: string;
  readonly timeoutMs?: number;
}

/** Joins the office; the membership is on disk when this resolves. Asking again is harmless. Throws `ProblemError`. */
export async function enrol(options: EnrolOptions): Promise<Membership> {
  const { identity, timeoutMs = 10_000 } = options;
  // A computer's own name may be anything.
  const deviceName = asName(options.deviceName) ?? 'computer';
  const invitation = readInvitation(options.invitation);
  if ('unreadable' in invitation) throw unreadable(invitation.unreadable);
  const { url, certificate } = await findOffice(invitation, timeoutMs);
  const { office, id, secret } = invitation;
  const key = identity.publicKey;
  const proof = signBytes(identity.key, enrolProof(office, id, key));
  const body = encodeRequest({ invitation: id, secret, key, proof, deviceName });
  const answer = await post(ENROL_PATH, body, { url, office: certificate, timeoutMs });
  const membership = judge(answer, invitation, identity);
  await identity.join(membership);
  return membership;
}

/** Which address leads to the office of the invitation, and its certificate. Nothing is said to anyone yet. */
function findOffice({ urls, office }: Invitation, timeoutMs: number) {
  return firstOf({
    urls,
    discard: () => {},
    async attempt(url, signal) {
      const shown = await officeShownAt({ url, timeoutMs, signal });
      const certificate = shown.find((der) => fingerprint(der) === office);
      if (certificate === undefined) throw new LinkError('untrusted', `${url} is not the office of this invitation.`);
      return { url, certificate };
    },
  });
}

function judge(
  { status, body }: { status: number; body: string },
  { office, urls }: Invitation,
  identity: MachineIdentity,
): Membership {
  const refused = tryParse(enrolRefused, body);
  if (refused !== undefined) throw refusal(refused.refused);
  const answer = tryParse<EnrolAnswer>(enrolAnswer, body);
  const proved = answer && verifyChain(answer.chain, office);
  const ours = proved !== undefined && !('distrust' in proved) && proved.device === identity.device;
  if (!ours) {
    throw new ProblemError({
      code: 'enrolment-failed',
      text: `The hub did not give this machine a certificate (status ${status}).`,
      remedy: 'Check that hub and machine run the same version of Tieout.',
    });
  }
  const now = answer!.urls.flatMap((url) => asHubUrl(url) ?? []);
  return {
    office,
    user: proved.user,
    deviceName: proved.deviceName,
    chain: answer!.chain,
    // The hub may have moved since the invitation was written; either may be right from where we are.
    urls: [...new Set([...now, ...urls])],
  };
}

function tryParse<T>(schema: { safeParse(value: unknown): { data?: T | undefined } }, body: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

const REFUSALS: Readonly<Record<EnrolRefusal, readonly [text: string, remedy: string]>> = {
  malformed: ['The hub did not understand the request', 'Check that both run the same version of Tieout'],
  unknown: ['The hub does not know this invitation', 'Ask for a new one'],
  used: ['This invitation was used already, and works once', 'Ask for a new one'],
  expired: ['This invitation has expired', 'Ask for a new one'],
  'other-user': [
    'This machine is enrolled with this hub for another user',
    'Use a TIEOUT_HOME of its own for the second user',
  ],
  'too-many-tries': ['The hub takes no more tries from this address for a while', 'Wait ten minutes'],
};

function refusal(refused: EnrolRefusal): ProblemError {
  const [text, remedy] = REFUSALS[refused];
  return new ProblemError({ code: `invitation-${refused}`, text: `${text}.`, remedy: `${remedy}.` });
}

function unreadable(why: string): ProblemError {
  const text = `${why[0]!.toUpperCase()}${why.slice(1)}.`;
  return new ProblemError({ code: 'invitation-unreadable', text, remedy: 'Paste the whole string, as you got it.' });
}
