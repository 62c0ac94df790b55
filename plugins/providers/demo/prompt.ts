import { type Call, type Message } from '../../../core/index.ts';
import { findProblem, type Problem } from './questions.ts';
import { roleOf, type Role } from './roles.ts';
import { textOf } from './tokens.ts';

/** Every answer begins with it, so that none is mistaken for a language model's. */
export const LABEL = '[demo]';
/** Begins the line of an answer that states its value. */
export const STATES = 'Final answer:';
/** Follows the label in critiques, which are no candidates: they state no value of their own. */
export const CRITIQUE = 'Critique:';

/** What the demo understands of a call. All samples of the call answer it. */
export interface Prompt {
  readonly role: Role;
  readonly problem: Problem | undefined;
  /** The values of the demo's earlier answers that the prompt holds, in order; undefined for one that states none. */
  readonly candidates: readonly (string | undefined)[];
  /** All text of the prompt except earlier answers and candidates. */
  readonly instructions: string;
  /** The client's question. */
  readonly question: string;
  /** How many words the last user turn has. */
  readonly words: number;
  /** The result of a tool, if it is the last message. */
  readonly toolResult: string | undefined;
}

/** Reads a call's messages and role. */
export function readPrompt(call: Call): Prompt {
  const { messages } = call.request.value;
  const { exchange } = call;
  const asked = exchange.operation === 'chat' ? exchange.request.value.messages : [];
  const last = messages.at(-1);
  // Answers that an approach put into its prompt are candidates. Earlier turns of the client's conversation are not.
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

/** The last question of a text. Earlier ones are examples. */
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

/** The text without the demo's own answers. */
function withoutCandidates(text: string): string {
  const [first = '', ...segments] = text.split(LABEL);
  return [first, ...segments.map(afterAnswer)].join('\n');
}

/** The text after an answer, which ends with the line that states its value, else with its paragraph. */
function afterAnswer(segment: string): string {
  const stated = segment.indexOf(STATES);
  const end = stated < 0 ? segment.indexOf('\n\n') : segment.indexOf('\n', stated);
  return end < 0 ? '' : segment.slice(end);
}
