/** All that the local API offers, put together from its nouns. */
import type { Service } from '../../sdk/contract.ts';
import type { Agent } from '../agent.ts';
import { conflictMethods } from './conflicts.ts';
import { documentMethods } from './documents.ts';
import { fileMethods } from './files.ts';
import { historyMethods } from './history.ts';
import { machineMethods } from './machine.ts';
import { settingsMethods } from './settings.ts';

/** `stop` ends the agent, after the answer is out. */
export function serviceOf(agent: Agent, stop: () => void): Service {
  return {
    ...machineMethods(agent, stop),
    ...fileMethods(agent),
    ...documentMethods(agent),
    ...conflictMethods(agent),
    ...historyMethods(agent),
    ...settingsMethods(agent),
  };
}
