/** A program like `tieout agent`, with the fake service: for tests that need an agent in a process of its own. */
import { startApi } from '../../src/agent/api.ts';
import { defaultHome } from '../../src/platform/home.ts';
import { ALREADY_RUNS, holdHome } from '../../src/platform/process.ts';
import { fakeService } from './fake-service.ts';

const clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

if (process.env.FAKE_AGENT_FAILS) {
  console.error('The sky is falling.');
  process.exit(3);
}
const home = await holdHome(defaultHome()).catch(() => process.exit(ALREADY_RUNS));
const service = fakeService({
  stop: async () => {
    setImmediate(() => api.close().then(home.release));
    return { stopped: true };
  },
});
const version = process.env.FAKE_AGENT_VERSION;
const api = await startApi({ home, service, clock, ...(version !== undefined && { version }) });
console.log('serving');
