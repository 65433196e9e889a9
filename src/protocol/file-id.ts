/**
 * A file's id is derived from the device and the copy that publish it: so a hub that lost its list can tell the
 * publisher of a file from somebody who only knows its id.
 */
import { sha256 } from '../core/bytes.ts';
import type { FileId } from '../core/change.ts';
import type { CopyId } from '../core/vector.ts';

/** `device`: as certificates name it, 64 hex characters. */
export function publishedId(device: string, copy: CopyId): FileId {
  return sha256(Buffer.from(`tieout file 1\n${device}\n${copy}`)).slice(0, 32);
}
