/** What this program calls itself to its partners. */
export const VERSION = '0.1.0';
export const SOFTWARE = `tieout/${VERSION}`;
