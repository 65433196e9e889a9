/** A row as it is named on the command line: by its key columns, as JSON. */
import type { Request } from '../sdk/contract.ts';
import { usage } from './report.ts';

type Key = NonNullable<Request<'undo'>['key']>;

/** On Windows most shells take away quotes that have no backslash before them; some leave the backslash. */
const example = (windows: boolean) =>
  windows ? `"{\\"no\\":4010}" in cmd.exe, '{\\"no\\":4010}' in PowerShell` : `'{"no":4010}'`;

/** Ends with a usage error when it is no JSON object. */
export function rowKey(json: string, windows = process.platform === 'win32'): Key {
  for (const text of [json, json.replaceAll('\\"', '"')]) {
    try {
      const key: unknown = JSON.parse(text);
      if (typeof key === 'object' && key !== null && !Array.isArray(key)) return key as Key;
    } catch {}
  }
  throw usage(`--key ${json} is not a JSON object.`, `Write the key columns with their values: ${example(windows)}.`);
}
