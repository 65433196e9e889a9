import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command, DOC } from '../command.ts';
import { table } from '../table.ts';
import { size, time } from '../text.ts';

export type Version = Result<'versions'>[number];

export const versions = command('versions', 'list the versions of a document, newest first')
  .argument(...DOC)
  .action(
    calls({
      method: 'versions',
      params: (document: string) => ({ document: fromHere(document) }),
      text: versionTable,
    }),
  );

export function versionTable(versions: readonly Version[]): string {
  return table(
    ['Version', 'At', 'By', 'Size', ''],
    versions.map((version) => [
      version.id,
      time(version.at),
      [version.by, ...version.alsoBy].join(', '),
      size(version.size),
      marks(version),
    ]),
    'This document has no versions.',
  );
}

function marks({ current, conflict, here }: Version): string {
  return [current && 'current', conflict && 'conflict', !here && 'not on this machine'].filter(Boolean).join(', ');
}
