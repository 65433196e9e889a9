#!/usr/bin/env node
// The launcher of `tieout`: any Node from 20 on runs it, and it starts the Node that the project pins (about 0.1 s).
// In a checkout it runs src/ as it is; an installed package has only dist/, because Node strips no types below
// node_modules.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const source = join(root, 'src', 'cli', 'main.ts');
const main = existsSync(source) ? source : join(root, 'dist', 'cli', 'main.js');
const node = pinnedNode();
// Compiled code is kept beside the packages: a command starts in half the time. Where that cannot be written, it is not.
const cache = process.env.NODE_COMPILE_CACHE || join(root, 'node_modules', '.cache', 'tieout');

if (node === undefined) {
  console.error(
    `tieout: no Node 26 for ${process.platform}-${process.arch}. It comes as an optional dependency of the package\n` +
      '(Linux and macOS on x64 and arm64, Windows on x64): install again without --omit=optional,\n' +
      'or run tieout with a Node 26 of your own.',
  );
  process.exit(1);
} else if (realpathSync(node) === realpathSync(process.execPath)) {
  // This is the one already (npm scripts, npx): no second process.
  process.env.NODE_COMPILE_CACHE = cache;
  module.enableCompileCache?.(cache);
  await import(pathToFileURL(main).href);
} else {
  start();
}

function start() {
  // The channel says nothing; when it closes, the child knows that the launcher was killed and ends too
  // (src/cli/launched.ts).
  const child = spawn(node, [main, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
    windowsHide: true,
  });
  // Who signals only the launcher means the command. From a terminal, Ctrl-C reaches both, and the child counts a signal
  // that comes twice once. On Windows it always does, and "sending" a signal there would end the child at once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK']) {
    process.on(signal, () => process.platform !== 'win32' && child.kill(signal));
  }
  child.on('error', (error) => {
    console.error(`tieout: ${node} does not start: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function pinnedNode() {
  const require = createRequire(join(root, 'package.json'));
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const name of [
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ]) {
    try {
      const path = join(dirname(require.resolve(`${name}/package.json`)), 'bin', file);
      if (existsSync(path)) return path;
    } catch {
      // Not this one.
    }
  }
  return Number.parseInt(process.versions.node, 10) >= 26 ? process.execPath : undefined;
}
