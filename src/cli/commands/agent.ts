import { keepAgentLogSmall } from '../../platform/agent-log.ts';
import { defaultHome } from '../../platform/home.ts';
import { ALREADY_RUNS } from '../../platform/process.ts';
import { command } from '../command.ts';
import { interruption } from '../interruption.ts';

export const agent = command('agent', 'run the agent in the foreground, until Ctrl-C or `tieout stop`').action(
  async () => {
    const home = defaultHome();
    const background = process.env.TIEOUT_BACKGROUND === '1';
    if (background) keepAgentLogSmall(home);
    const signal = interruption();
    const { runAgent } = await import('../../agent/main.ts');
    try {
      await runAgent({ home, signal });
    } catch (error) {
      // Started in the background by two commands at once: whoever started this one takes the other.
      if (background && isBusy(error)) process.exitCode = ALREADY_RUNS;
      else throw error;
    }
  },
);

function isBusy(error: unknown): boolean {
  return (error as { problem?: { code?: unknown } }).problem?.code === 'agent-runs-already';
}
