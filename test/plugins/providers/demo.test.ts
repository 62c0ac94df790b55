import { expect, test } from 'vitest';
import {
  Call,
  Payload,
  headerOf,
  type ChatRequest,
  type Choice,
  type Exchange,
  type Reply,
  type Upstream,
} from '../../../core/index.ts';
import { Ledger } from '../../../core/ledger.ts';
import { pluginRecord } from '../../../core/plugin/define.ts';
import type { Provider } from '../../../core/upstream/provider.ts';
import type { Transport } from '../../../core/upstream/transport.ts';
import { Upstream as RealUpstream } from '../../../core/upstream/upstream.ts';
import demo from '../../../plugins/providers/demo/index.ts';
import { findSum } from '../../../plugins/providers/demo/arithmetic.ts';
import { findProblem, isAnswer, QUESTIONS } from '../../../plugins/providers/demo/questions.ts';
import { conforming } from '../../../plugins/providers/demo/schema.ts';

const NO_TRANSPORT = {} as Transport;
const SUM = 'What is 17 * 23?';

test('every answer begins with the label and names its fingerprint', async () => {
  for (const text of [SUM, 'Who are you?']) {
    const { choices, system_fingerprint } = await complete({ text });
    expect(choices[0]!.message.content).toMatch(/^\[demo\] /);
    expect(system_fingerprint).toBe('demo');
  }
});

test('an unknown question gets a canned reply that counts its words and says how to get real answers', async () => {
  const { choices } = await complete({ text: 'Tell me about whales' });
  expect(choices[0]!.message.content).toMatch(/canned reply.*had 4 words.*OPENAI_API_KEY.*ollama serve/);
});

test('the same call is answered the same, another seed or sample may differ', async () => {
  const texts = async (request: Partial<ChatRequest>) =>
    (await complete({ text: SUM, request })).choices.map(({ message }) => message.content);
  expect(await texts({ n: 8 })).toEqual(await texts({ n: 8 }));
  expect(await texts({ n: 8 })).not.toEqual(await texts({ n: 8, seed: 1 }));
  expect(new Set(await texts({ n: 8 })).size).toBeGreaterThan(2);
});

test('equal calls of one exchange are different samples', async () => {
  const { call, send } = demoCall({ text: SUM });
  const texts = new Set<unknown>();
  for (let k = 0; k < 12; k++) texts.add((await bodyOf(await send(call.again()))).choices[0]!.message.content);
  expect(texts.size).toBeGreaterThan(2);
});

test('a known question is answered rightly six times in ten', async () => {
  let right = 0;
  for (let seed = 0; seed < 20; seed++) {
    for (const question of QUESTIONS) {
      const { choices } = await complete({ text: question.text, request: { n: 10, seed } });
      right += choices.filter(({ message }) => isAnswer(question, statedIn(message.content))).length;
    }
  }
  expect(Math.abs(right / 4000 - 0.6)).toBeLessThan(0.03);
});

test('wrong values are the plausible ones and no others', async () => {
  const problem = findProblem(SUM)!;
  const { choices } = await complete({ text: SUM, request: { n: 100 } });
  for (const { message } of choices) expect([problem.answer, ...problem.slips]).toContain(statedIn(message.content));
});

test('a judge rates a right candidate high and a wrong one low, nine times in ten', async () => {
  let reliable = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const value = seed % 2 === 0 ? '391' : '392';
    const text = `Question: ${SUM}\n<answer>\n[demo] I make it ${value}.\n\nFinal answer: ${value}\n</answer>\nRate it from 0 to 10. End with a line "Score: <0-10>".`;
    const { choices } = await complete({ text, asked: SUM, role: 'judge', request: { seed } });
    const score = Number(/Score: (\d+)$/.exec(textIn(choices))?.[1]);
    expect(score).toBeGreaterThanOrEqual(0);
    if (score > 5 === (value === '391')) reliable++;
  }
  expect(Math.abs(reliable / 1000 - 0.9)).toBeLessThan(0.03);
});

test('a judge who is to choose names the first right candidate, nine times in ten', async () => {
  let reliable = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const { choices } = await complete({
      text: `${SUM}\n${candidates('392', '401', '391')}\nReply with the number of the best one as "Choice: <n>".`,
      asked: SUM,
      role: 'judge',
      request: { seed },
    });
    if (textIn(choices).endsWith('Choice: 3')) reliable++;
  }
  expect(Math.abs(reliable / 1000 - 0.9)).toBeLessThan(0.03);
});

test('a synthesis takes up the right candidate, nine times in ten, wherever the critique stands', async () => {
  let right = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const text = `${SUM}\n${candidates('392', '392', '391')}\n[demo] Critique: Candidate 1 (392) holds.\nWrite one final answer.`;
    const { choices } = await complete({ text, asked: SUM, role: 'synthesis', request: { seed } });
    if (statedIn(choices[0]!.message.content) === '391') right++;
  }
  expect(Math.abs(right / 1000 - 0.9)).toBeLessThan(0.03);
});

test('a critique names the best candidate where it is asked to, nine times in ten', async () => {
  let right = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const text = `${SUM}\n${candidates('392', '391')}\nEnd with "Best: <number>".`;
    const { choices } = await complete({ text, asked: SUM, role: 'critique', request: { seed } });
    if (textIn(choices).endsWith('\nBest: 2')) right++;
  }
  expect(Math.abs(right / 1000 - 0.9)).toBeLessThan(0.03);
});

test('earlier answers of the conversation are no candidates', async () => {
  const messages = [
    { role: 'user', content: SUM },
    { role: 'assistant', content: '[demo] I make it 391.\n\nFinal answer: 391' },
    { role: 'user', content: `What is 2 * 3?\n${candidates('7')}` },
  ];
  const { choices } = await complete({ role: 'critique', request: { messages } });
  expect(textIn(choices)).toMatch(/^\[demo\] Critique: Candidate 1 \(7\) [^\n]*$/);
});

test('a synthesis of wrong candidates stays wrong', async () => {
  const text = `${SUM}\n${candidates('392', '401', '401')}`;
  const { choices } = await complete({ text, asked: SUM, role: 'synthesis', request: { n: 50 } });
  expect(new Set(choices.map(({ message }) => statedIn(message.content)))).toEqual(new Set(['401']));
});

test('a critique speaks of each candidate and states no answer of its own', async () => {
  const text = `${SUM}\n${candidates('392', '391')}`;
  const { choices } = await complete({ text, asked: SUM, role: 'critique' });
  expect(choices[0]!.message.content).toMatch(/^\[demo\] Critique: Candidate 1 \(392\) .*\nCandidate 2 \(391\) /);
  expect(choices[0]!.message.content).not.toContain('Final answer');
});

test('a stream carries the text, the reasons and the usage of the plain answer', async () => {
  for (const request of [{ n: 3 }, { max_tokens: 7 }, { stop: 'Final' }, { tools: [TOOL] }]) {
    const plain = await complete({ text: SUM, request });
    const streamed = await events(
      await reply({ text: SUM, request: { ...request, stream: true, stream_options: { include_usage: true } } }),
    );
    expect(streamed.at(-1)).toBe('[DONE]');
    const chunks = streamed.slice(0, -1).map((data) => JSON.parse(data));
    for (const choice of plain.choices) {
      const own = chunks.flatMap((chunk) => chunk.choices).filter(({ index }) => index === choice.index);
      const deltas = own.map(({ delta }) => delta);
      expect(deltas[0]).toMatchObject({ role: 'assistant', content: '' });
      expect(deltas.map(({ content }) => content ?? '').join('')).toBe(choice.message.content ?? '');
      const args = deltas.map(({ tool_calls }) => tool_calls?.[0].function.arguments ?? '').join('');
      expect(args).toBe(choice.message.tool_calls?.[0]?.function?.arguments ?? '');
      expect(own.filter(({ finish_reason }) => finish_reason !== null)).toEqual([own.at(-1)]);
      expect(own.at(-1).finish_reason).toBe(choice.finish_reason);
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: plain.usage });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  }
});

test('a stream has no usage where nobody asked, and the ledger has it all the same', async () => {
  const { call, send } = demoCall({ text: SUM, request: { stream: true } });
  const streamed = await events(await send(call));
  expect(streamed.join()).not.toContain('usage');
  expect(call.exchange.ledger.usage?.completion_tokens).toBeGreaterThan(3);
});

test('each attempt is counted before it is answered, and refused over the budget', async () => {
  const { call, send } = demoCall({ text: SUM });
  call.exchange.ledger.budget = { maxCalls: 1 };
  await send(call);
  await send(call);
  expect(call.exchange.ledger).toMatchObject({ requests: 2, calls: 1 });
  await expect(send(call.again())).rejects.toMatchObject({ code: 'budget_exhausted' });
});

test('asks for no more than its reader takes', async () => {
  const clock = stepped();
  const { call, send } = demoCall({ text: SUM, request: { stream: true }, extra: { tokens_per_second: 10 }, clock });
  const streamed = await send(call);
  if (streamed.kind === 'complete') throw new Error('expected a stream');
  const seen: string[] = [];
  streamed.body.pipe({ write: (chunk) => seen.push(String(chunk)) > 1, end: () => {}, fail: () => {} });
  await settled();
  expect(seen).toHaveLength(1);
  clock.advance(100);
  await settled();
  clock.advance(100);
  await settled();
  expect(seen).toHaveLength(1);
  streamed.body.resume();
  await settled();
  expect(seen.length).toBeGreaterThan(1);
});

test('stops when the call is aborted, waiting or streaming', async () => {
  const abort = new AbortController();
  const waiting = demoCall({ text: SUM, extra: { latency: '10s' }, signal: abort.signal, clock: stepped() });
  const asking = waiting.send(waiting.call);
  const streaming = demoCall({
    text: SUM,
    request: { stream: true },
    extra: { tokens_per_second: 1 },
    signal: abort.signal,
    clock: stepped(),
  });
  const reading = events(await streaming.send(streaming.call));
  abort.abort(new Error('gone'));
  await expect(asking).rejects.toThrow('gone');
  await expect(reading).rejects.toThrow('gone');
});

test('stops producing when its reader leaves', async () => {
  const clock = stepped();
  const { call, send } = demoCall({ text: SUM, request: { stream: true }, extra: { tokens_per_second: 1 }, clock });
  const streamed = await send(call);
  if (streamed.kind === 'complete') throw new Error('expected a stream');
  streamed.body.pipe({ write: () => true, end: () => {}, fail: () => {} });
  await settled();
  expect(clock.waiting).toBe(1);
  streamed.cancel();
  await settled();
  expect(clock.waiting).toBe(0);
});

test('fails, cuts and hangs when its settings say so', async () => {
  const failed = await reply({ text: SUM, extra: { fail: { status: 429, rate: 1, retry_after: 2 } } });
  expect(failed.status).toBe(429);
  expect(headerOf(failed.headers, 'retry-after')).toBe('2');
  const cut = await reply({ text: SUM, request: { stream: true }, extra: { cut_stream: 1 } });
  await expect(events(cut)).rejects.toMatchObject({ code: 'upstream_stream_interrupted' });
  const clock = stepped();
  const hanging = reply({ text: SUM, extra: { hang: 1 }, clock });
  clock.advance(60_000);
  await expect(hanging).rejects.toMatchObject({ code: 'upstream_timeout' });
});

test('unknown settings are refused by name', async () => {
  await expect(reply({ text: SUM, extra: { latenzy: 1 } })).rejects.toThrow(/upstreams\.demo.*latenzy/s);
});

test('calls the first tool, or the one that is chosen, with arguments of its schema', async () => {
  const other = { type: 'function', function: { name: 'other', parameters: { type: 'object', properties: {} } } };
  const first = await complete({ text: SUM, request: { tools: [TOOL, other] } });
  const [called] = first.choices[0]!.message.tool_calls!;
  expect(first.choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
  expect(called).toMatchObject({ type: 'function', function: { name: 'weather' } });
  expect(JSON.parse(called!.function!.arguments)).toEqual({ city: expect.stringMatching(/^\[demo\]/), days: 3 });
  const choice = { type: 'function', function: { name: 'other' } };
  const chosen = await complete({ text: SUM, request: { tools: [TOOL, other], tool_choice: choice } });
  expect(chosen.choices[0]!.message.tool_calls![0]!.function!.name).toBe('other');
  const none = await complete({ text: SUM, request: { tools: [TOOL], tool_choice: 'none' } });
  expect(none.choices[0]!.finish_reason).toBe('stop');
});

test('answers with what a tool said, and does not call again', async () => {
  const { choices } = await complete({
    request: {
      tools: [TOOL],
      messages: [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function' }] },
        { role: 'tool', tool_call_id: 'a', content: 'rain' },
      ],
    },
  });
  expect(choices[0]!.message.content).toBe('[demo] The tool answered: rain');
});

test('a JSON answer conforms to the schema asked for', async () => {
  const schema = { type: 'object', properties: { result: { type: 'number' }, note: { type: 'string' } } };
  const { choices } = await complete({
    text: SUM,
    request: { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
  });
  const value = JSON.parse(textIn(choices));
  expect(value).toEqual({ result: expect.any(Number), note: expect.stringMatching(/^\[demo\]/) });
  expect(value.note).toContain(`Final answer: ${value.result}`);
});

test('schemas with references, bounds, enums and recursion are filled and end', () => {
  const node = {
    type: 'object',
    properties: { next: { $ref: '#/$defs/node' }, size: { type: 'integer', minimum: 5 } },
  };
  const filled = conforming(
    {
      $defs: { node },
      type: 'object',
      properties: {
        node: { $ref: '#/$defs/node' },
        colour: { enum: ['red', 'blue'] },
        pair: { type: 'array', items: { type: 'string', maxLength: 3 }, minItems: 2 },
        maybe: { anyOf: [{ type: 'null' }, { type: 'string' }] },
        day: { type: 'string', format: 'date' },
      },
    },
    { text: '[demo]', number: undefined },
  );
  expect(filled).toMatchObject({
    node: { size: 5 },
    colour: 'red',
    pair: ['[de', '[de'],
    maybe: null,
    day: '2024-01-01',
  });
});

test('embeddings are near where texts share words, and come as floats or base64', async () => {
  const ask = (body: object) => reply({ operation: 'embeddings', request: body });
  const floats = (await bodyOf(await ask({ input: ['a red fox', 'the red fox', 'stock prices'] }))) as unknown as {
    data: { embedding: number[]; index: number }[];
    usage: object;
  };
  const [a, b, c] = floats.data.map(({ embedding }) => embedding);
  const near = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  expect(near(a!, b!)).toBeGreaterThan(near(a!, c!) + 0.3);
  expect(near(a!, a!)).toBeCloseTo(1, 5);
  const coded = (await bodyOf(await ask({ input: 'a red fox', encoding_format: 'base64' }))) as unknown as {
    data: { embedding: string }[];
  };
  const bytes = Buffer.from(coded.data[0]!.embedding, 'base64');
  expect(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))).toEqual(a);
  expect(floats.usage).toEqual({ prompt_tokens: 8, total_tokens: 8 });
  expect((await ask({ input: [] })).status).toBe(400);
});

test('plain completions give n choices for each prompt, in order', async () => {
  const request = { prompt: [SUM, 'hi'], n: 2 } as unknown as Partial<ChatRequest>;
  const body = (await bodyOf(await reply({ operation: 'completions', request }))) as unknown as {
    object: string;
    choices: { text: string; index: number }[];
  };
  expect(body.object).toBe('text_completion');
  expect(body.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  expect(body.choices.map(({ text }) => text.includes('canned'))).toEqual([false, false, true, true]);
});

test.each([
  ['What is 17 * 23?', 391],
  ['calculate (3 + 4) x 5', 35],
  ['12 plus 7 times 2', 26],
  ['2^10 = ?', 1024],
  ['0.1 + 0.2', 0.3],
  ['what is -5 - -3', -2],
  ['What is 1,200 / 4?', 300],
])('works out %s', (text, value) => expect(findSum(text)?.value).toBe(value));

test.each(['2024-05-01', 'call 555-1234', 'either/or', 'version 3', '1 / 0 = ?', '(((', '5 + '])(
  'sees no sum in %s',
  (text) => expect(findSum(text)).toBeUndefined(),
);

const TOOL = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 3 } },
    },
  },
};

interface Asked {
  readonly text?: string;
  /** What the client asked, where an approach's prompt differs. */
  readonly asked?: string;
  readonly role?: string;
  readonly operation?: string;
  readonly request?: Partial<ChatRequest>;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly clock?: ReturnType<typeof stepped>;
}

function demoCall({
  text = '',
  asked = text,
  role = 'answer',
  operation = 'chat',
  request,
  extra = {},
  ...rest
}: Asked) {
  const provider = load(rest.clock ?? stepped());
  const settings = { name: 'demo', baseUrl: '', provider, timeoutMs: 60_000, extra };
  const upstream = new RealUpstream(settings as unknown as Upstream['settings'], undefined);
  const body = (content: string) =>
    Payload.fromValue<ChatRequest>({ model: 'demo-small', messages: [{ role: 'user', content }], ...request });
  const exchange = {
    id: 'exchange',
    operation,
    client: { path: '/v1/chat/completions' },
    request: body(asked),
    ledger: new Ledger(),
    ordinals: new Map(),
  } as unknown as Exchange;
  const signal = rest.signal ?? new AbortController().signal;
  const call = new Call({ exchange, request: body(text), role, upstream, signal });
  return { call, send: (one: Call) => provider.send(one, NO_TRANSPORT) };
}

function reply(asked: Asked): Promise<Reply> {
  const { call, send } = demoCall(asked);
  return send(call);
}

async function complete(asked: Asked) {
  return bodyOf(await reply(asked));
}

async function bodyOf(got: Reply) {
  if (got.kind !== 'complete') throw new Error(`expected a complete reply, got a ${got.kind}`);
  return got.body.value;
}

async function events(got: Reply): Promise<string[]> {
  if (got.kind === 'complete') throw new Error('expected a stream');
  const bytes: Buffer[] = [];
  for await (const chunk of got.body) bytes.push(chunk);
  return Buffer.concat(bytes)
    .toString()
    .split('\n\n')
    .filter(Boolean)
    .flatMap((event) => event.split('\n'))
    .map((line) => line.replace(/^data: /, ''));
}

function load(clock: ReturnType<typeof stepped>): Provider {
  expect(pluginRecord(demo)?.name).toBe('demo');
  let provider: Provider | undefined;
  const context = { providers: { add: (added: Provider) => (provider = added) }, clock };
  void demo({} as never, { context, options: {} } as never);
  return provider!;
}

function candidates(...values: string[]): string {
  return values
    .map((value, i) => `Candidate ${i + 1}:\n[demo] I make it ${value}.\n\nFinal answer: ${value}`)
    .join('\n');
}

function textIn([choice]: readonly Choice[]): string {
  const content = choice?.message.content;
  if (typeof content !== 'string') throw new Error('expected a text');
  return content;
}

function statedIn(content: unknown): string {
  return /Final answer: (.+)/.exec(String(content))?.[1] ?? '';
}

function stepped() {
  let now = 1_700_000_000_000;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    now: () => now,
    setTimeout(callback: () => void, ms: number) {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms: number) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { callback } of due) callback();
    },
    get waiting() {
      return timers.length;
    },
  };
}

/** All that promises alone still do is done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
