/** Progress in streams: what clients that join deltas end with, and what becomes of it when they send it back. */
import { describe, expect, test } from 'vitest';
import { SteppedClock } from '../../support/clock.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  hold,
  json,
  scriptedUpstream,
  sse,
  type ScriptedRequest,
} from '../../support/scripted-upstream.ts';

const YAML = 'plugins: [none, re2, bon, moa, mcts, cot_reflection]';
const LIVE = [
  chatChunk({ role: 'assistant', content: '' }),
  chatChunk({ reasoning_content: 'I think. ' }),
  chatChunk({ content: 'Answer' }),
  chatChunk({}, 'stop'),
  'data: [DONE]\n\n',
];

/** Answers streams live, and any other call with as many choices as it asks for. */
function anything({ json: body }: ScriptedRequest, live = events(LIVE)) {
  if (body['stream'] === true) return live;
  const n = typeof body['n'] === 'number' ? body['n'] : 1;
  const choices = Array.from({ length: n }, (_, index) => ({
    ...chatCompletion(`Draft ${index}.\nScore: 0.7\nBest: 1`).choices[0],
    index,
  }));
  return json({ ...chatCompletion(''), choices });
}

interface Joined {
  role?: string;
  content?: string;
  reasoning_content?: string;
}

/** The messages by choice, strings joined, as official clients do. */
function joinedMessages(text: string): Joined[] {
  const messages: Joined[] = [];
  for (const event of text.split('\n\n')) {
    if (!event.startsWith('data: {')) continue;
    const { choices } = JSON.parse(event.slice(6)) as { choices: { index: number; delta: Joined }[] };
    for (const { index, delta } of choices) {
      const message = (messages[index] ??= {});
      for (const key of ['role', 'content', 'reasoning_content'] as const)
        if (typeof delta[key] === 'string') message[key] = (message[key] ?? '') + delta[key];
    }
  }
  return messages;
}

async function streamed(gateway: TestGateway, body: Record<string, unknown>): Promise<string> {
  return (await gateway.chat({ stream: true, ...body })).text();
}

describe('the role', () => {
  test.each(['bon', 'moa', 'mcts', 'cot_reflection', 're2', 'none|bon', 'moa|none', 're2&moa'])(
    'is said once per choice (%s)',
    async (approach) => {
      await using upstream = await scriptedUpstream((request) => anything(request));
      await using gateway = await startGateway(upstream, { yaml: YAML });
      for (const n of [1, 2])
        for (const progress of [true, false]) {
          const text = await streamed(gateway, { optillm_approach: approach, n, optigate: { progress } });
          const roles = joinedMessages(text).map(({ role }) => role);
          expect([n, progress, ...roles]).toEqual([n, progress, ...roles.map(() => 'assistant')]);
          expect(roles.length).toBe(approach.includes('|') ? 2 * n : n);
        }
    },
  );
});

test('a role that the upstream says with every chunk is said once all the same', async () => {
  const chatty = events([...LIVE.slice(0, 1), chatChunk({ role: 'assistant', content: 'A' }), ...LIVE.slice(2)]);
  await using upstream = await scriptedUpstream((request) => anything(request, chatty));
  await using gateway = await startGateway(upstream, { yaml: YAML });
  expect(joinedMessages(await streamed(gateway, { optillm_approach: 'moa' }))).toMatchObject([
    { role: 'assistant', content: 'AAnswer' },
  ]);
});

test('progress is told of the first of several choices alone, and of every branch', async () => {
  await using upstream = await scriptedUpstream((request) => anything(request));
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const twice = joinedMessages(await streamed(gateway, { optillm_approach: 'bon', n: 2 }));
  expect(twice[0]?.reasoning_content?.match(/Asking for 3 answers/g)).toHaveLength(1);
  expect(twice[1]?.reasoning_content).toBeUndefined();
  const both = joinedMessages(await streamed(gateway, { optillm_approach: 'bon|moa' }));
  expect(both[0]?.reasoning_content).toMatch(/Asking for 3 answers[\s\S]*Writing drafts/);
});

describe('progress that comes back', () => {
  /** What reaches the upstream of these earlier turns. */
  async function sent(turns: (progress: string) => readonly object[], body: Record<string, unknown> = {}) {
    await using upstream = await scriptedUpstream((request) => anything(request));
    await using gateway = await startGateway(upstream, { yaml: YAML });
    const [{ reasoning_content: progress = '' } = {}] = joinedMessages(
      await streamed(gateway, { optillm_approach: 'moa' }),
    );
    expect(progress).toContain('Writing drafts.');
    const before = upstream.requests.length;
    const user = { role: 'user', content: 'And now?' };
    const response = await gateway.chat({ messages: [user, ...turns(progress), user], ...body });
    expect(response.status).toBe(200);
    return upstream.requests.slice(before).map(({ json: { messages } }) => (messages as object[])[1]);
  }

  test('never goes upstream, a model’s own reasoning in the same text does', async () => {
    const [message] = await sent((progress) => [{ role: 'assistant', content: 'A', reasoning_content: progress }]);
    expect(message).toEqual({ role: 'assistant', content: 'A', reasoning_content: 'I think. ' });
  });

  test('leaves no empty field, also in front of an approach', async () => {
    const onlyOurs = (progress: string) => progress.replace('I think. ', '').trim();
    const messages = await sent(
      (progress) => [{ role: 'assistant', content: 'A', reasoning_content: onlyOurs(progress) }],
      { optillm_approach: 'bon' },
    );
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages)
      if (JSON.stringify(message).includes('"A"')) expect(message).toEqual({ role: 'assistant', content: 'A' });
  });

  test.each<{ how: string; turn: (progress: string) => object; upstream: object }>([
    {
      how: 'as a tool turn without content',
      turn: (progress) => ({ role: 'assistant', content: null, tool_calls: [{ id: 'a' }], reasoning: progress }),
      upstream: { role: 'assistant', content: null, tool_calls: [{ id: 'a' }], reasoning: 'I think. ' },
    },
    {
      how: 'in tags before the answer',
      turn: (progress) => ({ role: 'assistant', content: `<think>\n${progress}\n</think>\n\nA` }),
      upstream: { role: 'assistant', content: '<think>\nI think. \n</think>\n\nA' },
    },
    {
      how: 'as a part of the content',
      turn: (progress) => ({
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: progress.replace('I think. ', '') },
          { type: 'text', text: 'A' },
        ],
      }),
      upstream: { role: 'assistant', content: [{ type: 'text', text: 'A' }] },
    },
    {
      how: 'but not what a text says of it',
      turn: (progress) => ({ role: 'assistant', content: `It printed ${progress}` }),
      upstream: { role: 'assistant', content: expect.stringContaining('[optigate] Writing drafts.') as string },
    },
  ])('is taken out $how', async ({ turn, upstream }) => {
    expect(await sent((progress) => [turn(progress)])).toEqual([upstream]);
  });
});

describe('a keep-alive chunk', () => {
  const SERVER = `server: { port: 0, keep_alive: chunk }\n${YAML}`;
  const identities = (text: string) =>
    new Set(
      text
        .split('\n\n')
        .filter((event) => event.startsWith('data: {'))
        .map((event) => {
          const { id, created, model } = JSON.parse(event.slice(6)) as Record<string, unknown>;
          return JSON.stringify([id, created, model]);
        }),
    );

  test.each(['none', 'moa', 'bon'])(
    'before the first word opens the stream under its one id (%s)',
    async (approach) => {
      const clock = new SteppedClock();
      const first = hold();
      await using upstream = await scriptedUpstream(async (request) => {
        await first.promise;
        return anything(request);
      });
      await using gateway = await startGateway(upstream, { yaml: SERVER, clock });
      const asking = gateway.chat({ stream: true, optillm_approach: approach });
      await upstream.request(0);
      clock.advance(15_000);
      const response = await asking;
      first.release();
      const text = await response.text();
      expect(text).toContain('"delta":{},"finish_reason":null');
      expect([...identities(text)]).toEqual([expect.stringMatching(/^\["chatcmpl-[-0-9a-f]{36}",\d+,"test-model"\]$/)]);
      expect(joinedMessages(text)[0]?.role).toBe('assistant');
    },
  );

  test('in the middle of a stream has the id of the chunks before', async () => {
    const clock = new SteppedClock();
    const rest = hold();
    const steps = [sse(chatChunk({ role: 'assistant', content: 'a' })), () => rest.promise, ...LIVE.slice(2)];
    await using upstream = await scriptedUpstream(events(steps));
    await using gateway = await startGateway(upstream, { yaml: SERVER, clock });
    const response = await gateway.chat({ stream: true });
    let text = '';
    for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      if (text.includes('"delta":{}')) rest.release();
      else clock.advance(15_000);
    }
    expect(identities(text).size).toBe(1);
  });
});
