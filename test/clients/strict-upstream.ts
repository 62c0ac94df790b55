/**
 * An upstream that knows three questions and takes nothing that its API does not have: a field that it does not know, in
 * the request or in a message, and a history that does not fit together, is a 400, and remembered.
 */
import { chatChunk, events, json, scriptedUpstream, sse, type Answering } from '../support/scripted-upstream.ts';

/** What is answered to `Say hello.`, to `Add 2 and 3.` after the tool was called, and in the format `answer`. */
export const ANSWERS = { text: 'Hello.', tools: 'The sum is 5.', schema: '{"answer":5}' } as const;

type Fields = Readonly<Record<string, unknown>>;

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

const REQUEST =
  words(`model messages stream stream_options temperature top_p n stop seed max_tokens max_completion_tokens
  tools tool_choice parallel_tool_calls response_format user metadata store presence_penalty frequency_penalty logit_bias
  logprobs top_logprobs reasoning_effort service_tier prompt_cache_key safety_identifier verbosity`);
/** The fields of messages, by role. */
const MESSAGE: Readonly<Record<string, ReadonlySet<string>>> = {
  system: words('role content name'),
  developer: words('role content name'),
  user: words('role content name'),
  assistant: words('role content name refusal tool_calls audio function_call'),
  tool: words('role content tool_call_id'),
};

export interface StrictUpstream extends AsyncDisposable {
  readonly baseUrl: string;
  /** Why requests were refused. */
  readonly refusals: readonly string[];
  /** The chats that were answered. */
  readonly chats: readonly Fields[];
}

export async function strictUpstream(): Promise<StrictUpstream> {
  const refusals: string[] = [];
  const chats: Fields[] = [];
  const upstream = await scriptedUpstream((request) => {
    if (request.path.startsWith('/v1/models'))
      return json({ object: 'list', data: [{ id: 'gpt-strict', object: 'model', created: 1, owned_by: 'x' }] });
    const body = request.json;
    if (request.path.startsWith('/v1/responses')) return response(body);
    if (request.path.startsWith('/v1/messages')) return message(body);
    const complaint = request.path === '/v1/chat/completions' ? complaintOf(body) : `unknown path ${request.path}`;
    if (complaint !== undefined) {
      refusals.push(complaint);
      return json(
        { error: { message: complaint, type: 'invalid_request_error', param: null, code: null } },
        { status: 400 },
      );
    }
    chats.push(body);
    return chat(body);
  });
  return {
    baseUrl: upstream.baseUrl,
    refusals,
    chats,
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}

/** What is wrong with a chat; undefined = nothing. */
function complaintOf(body: Fields): string | undefined {
  const unknown = Object.keys(body).find((key) => !REQUEST.has(key));
  if (unknown !== undefined) return `Unrecognized request argument supplied: ${unknown}`;
  if (body['model'] !== 'gpt-strict') return `The model '${String(body['model'])}' does not exist`;
  const open = new Set<unknown>();
  for (const [index, each] of (body['messages'] as Fields[]).entries()) {
    const role = String(each['role']);
    const known = MESSAGE[role];
    if (!known) return `messages.${index}.role: '${role}' is none of ${Object.keys(MESSAGE).join(', ')}`;
    const extra = Object.keys(each).find((key) => !known.has(key));
    if (extra !== undefined) return `messages.${index}: property '${extra}' is unsupported`;
    if (role === 'tool') {
      if (!open.delete(each['tool_call_id']))
        return `messages.${index}: no call '${String(each['tool_call_id'])}' before it`;
    } else if (open.size > 0) return `messages.${index}: a call before it has no result`;
    if (role !== 'assistant') continue;
    const calls = (each['tool_calls'] ?? []) as Fields[];
    if (calls.length === 0 && (each['content'] ?? '') === '') return `messages.${index}: neither content nor calls`;
    for (const { id } of calls) open.add(id);
  }
  return undefined;
}

function chat(body: Fields): Answering {
  const messages = body['messages'] as Fields[];
  const question = JSON.stringify(messages.findLast(({ role }) => role === 'user')?.['content'] ?? '');
  const count = Number(body['n'] ?? 1);
  if (JSON.stringify(messages[0]).includes('You rate one answer'))
    return chatAnswer(body, count, { content: 'Rating: 8' });
  const format = body['response_format'] as Fields | undefined;
  if (format?.['type'] === 'json_schema') return chatAnswer(body, count, { content: ANSWERS.schema });
  const [tool] = (body['tools'] ?? []) as { function: { name: string } }[];
  const callOf = (name: string, args: string) => ({
    content: null,
    tool_calls: [{ id: 'call_1', type: 'function', function: { name, arguments: args } }],
  });
  // Some clients have a schema filled in by a tool of its name.
  if (tool && tool.function.name !== 'add') return chatAnswer(body, count, callOf(tool.function.name, ANSWERS.schema));
  if (!question.includes('Add 2 and 3')) return chatAnswer(body, count, { content: ANSWERS.text });
  if (messages.at(-1)?.['role'] === 'tool') {
    const result = JSON.stringify(messages.at(-1)?.['content']);
    return chatAnswer(body, count, { content: result.includes('5') ? ANSWERS.tools : `The tool said ${result}.` });
  }
  return chatAnswer(body, count, tool ? callOf('add', '{"a":2,"b":3}') : { content: 'I have no tool.' });
}

function chatAnswer(body: Fields, count: number, message: Fields): Answering {
  const finish = message['tool_calls'] ? 'tool_calls' : 'stop';
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const indices = Array.from({ length: count }, (_, index) => index);
  const common = { model: 'gpt-strict' };
  if (body['stream'] !== true) {
    const choices = indices.map((index) => ({
      index,
      message: { role: 'assistant', refusal: null, ...message },
      logprobs: null,
      finish_reason: finish,
    }));
    return json({ ...chatChunk({}), ...common, object: 'chat.completion', choices, usage });
  }
  const deltas = (index: number): object[] => {
    const chunk = (delta: object, reason: string | null = null) => ({
      ...chatChunk({}),
      ...common,
      choices: [{ index, delta, logprobs: null, finish_reason: reason }],
    });
    const said = message['tool_calls']
      ? [
          {
            tool_calls: [
              { index: 0, ...calledIn(message), function: { ...calledIn(message).function, arguments: '' } },
            ],
          },
          { tool_calls: [{ index: 0, function: { arguments: calledIn(message).function.arguments } }] },
        ]
      : String(message['content'])
          .split(/(?<= )/)
          .map((content) => ({ content }));
    return [{ role: 'assistant', content: message['tool_calls'] ? null : '' }, ...said]
      .map((delta) => chunk(delta))
      .concat(chunk({}, finish));
  };
  const wantsUsage = (body['stream_options'] as Fields | undefined)?.['include_usage'] === true;
  return events([
    ...indices.flatMap(deltas),
    ...(wantsUsage ? [{ ...chatChunk({}), ...common, choices: [], usage }] : []),
    sse('[DONE]'),
  ]);
}

function calledIn(message: Fields): { readonly id: string; readonly function: { readonly arguments: string } } {
  return (message['tool_calls'] as ReturnType<typeof calledIn>[])[0]!;
}

/** The Responses API, which passes untouched. */
function response(body: Fields): Answering {
  const input = JSON.stringify(body['input']);
  const wantsCall = input.includes('Add 2 and 3') && !input.includes('function_call_output');
  const text = (body['text'] as { format?: Fields } | undefined)?.format?.['type'] === 'json_schema';
  const said = text ? ANSWERS.schema : input.includes('Add 2 and 3') ? ANSWERS.tools : ANSWERS.text;
  const item = wantsCall
    ? {
        id: 'fc_1',
        type: 'function_call',
        status: 'completed',
        call_id: 'call_1',
        name: 'add',
        arguments: '{"a":2,"b":3}',
      }
    : {
        id: 'msg_1',
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: said, annotations: [], logprobs: [] }],
      };
  const whole = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'gpt-strict',
    output: [item],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 15,
    },
  };
  if (body['stream'] !== true) return json(whole);
  let sequence = 0;
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`;
  const at = { item_id: item.id, output_index: 0 };
  const begun = { ...whole, status: 'in_progress', output: [], usage: null };
  const part = { type: 'output_text', text: said, annotations: [] };
  return events([
    event('response.created', { response: begun }),
    event('response.in_progress', { response: begun }),
    ...(wantsCall
      ? [
          event('response.output_item.added', {
            output_index: 0,
            item: { ...item, status: 'in_progress', arguments: '' },
          }),
          event('response.function_call_arguments.delta', { ...at, delta: '{"a":2,"b":3}' }),
          event('response.function_call_arguments.done', { ...at, name: 'add', arguments: '{"a":2,"b":3}' }),
        ]
      : [
          event('response.output_item.added', {
            output_index: 0,
            item: { ...item, status: 'in_progress', content: [] },
          }),
          event('response.content_part.added', { ...at, content_index: 0, part: { ...part, text: '' } }),
          event('response.output_text.delta', { ...at, content_index: 0, delta: said, logprobs: [] }),
          event('response.output_text.done', { ...at, content_index: 0, text: said, logprobs: [] }),
          event('response.content_part.done', { ...at, content_index: 0, part }),
        ]),
    event('response.output_item.done', { output_index: 0, item }),
    event('response.completed', { response: whole }),
  ]);
}

/** Anthropic's API, which passes untouched. */
function message(body: Fields): Answering {
  const input = JSON.stringify(body['messages']);
  const wantsCall = input.includes('Add 2 and 3') && !input.includes('tool_result');
  const said = input.includes('Add 2 and 3') ? ANSWERS.tools : ANSWERS.text;
  const block = wantsCall
    ? { type: 'tool_use', id: 'toolu_1', name: 'add', input: { a: 2, b: 3 } }
    : { type: 'text', text: said, citations: null };
  const whole = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-strict',
    content: [block],
    stop_reason: wantsCall ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
  };
  if (body['stream'] !== true) return json(whole);
  const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  const delta = wantsCall
    ? { type: 'input_json_delta', partial_json: '{"a":2,"b":3}' }
    : { type: 'text_delta', text: said };
  const { stop_reason, stop_sequence } = whole;
  return events([
    event('message_start', { message: { ...whole, content: [], stop_reason: null } }),
    event('content_block_start', {
      index: 0,
      content_block: { ...block, ...(wantsCall ? { input: {} } : { text: '' }) },
    }),
    event('content_block_delta', { index: 0, delta }),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason, stop_sequence }, usage: { output_tokens: 5 } }),
    event('message_stop', {}),
  ]);
}
