import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { problemLines } from '../problem-lines.ts';
import { amount, count, inkFor, plain } from '../text.ts';

export const status = command('status', 'say how a sync copy stands')
  .argument(...FOLDER)
  .action(calls({ method: 'status', params: (folder?: string) => ({ folder: fromHere(folder) }), text }));

const STATES: Record<Result<'status'>['state'], string> = {
  online: 'online',
  offline: 'offline (you took it offline; `tieout online` ends that)',
  syncing: 'syncing',
  unreachable: 'the hub is out of reach; work on, it is sent later',
};

function text({ file, folder, state, pending, conflicts, problems, safe }: Result<'status'>): string {
  const ink = inkFor(process.stdout);
  return [
    `${ink.bold(plain(file.name))}  ${plain(folder)}`,
    `State      ${STATES[state]}`,
    `To send    ${amount(pending.out)}`,
    `To receive ${amount(pending.in)}`,
    safe ? ink.green('The hub has everything that was done here.') : 'The hub does not have everything from here yet.',
    conflicts > 0 && ink.yellow(`${count(conflicts, 'conflict')}: see \`tieout conflicts\`.`),
    ...problemLines(problems, ink),
  ]
    .filter(Boolean)
    .join('\n');
}
