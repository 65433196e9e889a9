/** A child process that runs a module of ours and talks in messages (structured clone). It ends when its parent does. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Child<In, Out> {
  readonly pid: number | undefined;
  send(message: In): void;
  /** Asks it to end, by closing the line; resolves when it has. Whatever becomes of us, it does not outlive us. */
  end(): Promise<void>;
  /** Set by whoever started it, in the same turn. */
  onMessage: (message: Out) => void;
  /** Called once, when the process is gone for whatever reason. */
  onExit: (how: string) => void;
}

/** Starts `module`. What it writes to its outputs goes to ours. */
export function startChild<In, Out>(module: URL): Child<In, Out> {
  const child = fork(fileURLToPath(module), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A debugger's or coverage's flags are not for it.
    execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect') && !flag.startsWith('--test')),
    // The agent has no console: Windows would open a window for the child, and who closes that ends it.
    windowsHide: true,
  });
  let gone = false;
  let ended: () => void = () => undefined;
  const exit = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const started: Child<In, Out> = {
    pid: child.pid,
    send: (message) => {
      if (!gone && child.connected) child.send(message as object, () => undefined);
    },
    end: () => {
      if (child.connected) child.disconnect();
      return exit;
    },
    onMessage: () => undefined,
    onExit: () => undefined,
  };
  // One that hangs hears of no closed line.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const leave = (how: string): void => {
    if (gone) return;
    gone = true;
    process.off('exit', kill);
    ended();
    started.onExit(how);
  };
  child.on('message', (message) => started.onMessage(message as Out));
  child.on('error', (error) => leave(error.message));
  child.on('exit', (code, signal) => leave(signal ?? `exit code ${code}`));
  return started;
}

export interface Parent<In, Out> {
  send(message: Out): void;
  onMessage(receive: (message: In) => void): void;
  /** The parent has closed the line or is gone. */
  onGone(run: () => void): void;
  /** Ends this process at once. */
  exit(): never;
}

/** The other end, in the child. */
export function parentProcess<In, Out>(): Parent<In, Out> {
  // Ctrl-C in a terminal goes to the whole group; the parent ends us when it is done.
  process.on('SIGINT', () => undefined);
  return {
    send: (message) => {
      if (process.connected) process.send?.(message as object, undefined, undefined, () => undefined);
    },
    onMessage: (receive) => void process.on('message', (message) => receive(message as In)),
    onGone: (run) => void process.on('disconnect', run),
    exit: () => process.exit(0),
  };
}
