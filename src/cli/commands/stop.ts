import { defaultHome } from '../../platform/home.ts';
import { agentEnded, holdingAgent } from '../../platform/process.ts';
import { connect } from '../../sdk/client.ts';
import { TieoutError } from '../../sdk/failure.ts';
import { command } from '../command.ts';
import { printJson, printText } from '../report.ts';

/** The agent ends its sessions and its databases first; a large commit may be on its way. */
const END_MS = 30_000;

export const stop = command('stop', 'end the agent; the next command starts it again').action(
  async ({ json }: { json?: true }) => {
    const stopped = await end(defaultHome());
    if (json) printJson({ stopped });
    else printText(stopped ? 'The agent has ended.' : 'No agent was running.');
  },
);

/** False if none ran. */
async function end(home: string): Promise<boolean> {
  const agent = await holdingAgent(home);
  if (agent === undefined) return false;
  await connect(agent).call('stop', {});
  if (await agentEnded(home, END_MS)) return true;
  throw new TieoutError({
    code: 'agent-does-not-end',
    text: `The agent (process ${agent.pid}) was told to end and still runs.`,
    why: '',
    remedy: 'Wait a moment and try again; if it stays, end the process. Nothing that was committed is lost by that.',
  });
}
