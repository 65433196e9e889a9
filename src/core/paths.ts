/**
 * The check at the door for every path of a document or database: relative, '/'-separated, and possible on every
 * system, so that what one person saves everybody can have. A path comes from a manifest, the registry, the API or the
 * disk; none of them is believed.
 */

/** The hidden folder of a copy, and how our own unfinished files beside documents are called. */
export const SYNC_FOLDER = '.tieout';
const OWN_TEMP = /^\.~tieout-[0-9a-z-]+\.tmp$/;

/** ext4, APFS and NTFS allow 255 (bytes, or units that take at least one). */
export const MAX_PART_BYTES = 255;
/** With room for the folder the file lies in, below the 4,096 bytes of Linux. */
export const MAX_PATH_BYTES = 2048;

export type PathFault = {
  readonly code:
    | 'empty'
    | 'not-relative'
    | 'not-unicode'
    | 'control-character'
    | 'forbidden-character'
    | 'device-name'
    | 'trailing-dot-or-space'
    | 'too-long'
    | 'ours';
  /** Why, for a person: "the name holds ':' …". */
  readonly text: string;
};

const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?: *\.|$)/i;
const FORBIDDEN = /[<>:"|?*\\]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
/** What file systems or fonts leave out of a name: HFS+ finds `.tie\u200cout` under `.tieout`. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;

/** undefined: the path is fit for every system. */
export function pathFault(path: string): PathFault | undefined {
  if (path === '') return { code: 'empty', text: 'the name is empty' };
  if (path.startsWith('/')) return { code: 'not-relative', text: 'the path does not stay in the folder' };
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return { code: 'too-long', text: `the path is longer than ${MAX_PATH_BYTES} bytes` };
  }
  for (const part of path.split('/')) {
    const fault = partFault(part);
    if (fault) return fault;
  }
  return undefined;
}

function partFault(part: string): PathFault | undefined {
  if (part === '') return { code: 'empty', text: 'a part of the path is empty' };
  if (part === '.' || part === '..') {
    return { code: 'not-relative', text: 'the path does not stay in the folder' };
  }
  if (!part.isWellFormed() || part.includes('\ufffd')) {
    return { code: 'not-unicode', text: 'the name is not valid Unicode text' };
  }
  if (CONTROL.test(part)) return { code: 'control-character', text: 'the name holds a control character' };
  const forbidden = FORBIDDEN.exec(part);
  if (forbidden) {
    return { code: 'forbidden-character', text: `the name holds ${forbidden[0]}, which Windows does not allow` };
  }
  if (RESERVED.test(part)) return { code: 'device-name', text: 'Windows keeps this name for a device' };
  if (part.endsWith('.') || part.endsWith(' ')) {
    return { code: 'trailing-dot-or-space', text: 'the name ends with a dot or space, which Windows cuts off' };
  }
  if (Buffer.byteLength(part) > MAX_PART_BYTES) {
    return { code: 'too-long', text: `the name is longer than ${MAX_PART_BYTES} bytes` };
  }
  if (isOurs(part)) return { code: 'ours', text: `the name is one that Tieout uses itself` };
  return undefined;
}

/** The sync folder under whatever spelling reaches it, its Windows short name included; and our unfinished files. */
function isOurs(part: string): boolean {
  const bare = foldPath(part.replace(IGNORABLE, ''));
  return bare === SYNC_FOLDER || /^tieout~[0-9]+$/.test(bare) || OWN_TEMP.test(bare);
}

/** The name of an unfinished file of ours, for something that `key` (lower-case letters, digits, '-') tells apart. */
export function temporaryName(key: string): string {
  return `.~tieout-${key}.tmp`;
}

export function isOwnTemporary(name: string): boolean {
  return OWN_TEMP.test(name);
}

/**
 * What is one path on a disk that minds neither case nor normalisation: NFC and full case folding. Only compared and
 * hashed, never shown and never used to reach a file.
 */
export function foldPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  if (/^[\u0000-\u007f]*$/.test(path)) return path.toLowerCase();
  let folded = path;
  // Folding can undo the normal form and the other way round; it is stable after two rounds, in a few odd cases three.
  for (let round = 0; round < 4; round++) {
    const next = foldCase(folded.normalize('NFC')).normalize('NFC');
    if (next === folded) break;
    folded = next;
  }
  return folded;
}

/** Upper case brings together what lower case keeps apart (ß and SS, the two small sigmas); the dotless i stays. */
function foldCase(text: string): string {
  return text
    .split('ı')
    .map((piece) => piece.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ'))
    .join('ı');
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function within(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Is `path` in `folder` or below it? */
export function isBelow(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`);
}
