import type { Call } from '../exchange.ts';
import type { Reply } from '../reply.ts';
import { isUsable, noneUsable } from './candidates.ts';
import { toAnswers } from './whole.ts';

/**
 * The reply of the call that is shown, for an approach with nothing else to show: one that came whole and brought
 * nothing is an error, never an empty success. What streams is on its way already.
 */
export async function usableReply(shown: Promise<Reply>, call: Call): Promise<Reply> {
  const reply = await shown;
  if (reply.kind !== 'complete' || reply.status >= 400) return reply;
  const answers = toAnswers(reply, call);
  return answers.some(isUsable) ? reply : noneUsable(answers, call);
}
