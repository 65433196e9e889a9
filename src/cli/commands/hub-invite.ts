import { fromHere } from '../../platform/home.ts';
import { command } from '../command.ts';
import { printJson, printText } from '../report.ts';
import { plain } from '../text.ts';

export const invite = command('invite', 'make an invitation for a user; it works once')
  .argument('<USER>', 'whom to invite')
  .requiredOption('--dir <DIR>', "the hub's folder; the hub may run meanwhile")
  .action(async (user: string, { dir, json }: { dir: string; json?: true }) => {
    const { inviteUser } = await import('../../hub/main.ts');
    const { invitation } = await inviteUser({ dir: fromHere(dir), user });
    if (json) printJson({ invitation });
    else printText(`${invitation}\n\nOn ${plain(user)}'s machine: tieout join '${invitation}'`);
  });
