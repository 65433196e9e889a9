/** Why a connection could not be made, told so that a person can act on it. */
import { ProblemError } from '../core/problem.ts';

/**
 * unreachable: try again later. untrusted: whoever answers there is not whom we look for, nothing was said to it.
 * refused: it is the right one, and does not let us in.
 */
export type LinkFailureKind = 'unreachable' | 'untrusted' | 'refused' | 'cancelled';

export class LinkError extends ProblemError {
  override name = 'LinkError';
  readonly kind: LinkFailureKind;

  constructor(kind: LinkFailureKind, text: string, cause?: unknown) {
    super({ code: `link-${kind}`, text, remedy: REMEDY[kind] }, { cause });
    this.kind = kind;
  }
}

const REMEDY: Readonly<Record<LinkFailureKind, string>> = {
  unreachable: 'Check the network and that the hub runs; Tieout goes on trying.',
  untrusted: 'Ask for a new invitation if the hub was set up anew, and check the clock of this computer.',
  refused: 'Ask whoever runs the hub.',
  cancelled: 'Nothing.',
};

/** What TLS says when the other side's certificate, and not the network, is at fault. */
const CERTIFICATE_CODES = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|SIGNATURE/;

export function asLinkError(error: unknown, place: string): LinkError {
  if (error instanceof LinkError) return error;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  // Several addresses behind one name, none of which answered.
  const why = error instanceof AggregateError ? error.errors.map((one) => String(one?.message)).join('; ') : message;
  return CERTIFICATE_CODES.test(code)
    ? new LinkError('untrusted', `${place} does not prove that it belongs to this office (${why}).`, error)
    : new LinkError('unreachable', `${place} cannot be reached (${why}).`, error);
}
