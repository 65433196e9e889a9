/**
 * What a copy says of a file that the hub does not know (it was brought back from a backup), proved by what the file's
 * publisher signed: the id is that of the publishing device and copy, and the log's first change, which only this
 * device can have signed for this id, says what the file is called and who may see it. So nobody takes over an id.
 */
import { body as bodyCodec, type RegistryOp } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import { type Header, signedBytes } from '../core/change.ts';
import { decode, MalformedError } from '../core/codec.ts';
import type { SnapshotRecord } from '../core/manifest.ts';
import { ProblemError } from '../core/problem.ts';
import { FILE } from '../core/registry.ts';
import { EMPTY } from '../core/vector.ts';
import { type Identity, verifyBytes, verifyChain } from '../platform/certificates.ts';
import { publishedId } from '../protocol/file-id.ts';
import { MAX_MEMBERS, MAX_NAME } from '../protocol/limits.ts';
import type { Question } from '../protocol/messages.ts';
import { openSnapshot } from '../store/snapshot.ts';

export type Restore = Extract<Question, { kind: 'restore' }>;

export interface ProvedFile {
  readonly file: string;
  readonly name: string;
  readonly owner: string;
  /** null: the whole office. */
  readonly members: readonly string[] | null;
  readonly snapshot: Uint8Array;
  readonly record: SnapshotRecord;
}

/** Throws a `ProblemError` where anything is not as its publisher signed it. */
export function proveFile({ file, record: snapshot, first }: Restore, office: string): ProvedFile {
  try {
    const publisher = provedPublisher(file, first, office);
    const { record, maker } = openSnapshot(snapshot, file, office);
    if (maker.device !== publisher.device || record.maker !== first.copy) {
      throw new MalformedError('its contents are listed by somebody else than its publisher');
    }
    return { file, owner: publisher.user, ...namesIn(first.body), snapshot, record };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ProblemError({
      code: 'unproved-file',
      text: `The hub does not know this file, and what was given back of it proves nothing: ${error.message}.`,
      remedy: 'Ask the owner of the file to publish it again.',
    });
  }
}

function provedPublisher(file: string, first: Restore['first'], office: string): Identity {
  const { copy, stamp, body, signature, chain } = first;
  const publisher = verifyChain(chain ?? [], office);
  if ('distrust' in publisher) throw new MalformedError(publisher.distrust);
  if (publishedId(publisher.device, copy) !== file) throw new MalformedError('its id is not that of its publisher');
  const header: Header = { copy, seq: 1, deps: EMPTY, stamp, body: sha256(body), size: body.byteLength, chain };
  const signed = signedBytes(file, header, () => undefined);
  if (!verifyBytes(publisher.publicKey, signed, signature)) throw new MalformedError('its first change is not signed');
  return publisher;
}

/** What the first change calls the file, and who it lets see it. */
function namesIn(bytes: Uint8Array): Pick<ProvedFile, 'name' | 'members'> {
  const body = decode(bodyCodec, bytes);
  const ops: readonly RegistryOp[] = body.kind === 'registry' ? body.ops : [];
  const made = ops.find((op) => op.kind === 'set' && op.table === FILE);
  const cells = new Map(made?.kind === 'set' ? made.cells.map(({ column, value }) => [column, value]) : []);
  const [name, access] = [cells.get('name'), cells.get('access')];
  if (typeof name !== 'string' || typeof access !== 'string' || Buffer.byteLength(name) > MAX_NAME) {
    throw new MalformedError('its first change does not name it');
  }
  return { name, members: access === 'office' ? null : membersIn(access) };
}

function membersIn(access: string): readonly string[] {
  const members: unknown = parsed(access);
  const isList = Array.isArray(members) && members.length <= MAX_MEMBERS;
  if (isList && members.every((one) => typeof one === 'string')) return members;
  throw new MalformedError('its first change does not say who may see it');
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
