/** Enrolment, the hub's side: judges what a stranger sends and turns an invitation into a certificate, once. */
import { createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { fromHex, sha256 } from '../core/bytes.ts';
import { asName } from '../core/name.ts';
import { deviceOf, spkiOf, verifyBytes } from '../platform/certificates.ts';
import type { Answer, Question } from '../platform/listen.ts';
import type { Clock } from '../platform/ports.ts';
import {
  ENROL_PATH,
  type EnrolAnswer,
  type EnrolRefusal,
  type EnrolRequest,
  encodeAnswer,
  enrolProof,
  enrolRequest,
} from '../protocol/enrolment.ts';
import type { Authority } from './authority.ts';
import type { Roster } from './roster.ts';
import { throttle } from './throttle.ts';

export interface EnrolmentOptions {
  readonly authority: Authority;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly log: (text: string) => void;
}

/** 128 bits are not guessed at any rate; this keeps those who try off the hub's time. */
const TRIES = { tries: 20, withinMs: 10 * 60_000 };
/** Compared with where no invitation was found, so that both take the same time. */
const NO_SECRET = new Uint8Array(32);

type Refused = { readonly refused: EnrolRefusal };

/** Answers for `listen`'s `onRequest`. */
export function enrolment(options: EnrolmentOptions): (question: Question) => Promise<Answer> {
  const { clock, log } = options;
  const tries = throttle(TRIES);
  return async ({ method, path, body, from }) => {
    if (method !== 'POST' || path !== ENROL_PATH) return { status: 404, body: {} };
    if (tries.blocked(from, clock.monotonic())) return refusal('too-many-tries');
    const request = parse(body);
    const result = 'refused' in request ? request : await enrol(request, options);
    if ('refused' in result) {
      if (result.refused === 'unknown' || result.refused === 'malformed') tries.wrong(from, clock.monotonic());
      log(`an enrolment from ${from} was refused: ${result.refused}`);
      return refusal(result.refused);
    }
    log(`${result.user} (${result.deviceName}) enrolled from ${from}`);
    return { status: 200, body: encodeAnswer(result) };
  };
}

type Asked = EnrolRequest & { readonly publicKey: KeyObject; readonly device: string };

/** The request, if it is one and its sender has the key that it names. */
function parse(body: string): Asked | Refused {
  try {
    const request = enrolRequest.parse(JSON.parse(body));
    const deviceName = asName(request.deviceName);
    const publicKey = createPublicKey({ key: Buffer.from(request.key), format: 'der', type: 'spki' });
    const spki = spkiOf(publicKey);
    if (deviceName === undefined || spki === undefined) return { refused: 'malformed' };
    return { ...request, deviceName, publicKey, device: deviceOf(spki) };
  } catch {
    return { refused: 'malformed' };
  }
}

async function enrol(asked: Asked, { authority, roster, clock }: EnrolmentOptions): Promise<EnrolAnswer | Refused> {
  const { invitation, secret, publicKey, device, deviceName } = asked;
  const hash = roster.secretHash(invitation);
  const known = timingSafeEqual(fromHex(sha256(secret)), hash ?? NO_SECRET);
  if (!known || hash === undefined) return { refused: 'unknown' };
  if (!verifyBytes(publicKey, enrolProof(authority.office, invitation, asked.key), asked.proof)) {
    return { refused: 'malformed' };
  }
  const open = roster.invitation(invitation, device, clock.now());
  if ('refused' in open) return open;
  // RACE: two machines may be here with one invitation. Each gets a certificate made; `enrol` keeps one of them, and
  // the other's leaves this function with nobody.
  const { user } = open;
  const leaf = open.leaf ?? (await authority.issue({ publicKey, user, deviceName }, clock.now()));
  const kept = roster.enrol(invitation, { id: device, name: deviceName, leaf }, clock.now());
  if ('refused' in kept) return kept;
  const urls = [...(roster.served()?.urls ?? [])];
  return { user, deviceName, chain: [kept.leaf ?? leaf, authority.certificate], urls };
}

function refusal(refused: EnrolRefusal): Answer {
  return { status: refused === 'too-many-tries' ? 429 : 403, body: { refused } };
}
