/** What the thinking took, where the upstream does not say: it knows nothing of the layout's tags. */
import type { Call, Usage } from '../../../core/index.ts';

const LETTERS_PER_TOKEN = 4;

/**
 * Counts the thinking of all choices as reasoning tokens of the answer, marked as an estimate; they are part of the
 * completion tokens already. Nothing where the upstream reports reasoning tokens itself (0 is a report), or no usage at all.
 * @returns the usage with the estimate in it.
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
  // Nothing more was spent: it only goes into what the client is told.
  exchange.ledger.recall({ completion_tokens_details: details });
  trace.note({ reasoning_tokens_estimated: tokens });
  return { ...usage, completion_tokens_details: { ...usage.completion_tokens_details, ...details } };
}
