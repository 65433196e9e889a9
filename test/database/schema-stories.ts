/** Stories that failed once, with what was wrong; played first. */
import type { Step } from './schema-convergence.test.ts';

export const STORIES: readonly (readonly [wrong: string, steps: string])[] = [
  [
    'a foreign key named a kept table by the name that it had before',
    '[{"kind":"run","copy":1,"edits":[{"kind":"update","x":4,"y":5},{"kind":"drop table","x":0,"y":3},{"kind":"drop index","x":5,"y":2}]},{"kind":"run","copy":0,"edits":[{"kind":"rename table","x":3,"y":7},{"kind":"rename table","x":4,"y":0},{"kind":"insert","x":0,"y":0}]}]',
  ],
  [
    'a reference was lost with the foreign key that somebody else took away',
    '[{"kind":"run","copy":1,"edits":[{"kind":"unique index","x":3,"y":1},{"kind":"create index","x":7,"y":6},{"kind":"insert","x":1,"y":9}]},{"kind":"run","copy":2,"edits":[{"kind":"update","x":3,"y":3},{"kind":"rename table","x":8,"y":9}]},{"kind":"run","copy":2,"edits":[{"kind":"rebuild","x":8,"y":7},{"kind":"update","x":9,"y":5}]}]',
  ],
  [
    'a change that altered a table and wrote to it did not keep it against a drop, where it came first',
    '[{"kind":"run","copy":1,"edits":[{"kind":"insert","x":1,"y":4},{"kind":"unique index","x":11,"y":0},{"kind":"create table","x":7,"y":0}]},{"kind":"run","copy":1,"edits":[{"kind":"insert","x":4,"y":4}]},{"kind":"run","copy":1,"edits":[{"kind":"create table","x":0,"y":3},{"kind":"drop table","x":11,"y":0},{"kind":"drop column","x":7,"y":4}]},{"kind":"run","copy":2,"edits":[{"kind":"drop table","x":3,"y":3},{"kind":"rebuild","x":6,"y":10}]}]',
  ],
  [
    'the reason why a row is withheld kept the name that its table had before',
    '[{"kind":"run","copy":2,"edits":[{"kind":"update","x":9,"y":9}]},{"kind":"run","copy":0,"edits":[{"kind":"insert","x":2,"y":0},{"kind":"unique index","x":1,"y":3}]},{"kind":"run","copy":1,"edits":[{"kind":"delete","x":3,"y":5},{"kind":"rename table","x":1,"y":1}]}]',
  ],
  [
    'a row stayed kept for a reference that is declared no longer',
    '[{"kind":"apply","copy":2},{"kind":"run","copy":2,"edits":[{"kind":"rename table","x":8,"y":10},{"kind":"update","x":11,"y":5}]},{"kind":"apply","copy":0},{"kind":"run","copy":1,"edits":[{"kind":"update","x":5,"y":4}]},{"kind":"run","copy":0,"edits":[{"kind":"update","x":7,"y":4},{"kind":"insert","x":5,"y":9},{"kind":"create table","x":8,"y":10}]},{"kind":"pull","copy":1,"from":0,"count":4},{"kind":"apply","copy":2},{"kind":"run","copy":1,"edits":[{"kind":"rebuild","x":5,"y":11},{"kind":"rebuild","x":3,"y":6},{"kind":"unique index","x":8,"y":5}]},{"kind":"pull","copy":2,"from":0,"count":4},{"kind":"run","copy":1,"edits":[{"kind":"drop column","x":10,"y":6},{"kind":"insert","x":4,"y":4},{"kind":"create table","x":2,"y":10}]},{"kind":"run","copy":0,"edits":[{"kind":"update","x":3,"y":11},{"kind":"update","x":5,"y":3},{"kind":"create index","x":8,"y":6}]},{"kind":"run","copy":2,"edits":[{"kind":"delete","x":6,"y":4}]},{"kind":"pull","copy":0,"from":2,"count":4},{"kind":"run","copy":1,"edits":[{"kind":"rebuild","x":0,"y":0},{"kind":"trigger","x":10,"y":8}]}]',
  ],
  [
    'a table was compared while a temporary one was made for what was found: abort due to ROLLBACK',
    '[{"kind":"run","copy":1,"edits":[{"kind":"drop column","x":2,"y":0},{"kind":"rename column","x":6,"y":0},{"kind":"insert","x":0,"y":0}]},{"kind":"run","copy":0,"edits":[{"kind":"insert","x":0,"y":0}]},{"kind":"run","copy":0,"edits":[{"kind":"insert","x":0,"y":0}]},{"kind":"run","copy":0,"edits":[{"kind":"insert","x":0,"y":0}]},{"kind":"run","copy":0,"edits":[{"kind":"insert","x":0,"y":0}]},{"kind":"run","copy":0,"edits":[{"kind":"insert","x":0,"y":0}]}]',
  ],
];

export function stepsOf(story: string): Step[] {
  return JSON.parse(story) as Step[];
}
