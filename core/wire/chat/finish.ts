/** How a choice ended: whether it did, and whether that is a success. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { failureOf, saysSomething, type Failure } from '../failure.ts';

/** The reasons of OpenAI's API. Servers have others for what went wrong: `error`, `network_error`, `abort`. */
const SUCCESSES: ReadonlySet<string> = new Set(['stop', 'length', 'tool_calls', 'function_call', 'content_filter']);

/** Does this `finish_reason` end a choice? Some servers send an empty one while the choice goes on. */
export function isFinished(reason: unknown): reason is string {
  return typeof reason === 'string' && reason !== '';
}

/**
 * Did a choice, whole or in a chunk, end badly: with an error of its own, or for a reason that is none of OpenAI's? Such
 * an answer is passed on, but it is no candidate and is never stored. A choice without a reason did not.
 */
export function endedBadly(choice: Fields): boolean {
  const { finish_reason } = choice;
  return saysSomething(choice['error']) || (isFinished(finish_reason) && !SUCCESSES.has(finish_reason));
}

/** The error that a choice holds in place of an answer; undefined if it has none. */
export function failureOfChoice({ error }: Fields): Failure | undefined {
  return saysSomething(error) ? failureOf({ error }, '') : undefined;
}

/** The first error of a whole answer's choices, if every one of them holds an error. */
export function failureOfChoices({ choices }: Fields): Failure | undefined {
  if (!Array.isArray(choices)) return undefined;
  const failures = choices.map((choice: unknown) => (isRecord(choice) ? failureOfChoice(choice) : undefined));
  return failures.every((failure) => failure !== undefined) ? failures[0] : undefined;
}
