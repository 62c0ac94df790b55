import { contentText } from '../approach/text.ts';
import { clientsRequestOf } from '../approach/losses.ts';
import { systemText, turnsOf } from '../approach/conversation.ts';
import type { Call, Handler } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import { refusalOf } from '../upstream/refusal.ts';
import type { ContentPart, Message } from '../wire/chat/chat-types.ts';
import type { Capabilities } from './capabilities.ts';

const FIELD = 'system_role';

/** A refusal that is about the role of a message, in the words of servers and of chat templates. */
const ABOUT_ROLES = /\b(?:system|developer)\b|\broles?\b.{0,80}\b(?:user|assistant|alternate|supported)\b/is;

/**
 * Moves an instruction that an approach added as a system message into the first user turn, for models that refuse the
 * role: on such a refusal repeats the call, and remembers it if the repeat succeeds. A system message of the client's own
 * is never moved: the refusal is then the answer.
 */
export function withoutRefusedSystem(handler: Handler, capabilities: Capabilities): Handler {
  return async (call) => {
    if (!hasOwnSystem(call)) return handler(call);
    if (capabilities.refuses(call, FIELD)) return handler(moved(call));
    const reply = await handler(call);
    if (!refusesRole(reply)) return reply;
    const again = await handler(moved(call));
    if (again.status >= 400) return reply;
    capabilities.learnRefused(call, FIELD);
    call.exchange.trace.note({ system_role: 'refused' });
    return again;
  };
}

/** Has the call a system message, and the client's request none? */
function hasOwnSystem(call: Call): boolean {
  if (call.request === call.exchange.plan?.request || !call.request.value.messages.some(isSystem)) return false;
  return !clientsRequestOf(call).messages.some(isSystem);
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer';
}

function refusesRole(reply: Reply): boolean {
  if (reply.kind !== 'complete' || (reply.status !== 400 && reply.status !== 422)) return false;
  const { message, param, text } = refusalOf(reply);
  return ABOUT_ROLES.test((message ?? text).slice(0, 2_000)) || /^messages\b.*\brole$/.test(param ?? '');
}

function moved(call: Call): Call {
  return call.with({ messages: inFirstUserTurn(call.request.value.messages) });
}

/** The messages with the system text before the first user turn's own; as a turn of its own if there is none. */
export function inFirstUserTurn(messages: readonly Message[]): readonly Message[] {
  const instruction = systemText(messages);
  const turns = turnsOf(messages);
  if (instruction === '') return turns;
  const index = turns.findIndex(({ role }) => role === 'user');
  const first = turns[index];
  if (!first) return [{ role: 'user', content: instruction }, ...turns];
  const { content } = first;
  if (Array.isArray(content)) {
    const parts = [{ type: 'text', text: `${instruction}\n\n` }, ...(content as readonly ContentPart[])];
    return turns.with(index, { ...first, content: parts });
  }
  return turns.with(index, { ...first, content: `${instruction}\n\n${contentText(content)}` });
}
