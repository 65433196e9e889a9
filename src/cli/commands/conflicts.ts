import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { content, count, inkFor, plain, time } from '../text.ts';
import { accept } from './conflicts-accept.ts';

type Conflict = Result<'conflicts'>[number];

export const conflicts = command('conflicts', 'list what was changed by two people without knowledge of each other')
  .addCommand(accept)
  .argument(...FOLDER)
  .action(
    calls({
      method: 'conflicts',
      params: (folder?: string) => ({ folder: fromHere(folder) }),
      text: (conflicts) => {
        if (conflicts.length === 0) return 'There are no conflicts.';
        const hint =
          'Settle one with `tieout resolve CONFLICT --take CANDIDATE`, all as they are shown with `tieout conflicts accept`.';
        return [...conflicts.map(block), `${count(conflicts.length, 'conflict')}. ${hint}`].join('\n\n');
      },
    }),
  );

function block(conflict: Conflict): string {
  const ink = inkFor(process.stdout);
  return [
    `${ink.bold(place(conflict))}  ${plain(conflict.id)}`,
    ...(conflict.note === null ? [] : [`  ${plain(conflict.note)}`]),
    ...conflict.candidates.map(
      ({ id, value, by, at, shown }) =>
        `  ${shown ? '●' : '○'} ${content(value)}  ${plain(by)}${when(at)}${shown ? ', shown' : ''}  ${plain(id)}`,
    ),
  ].join('\n');
}

/** What is there since the publish was written by nobody. */
function when(at: string): string {
  return at.startsWith('1970-') ? '' : `, ${time(at)}`;
}

function place({ kind, path, database, table, key, column }: Conflict): string {
  const parts = [path, database, table, key && content(key), column].filter((part) => part !== null);
  return parts.length === 0 ? kind : parts.map(plain).join(' › ');
}
