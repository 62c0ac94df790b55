import { expect, test } from 'vitest';
import { headerOf, type ChatRequest } from '../../../core/index.ts';
import { SUM, TOOL, bodyOf, complete, demoCall, events, reply, settled } from './demo-call.ts';
import { SteppedClock } from '../../support/clock.ts';

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
  const clock = new SteppedClock();
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
  const waiting = demoCall({ text: SUM, extra: { latency: '10s' }, signal: abort.signal, clock: new SteppedClock() });
  const asking = waiting.send(waiting.call);
  const streaming = demoCall({
    text: SUM,
    request: { stream: true },
    extra: { tokens_per_second: 1 },
    signal: abort.signal,
    clock: new SteppedClock(),
  });
  const reading = events(await streaming.send(streaming.call));
  abort.abort(new Error('gone'));
  await expect(asking).rejects.toThrow('gone');
  await expect(reading).rejects.toThrow('gone');
});

test('stops producing when its reader leaves', async () => {
  const clock = new SteppedClock();
  const { call, send } = demoCall({ text: SUM, request: { stream: true }, extra: { tokens_per_second: 1 }, clock });
  const streamed = await send(call);
  if (streamed.kind === 'complete') throw new Error('expected a stream');
  streamed.body.pipe({ write: () => true, end: () => {}, fail: () => {} });
  await settled();
  expect(clock.timers).toBe(1);
  streamed.cancel();
  await settled();
  expect(clock.timers).toBe(0);
});

test('fails, cuts and hangs when its settings say so', async () => {
  const failed = await reply({ text: SUM, extra: { fail: { status: 429, rate: 1, retry_after: 2 } } });
  expect(failed.status).toBe(429);
  expect(headerOf(failed.headers, 'retry-after')).toBe('2');
  const cut = await reply({ text: SUM, request: { stream: true }, extra: { cut_stream: 1 } });
  await expect(events(cut)).rejects.toMatchObject({ code: 'upstream_stream_interrupted' });
  const clock = new SteppedClock();
  const hanging = reply({ text: SUM, extra: { hang: 1 }, clock });
  await expect.poll(() => clock.timers).toBe(1);
  clock.advance(60_000);
  await expect(hanging).rejects.toMatchObject({ code: 'upstream_timeout' });
});

test('unknown settings are refused by name', async () => {
  await expect(reply({ text: SUM, extra: { latenzy: 1 } })).rejects.toThrow(/upstreams\.demo.*latenzy/s);
});
