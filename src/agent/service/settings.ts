/** What is set about the tables and columns of databases. */
import { stampMs } from '../../core/clock.ts';
import { ProblemError } from '../../core/problem.ts';
import type { Result, Service } from '../../sdk/contract.ts';
import type { Entry } from '../../store/registry.ts';
import type { Agent } from '../agent.ts';
import type { Copy } from '../copy.ts';
import { databaseNamed } from './conflicts.ts';
import { iso } from './time.ts';

export function settingsMethods(agent: Agent): Pick<Service, 'settings'> {
  return {
    async settings({ folder, database, changes }) {
      const copy = await agent.copyNamed(folder);
      const entries = database === undefined ? [...copy.registry.entries('database')] : [databaseNamed(copy, database)];
      if (changes !== undefined) {
        const [only, ...more] = entries;
        if (only === undefined || more.length > 0) throw whichDatabase(entries);
        await copy.databases.process.changeSettings(only.id, changes);
      }
      return Promise.all(entries.map((entry) => listed(copy, entry)));
    },
  };
}

async function listed(copy: Copy, { id, shown }: Entry): Promise<Result<'settings'>[number]> {
  const settings = await copy.databases.process.settings(id);
  return {
    database: shown,
    settings: settings.map(({ by, ...setting }) => ({
      ...setting,
      by: by === null ? null : copy.makerName(by.copy),
      at: by === null ? null : iso(stampMs(by.stamp)),
    })),
  };
}

function whichDatabase(entries: readonly Entry[]): ProblemError {
  const paths = entries.map(({ shown }) => shown).join(', ');
  return new ProblemError({
    code: 'which-database',
    text: entries.length === 0 ? 'There is no database in this file.' : `Which database is meant: ${paths}?`,
    remedy: 'Name one by its path within the file.',
  });
}
