/**
 * An estimate of the tokens that the thinking took: to the upstream it is text like the answer, so that it does not
 * report them.
 */
import type { Call, Usage } from '../../../core/index.ts';

const LETTERS_PER_TOKEN = 4;

/**
 * Adds the thinking of all choices to the usage as reasoning tokens, marked as an estimate. They are part of the completion
 * tokens already. Adds nothing if the upstream reports reasoning tokens itself (0 is a report) or no usage at all.
 * @returns the usage with the estimate, if there is one.
 */
export function countThinking<U extends Usage | null | undefined>(
  thinking: readonly string[],
  usage: U,
  { exchange, trace }: Call,
): U {
  const letters = thinking.reduce((sum, text) => sum + text.length, 0);
  const reported = usage?.completion_tokens_details?.['reasoning_tokens'];
  if (!usage || letters === 0 || typeof reported === 'number') return usage;
  const tokens = Math.max(1, Math.round(letters / LETTERS_PER_TOKEN));
  const details = { reasoning_tokens: tokens, reasoning_tokens_estimated: tokens };
  // Nothing more was spent, so that the estimate only goes into the usage that the client gets.
  exchange.ledger.recall({ completion_tokens_details: details });
  trace.note({ reasoning_tokens_estimated: tokens });
  return { ...usage, completion_tokens_details: { ...usage.completion_tokens_details, ...details } };
}
