/** The thread of watch-over.ts. */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import type { WatchRequest } from './watch-over.ts';

const LOOK_MS = 1000;
/** Then it stands outside of JavaScript, and nothing can be asked. */
const ANSWER_MS = 5000;

let watched: (NonNullable<WatchRequest> & { readonly since: number }) | null = null;
let looks = 0;

parentPort?.on('message', (request: WatchRequest) => {
  watched = request && { ...request, since: workSeconds() };
  looks = 0;
});

setInterval(() => {
  if (watched === null) return;
  looks += 1;
  const { name, limits, since } = watched;
  const work = workSeconds() - since;
  if (work < limits.workS && (looks * LOOK_MS) / 1000 < limits.wallS) return;
  watched = null;
  tell(`\n==== ${name} hangs: ${work.toFixed(0)} s of work, ${looks} s in all`);
  ask();
}, LOOK_MS);

function ask(): void {
  const session = new Session();
  session.connectToMainThread();
  const scripts = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    for (const { functionName, location } of params.callFrames.slice(0, 25)) {
      const url = scripts.get(location.scriptId) ?? '';
      tell(`  at ${functionName || '(nameless)'} ${url.replace(/.*\/(src|test)\//, '$1/')}:${location.lineNumber + 1}`);
    }
    const frame = params.callFrames[0]?.callFrameId ?? '';
    const expression = `globalThis[${JSON.stringify(workerData)}]?.() ?? 'no world'`;
    session.post('Debugger.evaluateOnCallFrame', { callFrameId: frame, expression }, (error, answer) => {
      end(error ? `the world cannot be asked: ${error.message}` : String(answer.result.value));
    });
  });
  session.post('Debugger.enable', () => session.post('Debugger.pause'));
  setTimeout(() => end('  it stands outside of JavaScript'), ANSWER_MS);
}

function end(text: string): void {
  tell(text);
  process.kill(process.pid, 'SIGKILL');
}

function tell(text: string): void {
  writeSync(2, `${text}\n`);
}

function workSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
