/**
 * Ends this process as suddenly as its launcher (bin/tieout.js) was ended: who kills the process that they started
 * means the command, and a hub or an agent left behind would hold its port and its folder.
 */
export function endWithLauncher(): void {
  if (process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // The listener must not keep a finished command alive.
  process.channel?.unref();
}
