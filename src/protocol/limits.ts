/** Every size on the wire, with its reason. A message beyond one of them ends the connection of whoever sent it. */

/** Protocol versions spoken here, newest first. */
export const VERSIONS = [4] as const;

/** One message: a batch of chunks with room for the largest single one. */
export const MAX_MESSAGE = 4 * 1024 * 1024;
/** A batch of changes or chunks is closed when it has grown to this, so that others get their turn. */
export const BATCH_BYTES = 512 * 1024;
export const MAX_BATCH = 4096;
/** A stored chunk: 256 KiB of content, its flag, and what an incompressible one may grow by. */
export const MAX_STORED_CHUNK = 256 * 1024 + 1024;
/** Changes in one message that we send: each takes some 70 us to verify, and others wait for the receiver meanwhile. */
export const CHANGES_AT_ONCE = 512;
/** Ids in one want, offer, need or kept. */
export const MAX_IDS = 4096;
/**
 * Messages with changes that are sent and not yet acknowledged, per file. Bounds what either side must hold, and while
 * they are under way small changes gather for the next one: the more a partner has to do, the more goes in one go.
 */
export const UNACKED_MESSAGES = 8;
/** Chunk bytes handed to a link that the network has not taken yet. */
export const BACKLOG_BYTES = 4 * 1024 * 1024;
/** Bytes queued for a partner that asks and does not read what it gets: the connection is ended. */
export const MAX_BACKLOG = 256 * 1024 * 1024;
/** Chunk ids asked for and not yet answered, per file; at 64 KiB each this is the window of a fast line. */
export const OUTSTANDING_WANTS = 512;
/** Wanted chunks that are not there yet and are promised for later, per file: 16 GiB in the making. */
export const MAX_AWAITED = 262_144;
/** Chunks that are said to be wrong in one message: whoever hears it unpacks each of them. */
export const MAX_WRONG = 64;
/** Files open over one link at the same time. */
export const MAX_CHANNELS = 65_536;
export const MAX_TEXT = 4096;
export const MAX_NAME = 255;
/** Parent files in one answer, of some 100 bytes each; the next question goes on after the last. Members of one file. */
export const MAX_FILES = 4096;
export const MAX_MEMBERS = 10_000;
/** A snapshot's record: its vector, hashes and the list of the manifest's parts. */
export const MAX_SNAPSHOT = 2 * 1024 * 1024;
