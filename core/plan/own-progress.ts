/** Removes progress that a client sends back as part of the conversation. */
import { isRecord } from '../bytes/json.ts';
import { withoutProgress } from '../exchange/progress-mark.ts';
import type { ContentPart, Message } from '../wire/chat/chat-types.ts';

/** The members in which clients send reasoning back. */
const REASONING = ['reasoning_content', 'reasoning'] as const;
const THINKING_PARTS: ReadonlySet<unknown> = new Set(['thinking', 'reasoning']);

/**
 * The messages without this program's progress, whatever place clients put it in: a member for reasoning, a part of the
 * content, or tags at its beginning. A model's own reasoning in the same text stays. The given array itself if there is
 * none.
 */
export function withoutOwnProgress(messages: readonly Message[]): readonly Message[] {
  let isChanged = false;
  const clean = messages.map((message) => {
    if (!isRecord(message) || message.role !== 'assistant') return message;
    const cleaned = cleanMessage(message);
    isChanged ||= cleaned !== message;
    return cleaned;
  });
  return isChanged ? clean : messages;
}

function cleanMessage(message: Message): Message {
  const changes: Record<string, unknown> = {};
  for (const key of REASONING) {
    const text: unknown = message[key];
    if (typeof text !== 'string') continue;
    const rest = withoutProgress(text);
    if (rest !== text) changes[key] = rest.trim() === '' ? undefined : rest;
  }
  const content = cleanContent(message.content);
  if (content !== message.content) changes['content'] = content;
  if (Object.keys(changes).length === 0) return message;
  const { role, ...others } = message;
  const kept = Object.entries({ ...others, ...changes }).filter(([, value]) => value !== undefined);
  return { role, ...Object.fromEntries(kept) };
}

function cleanContent(content: Message['content']): Message['content'] {
  if (typeof content === 'string') return withoutTaggedProgress(content);
  if (!Array.isArray(content)) return content;
  const parts: readonly ContentPart[] = content;
  const clean = parts.flatMap((part) => cleanPart(part) ?? []);
  return clean.length === parts.length && clean.every((part, index) => part === parts[index]) ? content : clean;
}

/** The part without progress; undefined if nothing else was in it. */
function cleanPart(part: ContentPart): ContentPart | undefined {
  if (!isRecord(part)) return part;
  if (part.type === 'text' && typeof part.text === 'string') {
    const text = withoutTaggedProgress(part.text);
    return text === part.text ? part : { ...part, text };
  }
  if (!THINKING_PARTS.has(part.type)) return part;
  const key = ['thinking', 'reasoning', 'text'].find((name) => typeof part[name] === 'string');
  if (key === undefined) return part;
  const text = String(part[key]);
  const rest = withoutProgress(text);
  if (rest === text) return part;
  return rest.trim() === '' ? undefined : { ...part, [key]: rest };
}

/** Some clients put reasoning in front of the answer, in tags. Without anything in them the tags go, too. */
function withoutTaggedProgress(text: string): string {
  const [opening, name] = /^\s*<(think|thinking)>/.exec(text) ?? [];
  if (opening === undefined) return text;
  const closing = `</${name}>`;
  const end = text.indexOf(closing, opening.length);
  if (end < 0) return text;
  const inner = text.slice(opening.length, end);
  const rest = withoutProgress(inner);
  if (rest === inner) return text;
  const after = text.slice(end + closing.length);
  return rest.trim() === '' ? after.trimStart() : `${opening}${rest}${closing}${after}`;
}
