import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { refusalOf } from '../upstream/refusal.ts';
import type { Message } from '../wire/chat/chat-types.ts';
import type { Capabilities } from './capabilities.ts';

const FIELD = 'reasoning_content';
const ABOUT_REASONING = /\breasoning(?:_content)?\b/i;

/**
 * Leaves the reasoning out of earlier turns for models that refuse it there: many clients send back whatever they got.
 * On such a refusal repeats the call, and remembers it if the repeat succeeds.
 */
export function withoutRefusedReasoning(handler: Handler, capabilities: Capabilities): Handler {
  return async (call) => {
    if (!hasReasoning(call)) return handler(call);
    if (capabilities.refuses(call, FIELD)) return handler(stripped(call));
    const reply = await handler(call);
    if (!refusesReasoning(reply)) return reply;
    const again = await handler(stripped(call));
    if (again.status >= 400) return reply;
    capabilities.learnRefused(call, FIELD);
    return again;
  };
}

/** Does an earlier turn of a chat hold reasoning in a member of its own? */
export function hasReasoning({ exchange, request }: Call): boolean {
  if (exchange.operation !== 'chat') return false;
  const { messages } = request.value;
  return Array.isArray(messages) && messages.some(holdsReasoning);
}

function holdsReasoning(message: Message): boolean {
  if (message?.role !== 'assistant') return false;
  return message.reasoning_content !== undefined || message['reasoning'] !== undefined;
}

/** An upstream says so by `param`, by its message, or in a list of faults that stands for the whole body. */
function refusesReasoning(reply: Reply): boolean {
  if (reply.kind !== 'complete' || (reply.status !== 400 && reply.status !== 422)) return false;
  const { message, param, text } = refusalOf(reply);
  return (
    ABOUT_REASONING.test(`${param ?? ''} ${message ?? ''}`.slice(0, 2_000)) ||
    ABOUT_REASONING.test(text.slice(0, 2_000))
  );
}

function stripped(call: Call): Call {
  const messages = call.request.value.messages.map((message) => {
    if (!holdsReasoning(message)) return message;
    const { reasoning_content: _content, reasoning: _reasoning, ...rest } = message;
    return rest;
  });
  return call.with({ messages });
}
