import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { inkFor, plain } from '../text.ts';

export const doctor = command('doctor', 'check this machine, its copies and the way to the hub, and say what to do')
  .argument('[FOLDER]', "only the sync copy that this folder lies in (default: all of this machine's)")
  .action(
    calls({
      method: 'doctor',
      params: (folder?: string) => ({ folder: folder === undefined ? undefined : fromHere(folder) }),
      text: ({ checks }) => checks.map(line).join('\n'),
      failed: ({ ok }) => !ok,
    }),
  );

function line({ name, state, text, remedy }: Result<'doctor'>['checks'][number]): string {
  const ink = inkFor(process.stdout);
  const sign = { ok: ink.green('✓'), warning: ink.yellow('!'), failed: ink.red('✗') }[state];
  const first = `${sign} ${ink.bold(plain(name))}  ${plain(text)}`;
  return remedy === null ? first : `${first}\n    ${plain(remedy)}`;
}
