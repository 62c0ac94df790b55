/** Chat completions and (legacy) completions: chunks ⇄ completion, unknown fields included. */
import { isRecord, record, records, type Dialect, type Fields } from './dialect.ts';

export const chat: Dialect = {
  hasUsageChunk: true,
  toEvents: (completion, hasUsage) => toEvents(completion, hasUsage, 'chat.completion.chunk', chatChunks),
  toCompletion: (events) => toCompletion(events, 'chat.completion', chatChoice),
};

export const completions: Dialect = {
  hasUsageChunk: true,
  toEvents: (completion, hasUsage) => toEvents(completion, hasUsage, 'text_completion', (choice) => [choice]),
  toCompletion: (events) => toCompletion(events, 'text_completion', textChoice),
};

function toEvents(
  completion: Fields,
  hasUsage: boolean,
  object: string,
  chunksOf: (choice: Fields) => readonly Fields[],
): string {
  const { choices, usage, ...rest } = completion;
  const base = { ...rest, object };
  const announced = hasUsage ? { usage: null } : {};
  const chunks: Fields[] = records(choices)
    .flatMap(chunksOf)
    .map((choice) => ({ ...base, choices: [choice], ...announced }));
  if (hasUsage && usage) chunks.push({ ...base, choices: [], usage });
  return `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;
}

const THOUGHTS = new Set(['reasoning_content', 'reasoning', 'reasoning_details', 'thinking_blocks']);

/** Role, thoughts, text, tool calls, end: the order in which a model says them. */
function chatChunks(choice: Fields): Fields[] {
  const { index, message, finish_reason, logprobs = null, ...rest } = choice;
  const { role = 'assistant', content = null, tool_calls, ...others } = record(message);
  const thoughts = Object.entries(others).filter(([key]) => THOUGHTS.has(key));
  const texts = Object.entries(others).filter(([key, value]) => !THOUGHTS.has(key) && value !== null);
  const calls = records(tool_calls).map((call, place) => ({ index: place, ...call }));
  const nulls = Object.fromEntries(Object.entries(others).filter(([, value]) => value === null));
  const deltas: Fields[] = [];
  if (thoughts.length > 0) deltas.push(Object.fromEntries(thoughts));
  if (content !== null || texts.length > 0 || logprobs !== null)
    deltas.push({ ...(content === null ? {} : { content }), ...Object.fromEntries(texts) });
  if (calls.length > 0) deltas.push({ tool_calls: calls });
  const withText = deltas.length - (calls.length > 0 ? 2 : 1);
  return [
    { index, delta: { role, content: content === null ? null : '', ...nulls }, logprobs: null, finish_reason: null },
    ...deltas.map((delta, place) => ({
      index,
      delta,
      logprobs: place === withText ? logprobs : null,
      finish_reason: null,
    })),
    { ...rest, index, delta: {}, logprobs: null, finish_reason },
  ];
}

function toCompletion(
  events: readonly Fields[],
  object: string,
  toChoice: (chunks: readonly Fields[]) => Fields | undefined,
): Fields | undefined {
  const top: Fields = {};
  const byIndex = new Map<number, Fields[]>();
  let usage: unknown;
  for (const { choices, usage: reported, obfuscation: _padding, ...rest } of events) {
    for (const [key, value] of Object.entries(rest))
      // Azure's first chunk has an empty id and model.
      if (!ONCE.has(key) || !top[key]) top[key] = value;
    usage = reported ?? usage;
    for (const choice of records(choices)) {
      const index = Number(choice['index'] ?? 0);
      const chunks = byIndex.get(index);
      if (chunks) chunks.push(choice);
      else byIndex.set(index, [choice]);
    }
  }
  if (!usage || byIndex.size === 0) return undefined;
  const choices: Fields[] = [];
  for (const [index, chunks] of [...byIndex].toSorted(([a], [b]) => a - b)) {
    const choice = toChoice(chunks);
    if (!choice) return undefined;
    choices.push({ index, ...choice });
  }
  const { id, created, model, ...rest } = top;
  return { id, ...rest, object, created, model, choices, usage };
}

const ONCE = new Set(['id', 'object', 'created', 'model']);

function chatChoice(chunks: readonly Fields[]): Fields | undefined {
  const message: Fields = { role: 'assistant', content: null };
  const others: Fields = {};
  const calls: Fields[] = [];
  for (const { index: _index, delta, ...rest } of chunks) {
    const { tool_calls, ...fields } = record(delta);
    merge(message, fields);
    for (const call of records(tool_calls)) addToolCall(calls, call);
    mergeChoice(others, rest);
  }
  if (typeof others['finish_reason'] !== 'string') return undefined;
  const { logprobs = null, finish_reason, ...rest } = others;
  if (calls.length > 0) message['tool_calls'] = calls.map(({ index: _index, ...call }) => call);
  return { message, logprobs, finish_reason, ...rest };
}

function textChoice(chunks: readonly Fields[]): Fields | undefined {
  const choice: Fields = { text: '' };
  for (const { index: _index, text, ...rest } of chunks) {
    if (typeof text === 'string') choice['text'] = `${String(choice['text'])}${text}`;
    mergeChoice(choice, rest);
  }
  return typeof choice['finish_reason'] === 'string' ? { logprobs: null, ...choice } : undefined;
}

/** What stands beside the delta: token lists grow, anything else is stated once or again. */
function mergeChoice(choice: Fields, fields: Fields): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined) choice[key] ??= value;
    else if (key === 'logprobs' && isRecord(choice[key])) merge(record(choice[key]), record(value));
    else choice[key] = typeof value === 'object' ? structuredClone(value) : value;
  }
}

/** Some upstreams send whole calls without an index: a new id is then a new call. */
function addToolCall(calls: Fields[], delta: Fields): void {
  const { index, id } = delta;
  const known =
    index === undefined
      ? calls.find((call) => id === undefined || call['id'] === id)
      : calls.find((call) => call['index'] === index);
  if (known) merge(known, delta);
  else calls.push(structuredClone(delta));
}

/** Names and kinds are said once, or repeated whole; they are not fragments. */
const WHOLE = new Set(['role', 'id', 'type', 'name']);

/** Text is appended, lists are extended, objects merged; of anything else the last word counts. */
function merge(into: Fields, fields: Fields): void {
  for (const [key, value] of Object.entries(fields)) {
    const old = into[key];
    if (value === null || value === undefined) into[key] ??= value;
    else if (old === null || old === undefined) into[key] = typeof value === 'object' ? structuredClone(value) : value;
    else if (typeof value === 'string' && typeof old === 'string')
      into[key] = WHOLE.has(key) ? old || value : old + value;
    else if (Array.isArray(value) && Array.isArray(old)) into[key] = [...(old as unknown[]), ...(value as unknown[])];
    else if (isRecord(value) && isRecord(old)) merge(old, value);
    else into[key] = value;
  }
}
