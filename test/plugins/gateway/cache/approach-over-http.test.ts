import { expect, test } from 'vitest';
import { startGateway } from '../../../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  HANG,
  hold,
  json,
  scriptedUpstream,
  type ScriptedRequest,
} from '../../../support/scripted-upstream.ts';

const YAML = 'plugins: [auth, cache, retry: { attempts: 1 }, re2, bon, moa, cot_reflection]\n';
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** Answers every role of `moa`; a stream tells its usage only to those who ask. */
function agents({ json: body }: ScriptedRequest) {
  const { n = 1, stream, stream_options: asked } = body as { n?: number; stream?: boolean; stream_options?: object };
  if (stream === true) {
    const texts = ['<output>', 'The ', 'answer', '</output>'].map((content) => chatChunk({ content }));
    const usage = asked ? [{ ...chatChunk({}), choices: [], usage: USAGE }] : [];
    return events([...texts, chatChunk({}, 'stop'), ...usage, 'data: [DONE]\n\n']);
  }
  const [choice] = chatCompletion('').choices;
  const choices = Array.from({ length: n }, (_, index) => ({
    ...choice,
    index,
    message: { role: 'assistant', content: n === 1 ? 'Best: 2' : `draft ${index}` },
  }));
  return json({ ...chatCompletion(''), choices, usage: USAGE });
}

const chunksOf = (text: string) =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice(6)) as Record<string, unknown>);
const cacheOf = (response: Response) => response.headers.get('x-optigate-cache');

test.each([
  ['moa', 45],
  ['cot_reflection', 15],
])('a streamed answer of %s serves every form, usage for those who ask', async (approach, tokens) => {
  await using upstream = await scriptedUpstream(agents);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const ask = { optillm_approach: approach };

  const streamed = await (await gateway.chat({ ...ask, stream: true })).text();
  const calls = upstream.requests.length;
  const again = await gateway.chat({ ...ask, stream: true, stream_options: { include_usage: true } });
  const plain = await gateway.chat(ask);

  expect(streamed).not.toContain('"usage"');
  expect([cacheOf(again), cacheOf(plain)]).toEqual(['hit', 'hit']);
  expect(chunksOf(await again.text()).at(-1)).toMatchObject({ choices: [], usage: { total_tokens: tokens } });
  expect(await plain.json()).toMatchObject({ usage: { total_tokens: tokens } });
  expect(upstream.requests).toHaveLength(calls);
});

test('a trace is told where usage is counted and not asked for', async () => {
  await using upstream = await scriptedUpstream(agents);
  await using gateway = await startGateway(upstream, { yaml: YAML });

  const streamed = await gateway.chat({ optillm_approach: 'moa', stream: true, optigate: { trace: true } });

  const last = chunksOf(await streamed.text()).at(-1);
  expect(last).toMatchObject({ choices: [], optigate: { approach: 'moa', calls: 3 } });
  expect(last).not.toHaveProperty('usage');
});

test('an answer resumed from the cache tells what it took, as one that was not interrupted', async () => {
  let isDown = true;
  await using upstream = await scriptedUpstream((request) =>
    isDown && request.json['n'] === undefined ? json({ error: { message: 'down' } }, { status: 500 }) : agents(request),
  );
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const ask = { optillm_approach: 'moa', messages: [{ role: 'user', content: 'x' }] };

  // The drafts are paid; neither critique nor answer came.
  const interrupted = await gateway.chat({ ...ask, optigate: { moa: { moa_critique: 'each' } } });
  expect(interrupted.headers.get('x-optigate-degraded')).toBe('critique_failed, answer_failed');
  isDown = false;
  const resumed = await gateway.chat(ask);
  const streamed = await gateway.chat({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
    optigate: { max_calls: 9 },
  });

  expect(resumed.headers.get('x-optigate-calls')).toBe('2');
  expect(await resumed.json()).toMatchObject({ usage: { prompt_tokens: 30, completion_tokens: 15, total_tokens: 45 } });
  expect(cacheOf(streamed)).toBe('miss');
  expect(chunksOf(await streamed.text()).at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 45 } });
});

test('the deadline of one request does not end the call of another', async () => {
  const held = hold();
  await using upstream = await scriptedUpstream([HANG, json(chatCompletion('in time'), { after: held.promise })]);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const ask = { optillm_approach: 're2' };

  const hasty = gateway.chat({ ...ask, optigate: { deadline: '100ms' } });
  await upstream.request(0);
  const patient = gateway.chat(ask);
  expect((await hasty).status).toBe(504);
  held.release();

  expect((await patient).status).toBe(200);
});

test('a fallback after a failure is not kept: the next request resumes and answers', async () => {
  let isDown = true;
  await using upstream = await scriptedUpstream((request) =>
    isDown && request.body.includes('<review>')
      ? json({ error: { message: 'down' } }, { status: 500 })
      : agents(request),
  );
  await using gateway = await startGateway(upstream, { yaml: YAML });

  const degraded = await gateway.chat({ optillm_approach: 'moa' });
  isDown = false;
  const next = await gateway.chat({ optillm_approach: 'moa' });

  expect(degraded.headers.get('x-optigate-degraded')).toBe('answer_failed');
  expect([cacheOf(next), next.headers.get('x-optigate-calls')]).toEqual(['miss', '1']);
});

test.each([true, false])('a trace from the cache says that nothing was sent (stream: %s)', async (stream) => {
  await using upstream = await scriptedUpstream(agents);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const ask = { optillm_approach: 'moa', optigate: { trace: true }, stream };
  const traceIn = async (response: Response) => {
    const text = await response.text();
    return [cacheOf(response), stream ? chunksOf(text).at(-1) : (JSON.parse(text) as object)];
  };
  expect(await traceIn(await gateway.chat(ask))).toMatchObject(['miss', { optigate: { calls: 3, rounds: 3 } }]);
  const again = await traceIn(await gateway.chat(ask));
  expect(again).toMatchObject(['hit', { optigate: { calls: 0, rounds: 0, cache: 'hit', moa: { drafts: 3 } } }]);
});
