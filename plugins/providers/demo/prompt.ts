import { type Call, type Message } from '../../../core/index.ts';
import { findProblem, type Problem } from './questions.ts';
import { roleOf, type Role } from './roles.ts';
import { textOf } from './tokens.ts';

/** Begins every answer: nobody may take one for a language model's. */
export const LABEL = '[demo]';
/** Begins the line that states a value, for people and for parsers of answers. */
export const STATES = 'Final answer:';
/** Follows the label in critiques, which state no value of their own. */
export const CRITIQUE = 'Critique:';

/** What the demo understands of a call: read once, answered once per sample. */
export interface Prompt {
  readonly role: Role;
  readonly problem: Problem | undefined;
  /** Values that answers of the demo state in the prompt, in order; undefined for one that states none. */
  readonly candidates: readonly (string | undefined)[];
  /** The instructions: all text but earlier turns and candidates. */
  readonly instructions: string;
  /** What the client asks. */
  readonly question: string;
  /** The words of the last user turn. */
  readonly words: number;
  /** What a tool has just answered. */
  readonly toolResult: string | undefined;
}

export function readPrompt(call: Call): Prompt {
  const { messages } = call.request.value;
  const { exchange } = call;
  const asked = exchange.operation === 'chat' ? exchange.request.value.messages : [];
  const last = messages.at(-1);
  // Earlier answers of the client's conversation are no candidates, those that an approach puts into its prompt are.
  const earlier = new Set(asked.filter(({ role }) => role === 'assistant').map(({ content }) => textOf(content)));
  const prompt = messages
    .map(({ role, content }) => ({ role, text: textOf(content) }))
    .filter(({ role, text }) => role !== 'tool' && (role !== 'assistant' || !earlier.has(text)))
    .map(({ text }) => text)
    .join('\n');
  const role = roleOf(call.role);
  return {
    role,
    problem:
      role === 'generation' || role === 'mistake'
        ? (problemOf(messages) ?? problemOf(asked))
        : (problemOf(asked) ?? problemOf(messages)),
    candidates: candidatesIn(prompt),
    instructions: withoutCandidates(prompt),
    question: lastUserText(role === 'generation' || asked.length === 0 ? messages : asked),
    words: lastUserText(messages).match(/\S+/g)?.length ?? 0,
    toolResult: last?.role === 'tool' ? textOf(last.content) : undefined,
  };
}

function problemOf(messages: readonly Message[]): Problem | undefined {
  return findProblem(withoutExamples(withoutCandidates(lastUserText(messages))));
}

/** Of several questions in a text, which are examples, the last one is asked. */
function withoutExamples(text: string): string {
  return text.split(/^[ \t]*(?:Q|Question|Problem|Input)\s?\d*[ \t]*:/im).at(-1) ?? '';
}

function lastUserText(messages: readonly Message[]): string {
  return textOf(messages.findLast(({ role }) => role === 'user')?.content);
}

function candidatesIn(text: string): (string | undefined)[] {
  return text
    .split(LABEL)
    .slice(1)
    .filter((segment) => !segment.trimStart().startsWith(CRITIQUE))
    .map((segment) =>
      segment
        .split(STATES)[1]
        ?.trimStart()
        .match(/^[^\n<"]+/)?.[0]
        .trim(),
    );
}

/** The text without the demo's own answers in it. */
function withoutCandidates(text: string): string {
  const [first = '', ...segments] = text.split(LABEL);
  return [first, ...segments.map(afterAnswer)].join('\n');
}

/** What follows an answer: the line that states its value is its last, else its paragraph ends it. */
function afterAnswer(segment: string): string {
  const stated = segment.indexOf(STATES);
  const end = stated < 0 ? segment.indexOf('\n\n') : segment.indexOf('\n', stated);
  return end < 0 ? '' : segment.slice(end);
}
