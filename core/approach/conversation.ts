import type { Call, CallChange } from '../exchange/exchange.ts';
import type { ChatRequest, ContentPart, Message, ToolCall } from '../openai/types.ts';
import type { Changes } from '../bytes/payload.ts';
import { contentText, stripThinking } from './answer.ts';
import type { Answer } from './types.ts';

/**
 * Conversations as approaches read and extend them. Generation calls get the client's messages unchanged, plus an
 * instruction in the system text or turns at the end; judges get one message in which question and candidates stand
 * between delimiters.
 */

const SYSTEM_ROLES: ReadonlySet<string> = new Set(['system', 'developer']);

/** The system messages' text, the empty string where there is none. */
export function systemText(messages: readonly Message[]): string {
  const texts = messages.filter(({ role }) => SYSTEM_ROLES.has(role)).map(({ content }) => contentText(content, '\n'));
  return texts.filter((text) => text.trim() !== '').join('\n\n');
}

/** All turns but system messages. */
export function turnsOf(messages: readonly Message[]): readonly Message[] {
  return messages.filter(({ role }) => !SYSTEM_ROLES.has(role));
}

/** The text of the last user turn; empty where there is none. */
export function lastUserText(messages: readonly Message[]): string {
  return contentText(messages.findLast(({ role }) => role === 'user')?.content, ' ');
}

/**
 * The question, to be embedded in a judge's prompt: the only user turn's text as it is, else a transcript with one
 * delimited turn after the other. Parts that are no text leave a note of their kind.
 */
export function questionText(messages: readonly Message[]): string {
  const turns = turnsOf(messages);
  const [only] = turns;
  if (turns.length === 1 && only?.role === 'user') return partsText(only);
  return turns.map((turn) => `<turn role="${turn.role}">\n${turnText(turn)}\n</turn>`).join('\n');
}

/** System text and question between delimiters, the head of a judge's prompt. */
export function questionBlock(messages: readonly Message[]): string {
  const system = systemText(messages);
  const question = `<question>\n${questionText(messages)}\n</question>`;
  return system === '' ? question : `<instructions>\n${system}\n</instructions>\n${question}`;
}

function turnText(message: Message): string {
  return [partsText(message), ...(message.tool_calls ?? []).map(toolCallText)].filter((text) => text !== '').join('\n');
}

function partsText({ content }: Message): string {
  if (!Array.isArray(content)) return contentText(content);
  const texts = content.map((part: ContentPart) =>
    typeof part?.text === 'string' ? part.text : `[${part?.type ?? 'part'}, not shown]`,
  );
  return texts.join('\n');
}

function toolCallText({ function: called, custom }: ToolCall): string {
  return `[calls ${called?.name ?? custom?.name ?? 'a tool'} with ${called?.arguments ?? custom?.input ?? ''}]`;
}

/** A candidate as a judge reads it: its text without reasoning, and its tool calls in words. */
export function candidateText({ choice, text }: Pick<Answer, 'choice' | 'text'>): string {
  return [stripThinking(text).trim(), ...(choice.message.tool_calls ?? []).map(toolCallText)]
    .filter((part) => part !== '')
    .join('\n');
}

/** The messages with an instruction at the end of the leading system text; a system message is made where there is none. */
export function withInstruction(messages: readonly Message[], instruction: string): readonly Message[] {
  const leading = messages.findIndex(({ role }) => !SYSTEM_ROLES.has(role));
  const index = (leading < 0 ? messages.length : leading) - 1;
  const system = messages[index];
  if (!system) return [{ role: 'system', content: instruction }, ...messages];
  return messages.with(index, withText(system, instruction, '\n\n'));
}

/** The message with a text after its own: in the same string, or as one more text part. */
export function withText(message: Message, text: string, glue: string): Message {
  const { content } = message;
  if (Array.isArray(content))
    return { ...message, content: [...(content as readonly ContentPart[]), { type: 'text', text }] };
  const before = contentText(content);
  return { ...message, content: before === '' ? text : `${before}${glue}${text}` };
}

export function withTurns(messages: readonly Message[], ...turns: readonly Message[]): readonly Message[] {
  return [...messages, ...turns];
}

const DRAFT_INSTRUCTION =
  'An earlier attempt at answering this conversation stands between the draft tags. Use it as a starting point: keep what is right, ' +
  'correct what is wrong, add what is missing. Answer the conversation itself, completely, without mentioning the draft.';

/** The original conversation with an earlier answer beside it, as the next answerer of `a&b` gets it. */
export function withDraft(messages: readonly Message[], draft: string): readonly Message[] {
  return withInstruction(messages, `${DRAFT_INSTRUCTION}\n<draft>\n${draft}\n</draft>`);
}

/** The limit of a call's completion, under the name that the client used; `max_tokens` where it used none. */
export function limitedTo(call: Call, tokens: number): Changes<ChatRequest> {
  return call.request.value.max_completion_tokens === undefined
    ? { max_tokens: tokens }
    : { max_completion_tokens: tokens };
}

/** The client's own limit if it set one, else `fallback`, as changes to the request. */
export function withDefaultLimit(call: Call, fallback: number): Changes<ChatRequest> {
  return limitOf(call) === undefined ? limitedTo(call, fallback) : {};
}

/** The client's own limit, undefined where it set none. */
export function limitOf({ request }: Call): number | undefined {
  return request.value.max_completion_tokens ?? request.value.max_tokens ?? undefined;
}

/** The temperature of calls that need diversity: the client's, unless it is below 0.5; `fallback` otherwise. */
export function diverseTemperature(call: Call, fallback: number): number {
  const { temperature } = call.request.value;
  return typeof temperature === 'number' && temperature >= 0.5 ? temperature : fallback;
}

/** What a judge's call does not take over from the client's: sampling, tools, formats, and whatever shapes an answer. */
const NOT_FOR_JUDGES: readonly string[] =
  `temperature top_p stop seed presence_penalty frequency_penalty logit_bias logprobs top_logprobs
  max_tokens max_completion_tokens n stream stream_options prediction modalities audio verbosity
  tools tool_choice parallel_tool_calls functions function_call response_format web_search_options`.split(/\s+/);

const REASONING_MODEL = /(?:^|[/-])(?:o[1-9]|gpt-5|r1|qwq|qwen3|magistral|gpt-oss)(?![a-z0-9])|reason|think/i;

export interface JudgePrompt {
  /** The task, as the only system message. */
  readonly system: string;
  /** What is to be judged, as the only user message. */
  readonly user: string;
  readonly temperature?: number;
  /** The least the judge may write; default 1,024, or 4,096 for a model that reasons. */
  readonly limit?: number;
  /** Answers of the same model: whether it reasons shows in them. */
  readonly evidence?: readonly Answer[];
  readonly role?: CallChange['role'];
}

/** A call whose reply is parsed and never shown: a prompt and sampling of its own, everything else as the client's. */
export function judgeCall(call: Call, prompt: JudgePrompt): Call {
  const removed = Object.fromEntries(
    NOT_FOR_JUDGES.filter((key) => call.request.value[key] !== undefined).map((key) => [key, undefined]),
  );
  const limit = prompt.limit ?? (isReasoning(call, prompt.evidence) ? 4_096 : 1_024);
  return call.with(
    {
      ...removed,
      messages: [
        { role: 'system', content: prompt.system },
        { role: 'user', content: prompt.user },
      ],
      ...(prompt.temperature === undefined ? {} : { temperature: prompt.temperature }),
      ...limitedTo(call, limit),
    },
    { role: prompt.role ?? 'judge' },
  );
}

/** May the answer be any text: has the client asked for no format, and offered no tools? */
export function isFreeText({ request }: Call): boolean {
  const { tools, functions, response_format } = request.value;
  const hasTools = (Array.isArray(tools) && tools.length > 0) || (Array.isArray(functions) && functions.length > 0);
  const format = response_format?.['type'] ?? 'text';
  return !hasTools && format === 'text';
}

/** Is the model known to reason: by its name, by what the client asks of it, or by answers it gave? */
export function isReasoning({ request }: Call, evidence: readonly Answer[] = []): boolean {
  const { model, reasoning_effort, reasoning, thinking } = request.value;
  if (reasoning_effort !== undefined && reasoning_effort !== null && reasoning_effort !== 'none') return true;
  if (reasoning !== undefined || thinking !== undefined || REASONING_MODEL.test(model)) return true;
  return evidence.some(
    ({ choice, text, usage }) =>
      typeof choice.message.reasoning_content === 'string' ||
      text.includes('</think>') ||
      (usage?.completion_tokens_details?.['reasoning_tokens'] ?? 0) > 0,
  );
}
