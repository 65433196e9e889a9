import { command } from '../command.ts';
import { invite } from './hub-invite.ts';
import { start } from './hub-start.ts';

export const hub = command('hub', 'run the office server, and invite people to it')
  .addCommand(start)
  .addCommand(invite);
