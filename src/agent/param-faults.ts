/** What is wrong with the params of a call, in words for whoever gave them: the schemas' own are for programmers. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** One sentence for each thing that is wrong. */
export function paramFaults({ issues }: z.ZodError): string[] {
  return issues.map((issue) => {
    const sentence = `${subjectOf(issue.path)} ${faultOf(issue)}.`.trimStart();
    return sentence[0]!.toUpperCase() + sentence.slice(1);
  });
}

/** `name` is the name, `members[0]` one of the members. What is wrong with all of it together names itself. */
function subjectOf(path: Issue['path']): string {
  const names = path.filter((part) => typeof part !== 'number');
  const last = names.at(-1);
  if (last === undefined) return '';
  return typeof path.at(-1) === 'number' ? `one of the ${String(last)}` : `the ${String(last)}`;
}

function faultOf(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin !== 'string' && issue.origin !== 'array') return `must not be less than ${issue.minimum}`;
      return Number(issue.minimum) === 1 ? 'must not be empty' : `must have at least ${issue.minimum} ${unitOf(issue)}`;
    case 'too_big':
      if (issue.origin !== 'string' && issue.origin !== 'array') return `must not be more than ${issue.maximum}`;
      return `must not have more than ${issue.maximum} ${unitOf(issue)}`;
    case 'invalid_type':
      return issue.path.length === 0
        ? 'nothing was given that could be understood'
        : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return `${subjectOf(issue.path) ? 'has' : 'there is'} nothing called ${issue.keys.join(', ')}`;
    // What a refinement says stands in the contract, and is a sentence without its subject.
    case 'custom':
      return issue.message;
    default:
      return 'cannot be taken in this form';
  }
}

function unitOf({ origin }: { readonly origin: string }): string {
  return origin === 'string' ? 'characters' : 'entries';
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};
