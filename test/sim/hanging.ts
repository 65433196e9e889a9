/** A world that goes round in a circle for good, for the test of watch-over.ts: `node hanging.ts promise|sleep`. */
import { tellOnDemand, WatchOver } from './watch-over.ts';

const watch = new WatchOver({ workS: 1, wallS: 60 });
tellOnDemand(() => 'it is five past twelve in the world');
watch.begin('a story');
// The thread has heard of it by its first look.
if (process.argv[2] === 'promise') for (;;) await Promise.resolve();
await new Promise((resolve) => setTimeout(resolve, 2500));
watch.end();
console.log('played to the end');
