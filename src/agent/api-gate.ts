/**
 * Who is let in to the local API. Every program of this computer, and every web page in its browser, can reach the
 * port; only who can read TIEOUT_HOME knows the token. A page is told from a program by what the browser itself sets.
 */
import type { Context } from 'hono';
import { sameSecret } from '../platform/home.ts';
import { closed, type Refusal } from './api-failure.ts';

/** Where this API is, and what opens it. */
export interface Door {
  readonly url: string;
  readonly token: string;
}

/** Why a request is refused before anything is looked up for it; undefined lets it through. */
export function stranger(c: Context, door: Door): Refusal | undefined {
  const { host } = new URL(door.url);
  // A page whose name was made to point to 127.0.0.1 (DNS rebinding) still sends its own name.
  if (c.req.header('host') !== host) return closed(421, 'wrong-host', `It was not addressed to ${host}.`);
  const origin = c.req.header('origin');
  if (origin !== undefined && origin !== door.url) return closed(403, 'foreign-origin', 'It came from a web page.');
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return closed(403, 'foreign-origin', 'It came from a web page.');
  }
  return undefined;
}

/** Why a call is refused: for the form that it has, or for what it does not know. */
export function unwelcome(c: Context, door: Door): Refusal | undefined {
  // Anything else could be sent by a web form without asking first.
  const [type] = (c.req.header('content-type') ?? '').split(';');
  if (type!.trim().toLowerCase() !== 'application/json') {
    return closed(415, 'not-json', 'Its content type is not application/json.');
  }
  const shown = /^Bearer (\S{1,200})$/.exec(c.req.header('authorization') ?? '')?.[1];
  if (shown === undefined || !sameSecret(shown, door.token)) {
    return closed(401, 'wrong-token', 'It did not show the token of this agent.');
  }
  return undefined;
}
