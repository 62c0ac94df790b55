import { describe, expect, test } from 'vitest';
import { SteppedClock } from '../../support/clock.ts';
import { startGateway } from '../../support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  CUT,
  events,
  HANG,
  hold,
  json,
  scriptedUpstream,
  sse,
  type ScriptedRequest,
  type Step,
} from '../../support/scripted-upstream.ts';

const YAML = 'plugins: [retry, none, re2, bon, moa, self_consistency, cot_reflection]';
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** Plays the roles of `moa` by what it is asked. */
function agents({ json: body }: ScriptedRequest, live = events([])) {
  if (body['stream'] === true) return live;
  const n = typeof body['n'] === 'number' ? body['n'] : 1;
  if (n === 1) return json(chatCompletion('Draft 2 is best.\nBest: 2', { usage: USAGE }));
  const [choice] = chatCompletion('x').choices;
  const choices = Array.from({ length: n }, (_, index) => ({
    ...choice,
    index,
    message: { role: 'assistant', content: `draft ${index}` },
  }));
  return json({ ...chatCompletion(''), choices, usage: USAGE });
}

function deltasOf(text: string): Record<string, unknown>[] {
  const events = text.split('\n\n').filter((event) => event.startsWith('data: {'));
  return events.map((event) => JSON.parse(event.slice(6)) as Record<string, unknown>);
}

describe('moa, streamed', () => {
  test('shows progress, then the last call while it still runs, under one id', async () => {
    const rest = hold();
    const steps = [
      chatChunk({ role: 'assistant', content: '' }),
      chatChunk({ content: 'The ' }),
      () => rest.promise,
      chatChunk({ content: 'answer' }),
      chatChunk({}, 'stop'),
      { ...chatChunk({}), choices: [], usage: USAGE },
      'data: [DONE]\n\n',
    ];
    await using upstream = await scriptedUpstream((request) => agents(request, events(steps)));
    await using gateway = await startGateway(upstream, { yaml: YAML });

    const response = await gateway.chat({
      optillm_approach: 'moa',
      stream: true,
      stream_options: { include_usage: true },
    });
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes('The ')) text += decoder.decode((await reader.read()).value, { stream: true });
    rest.release();
    for (let read = await reader.read(); !read.done; read = await reader.read())
      text += decoder.decode(read.value, { stream: true });

    const chunks = deltasOf(text);
    expect(new Set(chunks.map(({ id, created, model }) => JSON.stringify([id, created, model]))).size).toBe(1);
    expect(text).toContain('"reasoning_content":"[optigate] Writing drafts.');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 45 } });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(upstream.requests.length).toBe(3);
    expect(response.headers.get('x-optigate-approach')).toBe('moa');
  });

  const wordless = sse(chatChunk({ role: 'assistant', content: '' })) + sse(chatChunk({ reasoning_content: 'Hm.' }));

  test.each<{ how: string; end: Step; waitMs: number; reason: string }>([
    { how: 'breaks off', end: CUT, waitMs: 0, reason: 'upstream_stream_interrupted' },
    { how: 'meets its deadline', end: HANG, waitMs: 50_000, reason: 'deadline' },
  ])('a last call that $how before its first word leaves the best draft', async ({ end, waitMs, reason }) => {
    const clock = new SteppedClock();
    const live = events([wordless, end]);
    await using upstream = await scriptedUpstream((request) => agents(request, live));
    await using gateway = await startGateway(upstream, { yaml: YAML, clock });
    const optigate = { deadline: '50s', trace: true };
    const response = await gateway.chat({ optillm_approach: 'moa', stream: true, optigate });
    let text = '';
    for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
      if (!text.includes('Hm.') && (text + bytes).includes('Hm.')) clock.advance(waitMs);
      text += bytes;
    }
    const chunks = deltasOf(text) as { choices: { delta: { content?: string }; finish_reason: string | null }[] }[];
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('draft 1');
    expect(choices.at(-1)?.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ optigate: { degraded: reason } });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('a last call that breaks off after its first word is an error', async () => {
    const live = events([wordless, chatChunk({ content: 'The ' }), CUT]);
    await using upstream = await scriptedUpstream((request) => agents(request, live));
    await using gateway = await startGateway(upstream, { yaml: YAML });
    const text = await (await gateway.chat({ optillm_approach: 'moa', stream: true })).text();
    expect(deltasOf(text).at(-1)).toMatchObject({ error: { code: 'upstream_stream_interrupted' } });
    expect(text).not.toContain('[DONE]');
  });

  test.each(['none|moa', 'moa|none', 'moa|moa'])(
    '%s: one id, time and model, whoever streams first',
    async (approach) => {
      const steps = [
        chatChunk({ role: 'assistant', content: 'x' }, null, { model: 'dated' }),
        chatChunk({}, 'stop', { model: 'dated' }),
        'data: [DONE]\n\n',
      ];
      await using upstream = await scriptedUpstream((request) => agents(request, events(steps)));
      await using gateway = await startGateway(upstream, { yaml: YAML });

      const response = await gateway.chat({ optillm_approach: approach, stream: true });

      const chunks = deltasOf(await response.text());
      expect(JSON.stringify(chunks)).toContain('Writing drafts.');
      expect(new Set(chunks.map(({ id, created, model }) => JSON.stringify([id, created, model]))).size).toBe(1);
    },
  );

  test('progress says nothing in a choice that has finished, and tells usage: null to those who ask', async () => {
    const drafting = hold();
    await using upstream = await scriptedUpstream(async (request) => {
      if (request.json['n'] === 3) await drafting.promise;
      return agents(request, events([chatChunk({ role: 'assistant', content: 'x' }), chatChunk({}, 'stop')]));
    });
    await using gateway = await startGateway(upstream, { yaml: YAML });

    const response = await gateway.chat({
      optillm_approach: 'none|moa',
      stream: true,
      stream_options: { include_usage: true },
    });
    const decoder = new TextDecoder();
    let text = '';
    for await (const bytes of response.body!) {
      text += decoder.decode(bytes, { stream: true });
      if (text.includes('"stop"')) drafting.release();
    }

    const choices = deltasOf(text).flatMap((chunk) => chunk['choices'] as { index: number; finish_reason: unknown }[]);
    const first = choices.filter(({ index }) => index === 0);
    expect(first.findIndex(({ finish_reason }) => finish_reason === 'stop')).toBe(first.length - 1);
    expect(deltasOf(text).every((chunk) => 'usage' in chunk)).toBe(true);
    expect(text).toContain('"reasoning_content":"[optigate] Writing drafts.');
  });

  test('a client that leaves closes the upstream’s connections', async () => {
    await using upstream = await scriptedUpstream((request) =>
      agents(request, events([chatChunk({ role: 'assistant', content: 'x' }), () => new Promise(() => undefined)])),
    );
    await using gateway = await startGateway(upstream, { yaml: YAML });
    const client = new AbortController();
    const response = await gateway.chat({ optillm_approach: 'moa', stream: true }, {}, client.signal);
    const last = await upstream.request(2);
    client.abort();
    await response.text().catch(() => undefined);
    await last.aborted;
  });
});

test('a|b answers over the wire, one choice each', async () => {
  await using upstream = await scriptedUpstream(({ json: body }) =>
    json(chatCompletion(JSON.stringify(body).includes('again') ? 'twice' : 'once', { usage: USAGE })),
  );
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const response = await gateway.chat({ optillm_approach: 'none|re2' });
  const body = (await response.json()) as {
    choices: { message: { content: string }; optigate: unknown }[];
    usage: unknown;
  };
  expect(body.choices.map(({ message, optigate }) => [message.content, optigate])).toEqual([
    ['once', { approach: 'none' }],
    ['twice', { approach: 're2' }],
  ]);
  expect(body.usage).toMatchObject({ total_tokens: 30 });
  expect(response.headers.get('x-optigate-calls')).toBe('2');
});

test('an upstream’s refusal of an approach’s call is relayed', async () => {
  await using upstream = await scriptedUpstream(
    json(
      { error: { message: 'no such model', type: 'invalid_request_error', param: null, code: 'model_not_found' } },
      { status: 404 },
    ),
  );
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const response = await gateway.chat({ optillm_approach: 'bon' });
  expect([response.status, await response.json()]).toMatchObject([
    404,
    { error: { message: 'no such model', code: 'model_not_found' } },
  ]);
});

test('trace: true tells what happened', async () => {
  await using upstream = await scriptedUpstream((request) => agents(request));
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const body = (await (await gateway.chat({ optillm_approach: 'moa', optigate: { trace: true } })).json()) as {
    optigate: object;
  };
  expect(body.optigate).toMatchObject({
    approach: 'moa',
    calls: 3,
    rounds: 3,
    moa: { drafts: 3 },
    trace: {
      approach: 'moa',
      steps: [{ approach: 'moa', steps: [{ role: 'draft' }, { role: 'critique' }, { role: 'synthesis' }] }],
    },
  });
});

test.each([
  ['bon', 1],
  ['bon', 2],
])('a chosen answer streams in pieces (%s, n: %i)', async (approach, n) => {
  const long = 'Words and words. '.repeat(60);
  await using upstream = await scriptedUpstream(() => json(chatCompletion(long, { usage: USAGE })));
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const response = await gateway.chat({
    optillm_approach: approach,
    n,
    stream: true,
    optigate: { bon: { best_of_n: 1 } },
  });
  const pieces = deltasOf(await response.text()).flatMap(({ choices }) =>
    (choices as { index: number; delta: { content?: string } }[]).filter(({ index }) => index === n - 1),
  );
  const texts = pieces.flatMap(({ delta }) => (delta.content ? [delta.content] : []));
  expect(texts.length).toBeGreaterThan(5);
  expect(texts.join('')).toBe(long);
});
