import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { table } from '../table.ts';
import { time } from '../text.ts';

export const users = command('users', 'show who works on a file: connected now or last seen, and what they have open')
  .argument(...FOLDER)
  .action(
    calls({
      method: 'users',
      params: (folder?: string) => ({ folder: fromHere(folder) }),
      text: (users) =>
        table(
          ['User', 'Machine', 'Copy', 'State', 'Last seen', 'Has open'],
          users.map(({ user, device, copy, state, lastSeen, open }) => [
            user,
            device,
            copy.slice(0, 8),
            state,
            lastSeen === null ? 'never' : time(lastSeen),
            open.join(', '),
          ]),
          'Nobody has a copy of this file.',
        ),
    }),
  );
