/** A row as it is named on the command line: by its key columns, as JSON. */
import type { Request } from '../sdk/contract.ts';
import { usage } from './report.ts';

type Key = NonNullable<Request<'undo'>['key']>;

/** Ends with a usage error when it is no JSON object. */
export function rowKey(json: string): Key {
  try {
    const key: unknown = JSON.parse(json);
    if (typeof key === 'object' && key !== null && !Array.isArray(key)) return key as Key;
  } catch {}
  throw usage(`--key ${json} is not a JSON object.`, 'Write the key columns with their values: \'{"no":4010}\'.');
}
