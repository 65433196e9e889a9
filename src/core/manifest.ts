/**
 * What a snapshot contains: every document and database of the file with the chunks of its content, and pure state.
 * Made by publish for the first time. Chunked and compressed like any content, so its own form stays plain.
 */
import { databaseId } from './body.ts';
import { type Part, partsCodec } from './change.ts';
import {
  bool,
  type Carried,
  type Codec,
  decode,
  encode,
  hex,
  list,
  MalformedError,
  optional,
  struct,
  text,
  varint,
} from './codec.ts';
import { documentContent } from './content.ts';
import { foldPath, MAX_PATH_BYTES, pathFault } from './paths.ts';
import { MAX_COPIES, vectorCodec } from './vector.ts';

/** Twenty times the 50,000 that are measured; a bound on what a manifest can make a new copy hold. */
const MAX_DOCUMENTS = 1_000_000;
/** Every database has a connection and triggers: thousands of them are no engagement file. */
const MAX_DATABASES = 4096;
/** Tables with their settings, as JSON. */
const MAX_SETTINGS = 4 * 1024 * 1024;
/** SQLite's own limits. */
const MAX_PAGE = 65_536;

/** A path that is fit for every system; anything else is malformed. */
export const documentPath: Codec<string> = {
  schema: `path<=${MAX_PATH_BYTES}`,
  write: (to, path) => to.text(path),
  read: (from) => {
    const path = from.text(MAX_PATH_BYTES);
    const fault = pathFault(path);
    if (fault) throw new MalformedError(`a path that no document can have: ${fault.text}`);
    return path;
  },
};

const manifestDocument = struct({ path: documentPath, content: documentContent, registered: bool });

const manifestDatabase = struct({
  path: documentPath,
  id: databaseId,
  /** JSON: tables, keys, what is left out. */
  settings: text(MAX_SETTINGS),
  /** A consistent copy of the database, as a plain SQLite file. */
  content: documentContent,
  pageSize: varint(MAX_PAGE),
});

const FORMAT = 1;
const documents = list(manifestDocument, MAX_DOCUMENTS);
const databases = list(manifestDatabase, MAX_DATABASES);

export type ManifestDocument = Carried<typeof manifestDocument>;
export type ManifestDatabase = Carried<typeof manifestDatabase>;

export type Manifest = {
  readonly documents: readonly ManifestDocument[];
  readonly databases: readonly ManifestDatabase[];
};

export const manifest: Codec<Manifest> = {
  schema: `manifest${FORMAT}{${documents.schema},${databases.schema}}`,
  write: (to, value) => {
    to.byte(FORMAT);
    documents.write(to, value.documents);
    databases.write(to, value.databases);
  },
  read: (from) => {
    const format = from.byte();
    if (format !== FORMAT) throw new MalformedError(`a manifest of the unknown format ${format}`);
    const value = { documents: documents.read(from), databases: databases.read(from) };
    refuseCollisions(value);
    return value;
  },
};

export function encodeManifest(value: Manifest): Uint8Array {
  return encode(manifest, value);
}

export function decodeManifest(bytes: Uint8Array): Manifest {
  return decode(manifest, bytes);
}

/** A base is on somebody's disk, so no two things can have one path, and nothing can lie in a document. */
function refuseCollisions({ documents, databases }: Manifest): void {
  const taken = new Set<string>();
  for (const { path } of [...documents, ...databases]) {
    const folded = foldPath(path);
    if (taken.has(folded)) throw new MalformedError(`two things at ${path}`);
    taken.add(folded);
  }
  for (const folded of taken) {
    for (let at = folded.indexOf('/'); at >= 0; at = folded.indexOf('/', at + 1)) {
      if (taken.has(folded.slice(0, at))) throw new MalformedError(`${folded} lies in a document`);
    }
  }
}

/** What a snapshot says of itself. The signature over these bytes lies beside them. */
export const snapshotRecord = struct({
  format: varint(255),
  file: hex(16),
  vector: vectorCodec,
  /** The hash of the last change of each copy in the vector. */
  last: list(struct({ copy: hex(16), hash: hex(32) }), MAX_COPIES),
  /** Of the pure state at the vector; null while there is no change. */
  digest: optional(hex(32)),
  /** The chunks of the encoded manifest. */
  manifest: partsCodec,
  /** sha256 of the encoded manifest. */
  manifestHash: hex(32),
  /** For lists: what a copy of this takes. */
  documents: varint(MAX_DOCUMENTS),
  databases: varint(MAX_DATABASES),
  bytes: varint(),
  /** The copy that made it. */
  maker: hex(16),
});

export type SnapshotRecord = Carried<typeof snapshotRecord>;
export type { Part };
