/** Errors on their way from one process to the other. */
import { Impossible, ProblemError } from '../core/problem.ts';
import type { Answer } from './child-messages.ts';

export async function answerOf<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: 'done', value: await work() };
  } catch (error) {
    if (error instanceof ProblemError) return { kind: 'problem', problem: error.problem };
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { kind: 'failed', message, stack };
  }
}

/** Throws what the other side has thrown. */
export function openAnswer<T>(answer: Answer<T>): T {
  switch (answer.kind) {
    case 'done':
      return answer.value;
    case 'problem':
      throw new ProblemError(answer.problem);
    case 'failed':
      throw Object.assign(new Impossible(answer.message), { stack: answer.stack });
    default:
      return answer satisfies never;
  }
}
