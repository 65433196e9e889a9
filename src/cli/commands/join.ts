import { calls } from '../call.ts';
import { command } from '../command.ts';
import { plain } from '../text.ts';

export const join = command('join', 'enrol this machine with an invitation of the hub')
  .argument('<INVITATION>', 'what `tieout hub invite` printed')
  .option('--device <NAME>', "what colleagues see this machine called (default: the computer's name)")
  .action(
    calls({
      method: 'join',
      params: (invitation: string, options: { device?: string }) => ({ invitation, device: options.device }),
      text: ({ hub, user, device }) => `This machine (${plain(device)}) now works for ${plain(user)} at ${plain(hub)}.`,
    }),
  );
