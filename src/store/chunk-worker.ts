/** What a worker thread for chunks starts with. */
import { realFileBytes } from '../platform/file-bytes.ts';
import { serveTasks } from '../platform/workers.ts';
import { chunkTasks } from './chunk-tasks.ts';

serveTasks(chunkTasks(realFileBytes));
