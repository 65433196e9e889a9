/** This machine and its agent. */
import type { Service } from '../../sdk/contract.ts';
import type { Agent } from '../agent.ts';
import { diagnose } from '../diagnosis.ts';
import { enrol } from '../enrolment.ts';
import { iso } from './time.ts';

export function machineMethods(agent: Agent, stop: () => void): Pick<Service, 'join' | 'doctor' | 'stop' | 'watch'> {
  return {
    async join({ invitation, device = agent.options.host }) {
      const joined = await enrol({ invitation, identity: agent.options.identity, deviceName: device });
      agent.hub(joined.office).wake();
      return { hub: joined.urls[0] ?? '', user: joined.user, device: joined.deviceName };
    },

    async doctor({ folder }, { progress, signal }) {
      const checks = await diagnose(agent, folder, (text) => progress({ text }), signal);
      return { ok: checks.every(({ state }) => state !== 'failed'), checks };
    },

    async stop() {
      stop();
      return { stopped: true };
    },

    async watch({ folder }, { progress, signal }) {
      const only = folder === undefined ? undefined : agent.copyAt(folder);
      const end = agent.watch(({ copy, ...event }) => {
        if (only && copy !== only) return;
        const file = { id: copy.facts.file, name: copy.facts.name };
        progress({ ...event, at: iso(agent.options.clock.now()), file, copy: copy.facts.copy });
      });
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      end();
      return {};
    },
  };
}
