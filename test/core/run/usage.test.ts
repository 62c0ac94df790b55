import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import {
  chatCompletion,
  events,
  HANG,
  json,
  scriptedUpstream,
  sseChunksWithUsage,
} from '../../support/scripted-upstream.ts';

interface Answer {
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly completion_tokens_details?: Readonly<Record<string, number>>;
  };
  readonly optigate?: {
    readonly estimated?: readonly string[];
    readonly trace: { readonly steps: readonly unknown[] };
  };
}

const USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

test.each(['bon', 'moa', 're2', 'cot_reflection', 're2|none'])(
  'the usage of %s says how many tokens were reasoning: 0 if nobody reported any',
  async (approach) => {
    await using upstream = await scriptedUpstream((request) =>
      request.json['stream'] === true
        ? events(sseChunksWithUsage(USAGE, 'Hello'))
        : json(chatCompletion(`Thought ${request.index}. Score: 7`)),
    );
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [bon, moa, re2, cot_reflection]' });
    const { usage } = (await (await gateway.chat({ optillm_approach: approach })).json()) as Answer;
    expect(usage.completion_tokens_details).toEqual({ reasoning_tokens: 0 });
    if (approach === 're2') return;
    const stream = { stream: true, stream_options: { include_usage: true }, optillm_approach: approach };
    expect(await (await gateway.chat(stream)).text()).toContain('"completion_tokens_details":{"reasoning_tokens":0}');
  },
);

test('reported reasoning tokens are added up, and the plain call keeps its usage as it came', async () => {
  const usage = { ...USAGE, completion_tokens_details: { reasoning_tokens: 2 } };
  await using upstream = await scriptedUpstream((request) =>
    json(chatCompletion(`Thought ${request.index}`, request.json['model'] === 'plain' ? {} : { usage })),
  );
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [bon]' });
  const bon = (await (await gateway.chat({ optillm_approach: 'bon' })).json()) as Answer;
  expect(bon.usage.completion_tokens_details?.['reasoning_tokens']).toBe(2 * upstream.requests.length);
  const plain = (await (await gateway.chat({ model: 'plain' })).json()) as Answer;
  expect(plain.usage).toEqual(USAGE);
});

test.each(['self_consistency', 'retry, cache, self_consistency'])(
  'a call that was aborted counts with the prompt of its finished siblings, and is marked as estimated (%s)',
  async (plugins) => {
    await using upstream = await scriptedUpstream((request) => {
      if (request.json['n'] !== undefined) return json({ error: { message: 'no n', param: 'n' } }, { status: 400 });
      // The majority is certain after two of the three, so that the last one is aborted while it is open.
      return request.index <= 2 ? json(chatCompletion('Final answer: 4')) : HANG;
    });
    await using gateway = await startGateway(upstream, { yaml: `plugins: [${plugins}]` });
    const response = await gateway.chat({
      optillm_approach: 'self_consistency',
      optigate: { trace: true, self_consistency: { self_consistency_samples: 3, self_consistency_early_stop: true } },
    });
    expect(response.headers.get('x-optigate-estimated')).toBe('usage');
    const answer = (await response.json()) as Answer;
    expect(answer.usage).toMatchObject({ prompt_tokens: 27, completion_tokens: 6 });
    expect(answer.optigate?.estimated).toEqual(['usage']);
    expect(JSON.stringify(answer.optigate?.trace)).toContain('"estimated":true');
  },
);
