/** The names of users and devices: what people read in lists and what certificates carry. */

/** X.520 allows a common name 64 characters. */
export const NAME_LENGTH = 64;

/** Control and format characters (bidi overrides, zero width), private use, unassigned, line ends. */
const UNFIT = /[\p{C}\p{Zl}\p{Zp}]/u;

/** `text` as a name (NFC, no blanks around it), or undefined if it cannot be one. */
export function asName(text: string): string | undefined {
  const name = text.normalize('NFC').trim();
  const fits = name.length > 0 && name.length <= NAME_LENGTH && name.isWellFormed() && !UNFIT.test(name);
  return fits ? name : undefined;
}
