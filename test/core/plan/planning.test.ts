/** Which approach, upstream and model a request gets, by its marks. */
import { describe, expect, test, vi } from 'vitest';
import { createPlanning } from '../../../core/plan/planning.ts';
import { systemClock } from '../../../core/clock.ts';
import type { OtherExchange } from '../../../core/exchange/exchange.ts';
import { Payload } from '../../../core/bytes/payload.ts';
import { exchangeOf } from '../../support/exchange.ts';
import { chatExchange, prepare, registryWith, testUpstreams } from '../../support/scripted-handler.ts';
import { PLUGINS, type Options, select, refusal } from './planned.ts';

const ofModel = async (model: string, options: Options = {}) => {
  const { approach, model: name } = await select({ ...options, request: { model } });
  return [approach, name];
};

describe('a model’s prefix', () => {
  const listed = ['mars-7b-instruct', 'leap-7b-hf', 'R&D-model', 're2-native'];
  test.each([
    ['gpt-4o', 'none', 'gpt-4o'],
    ['moa-gpt-4o', 'moa', 'gpt-4o'],
    ['moa-bon-gpt-4o', 'moa&bon', 'gpt-4o'],
    ['re2&moa-gpt-4o', 're2&moa', 'gpt-4o'],
    ['re2|moa-gpt-4o', 're2|moa', 'gpt-4o'],
    ['RE2 & MOA-gpt-4o', 're2&moa', 'gpt-4o'],
    ['a&b|c-gpt', 'none', 'a&b|c-gpt'],
    ['moa-re2|bon-x', 'moa&re2|moa&bon', 'x'],
    ['bon-R&D-model', 'bon', 'R&D-model'],
    ['mars-7b-instruct', 'none', 'mars-7b-instruct'],
    ['leap-7b-hf', 'none', 'leap-7b-hf'],
    ['moa-mars-7b-instruct', 'moa', 'mars-7b-instruct'],
    ['none-mars-8b', 'none', 'mars-8b'],
    ['mars-8b', 'mars', '8b'],
    ['org/mcts-7b', 'none', 'org/mcts-7b'],
    ['MOA-gpt-4o', 'moa', 'gpt-4o'],
  ])('%s runs %s on %s', async (name, approach, model) => {
    expect(await ofModel(name, { listed })).toEqual([approach, model]);
  });

  test('alone leaves the server’s model, or is a 400', async () => {
    expect(await ofModel('moa', { settings: { model: 'gpt' } })).toEqual(['moa', 'gpt']);
    await expect(ofModel('moa-')).rejects.toThrow(refusal(400, 'model'));
  });

  test('is never asked about where the name does not begin with an approach', async () => {
    const upstreams = testUpstreams();
    const registry = await registryWith(PLUGINS);
    const planning = createPlanning({
      registry,
      upstreams,
      clock: systemClock,
      settings: { tags: 'start', limits: {} },
    });
    await planning.plan(chatExchange({ model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] }));
    expect(upstreams.asked).toEqual([]);
    await planning.plan(chatExchange({ model: 'moa-groq/llama', messages: [{ role: 'user', content: 'x' }] }));
    expect(upstreams.asked).toEqual(['main']);
  });

  test('goes before an upstream’s name', async () => {
    const { plan } = await select({ request: { model: 'moa-groq/llama-3' } });
    expect([plan.approach, plan.upstream.name, plan.request.value.model]).toEqual(['moa', 'groq', 'llama-3']);
  });
});

describe('the strongest source', () => {
  const sources = [false, true].flatMap((body) =>
    [false, true].flatMap((header) =>
      [false, true].flatMap((prefix) => [false, true].map((tag) => ({ body, header, prefix, tag }))),
    ),
  );

  test.each(sources)('wins: %o', async ({ body, header, prefix, tag }) => {
    const content = tag ? '<optillm_approach>re2</optillm_approach> Hello' : 'Hello';
    const run = await select({
      settings: { approach: 'cot_reflection' },
      headers: header ? { 'x-optigate-approach': 'moa' } : {},
      request: {
        model: prefix ? 'mars-gpt' : 'gpt',
        messages: [{ role: 'user', content }],
        ...(body ? { optillm_approach: 'bon' } : {}),
      },
    });
    const expected = (body && 'bon') || (header && 'moa') || (prefix && 'mars') || (tag && 're2') || 'cot_reflection';
    expect([run.approach, run.model, run.messages[0]?.content]).toEqual([expected, 'gpt', 'Hello']);
    expect(run.plan.request.value).not.toHaveProperty('optillm_approach');
  });

  test('auto means not named here; none is a name', async () => {
    const settings = { approach: 'moa' };
    expect((await select({ settings }, 'auto')).approach).toBe('moa');
    expect((await select({ settings }, 'none')).approach).toBe('none');
    expect((await select({ settings, request: { model: 'bon-gpt' } }, 'none')).model).toBe('gpt');
  });

  test('an unknown one is a 400 that names those that are listed', async () => {
    await expect(select({}, 'mao')).rejects.toMatchObject({
      status: 400,
      code: 'unknown_approach',
      param: 'optillm_approach',
      message: expect.stringMatching(/'moa'.*Listed: none, re2/),
    });
    await expect(select({ headers: { 'x-optigate-approach': 'x&moa' } })).rejects.toMatchObject({
      status: 400,
      param: 'x-optigate-approach',
    });
  });

  test('an unknown one of the server’s fails the start', async () => {
    await expect(select({ settings: { approach: 'mcts' } })).rejects.toThrow(/mcts/);
  });
});

describe('tags', () => {
  const tag = (value: string) => `<optillm_approach>${value}</optillm_approach>`;

  test('anywhere go from every text, in any case, with blanks and line breaks; the first one counts', async () => {
    const run = await select({
      settings: { tags: 'anywhere' },
      request: {
        messages: [
          { role: 'system', content: `Be kind. ${tag(' RE2 \n')}` },
          {
            role: 'user',
            content: [
              { type: 'text', text: `<OPTILLM_Approach>moa</optillm_APPROACH> Hi` },
              { type: 'image_url', image_url: {} },
            ],
          },
          { role: 'assistant', content: tag('bon') },
          { role: 'user', content: `a ${tag('moa')} b` },
        ],
      },
    });
    expect(run.approach).toBe('re2');
    expect(run.messages.map(({ content }) => content)).toEqual([
      'Be kind.',
      [
        { type: 'text', text: 'Hi' },
        { type: 'image_url', image_url: {} },
      ],
      tag('bon'),
      'a  b',
    ]);
  });

  const conversation = [
    { role: 'system', content: `${tag('moa')}${tag('bon')} Be kind.` },
    { role: 'user', content: `\n ${tag('mars')} Hi` },
    { role: 'assistant', content: tag('bon') },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: {} },
        { type: 'text', text: `${tag('RE2')}\nWhat does ${tag('leap')} do?` },
        { type: 'text', text: tag('cot_reflection') },
      ],
    },
  ];
  const untagged = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: tag('bon') },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: {} },
        { type: 'text', text: `What does ${tag('leap')} do?` },
        { type: 'text', text: tag('cot_reflection') },
      ],
    },
  ];

  test.each([
    ['the last user message selects', conversation, 're2', untagged],
    ['an earlier user message does not', conversation.slice(1, 3), 'mars', untagged.slice(1, 3)],
    [
      'a system message does where the last user message has none',
      [...conversation, { role: 'user', content: 'Go on' }],
      'moa',
      [...untagged, { role: 'user', content: 'Go on' }],
    ],
    [
      'a quoted one is text',
      [{ role: 'user', content: `Page: ${tag('moa')}` }],
      'none',
      [{ role: 'user', content: `Page: ${tag('moa')}` }],
    ],
  ] as const)('that open %s', async (_, messages, approach, sent) => {
    const run = await select({ request: { messages } });
    expect([run.approach, run.messages]).toEqual([approach, sent]);
  });

  test('taken as text are logged once', async () => {
    const { plan: decide, exchange } = await prepare(undefined, { plugins: PLUGINS });
    const info = vi.spyOn(exchange.log, 'info');
    const given = exchange.request;
    for (const content of [`${tag('moa')} Hi`, `See ${tag('moa')}`, `And ${tag('bon')}`]) {
      exchange.request = given.with({ messages: [{ role: 'user', content }] });
      await decide(exchange);
      expect(info).toHaveBeenCalledTimes(content.startsWith('<') ? 0 : 1);
    }
  });

  test('switched off, they go all the same', async () => {
    const run = await select({
      settings: { tags: false },
      request: { messages: [{ role: 'user', content: `${tag('moa')}Hi` }] },
    });
    expect([run.approach, run.messages[0]?.content]).toEqual(['none', 'Hi']);
  });

  test('a system message that held nothing else goes, too', async () => {
    const run = await select({
      request: {
        messages: [
          { role: 'system', content: tag('moa') },
          { role: 'user', content: 'Hi' },
        ],
      },
    });
    expect(run.messages).toEqual([{ role: 'user', content: 'Hi' }]);
  });

  test('are found where a client escapes brackets', async () => {
    const { plan: decide, exchange } = await prepare(undefined, { plugins: PLUGINS });
    const bytes = exchange.request.bytes
      .toString()
      .replace('What is', String.raw`\u003coptillm_approach\u003ebon\u003c/optillm_approach\u003eWhat is`);
    exchange.request = Payload.fromBytes(Buffer.from(bytes));
    const plan = await decide(exchange);
    expect([plan.approach, plan.request.value.messages[0]?.content]).toEqual(['bon', 'What is six times seven?']);
  });
});

describe('a request without marks', () => {
  test('is planned at once and keeps its bytes', async () => {
    const { planning, exchange } = await prepare(undefined, { plugins: PLUGINS });
    const plan = planning.plan(exchange);
    expect(plan).not.toBeInstanceOf(Promise);
    expect(plan).toMatchObject({ approach: 'none', isSingleCall: true, stamp: undefined });
    expect((await plan).request).toBe(exchange.request);
  });

  test('is passed on without a look inside', async () => {
    const { plan: decide, exchange } = await prepare(undefined, { plugins: PLUGINS });
    exchange.plan = await decide(exchange);
    const next = vi.fn().mockResolvedValue('reply');
    const call = { request: exchange.plan.request, exchange: { trace: { isOn: false } } };
    expect(exchange.plan.run(call as never, next)).toBe(next.mock.results[0]?.value);
    expect(next).toHaveBeenCalledWith(call);
  });

  test('loses an upstream’s name before the model, nothing else', async () => {
    const { plan, exchange } = await select({ request: { model: 'groq/llama', seed: 9007199254740992 } });
    expect(plan.upstream.name).toBe('groq');
    expect(plan.request.bytes.toString()).toBe(exchange.request.bytes.toString().replace('groq/llama', 'llama'));
  });
});

describe('other operations', () => {
  const plan = async (operation: OtherExchange['operation'], path: string, body: object) => {
    const { plan: decide } = await prepare(undefined, { plugins: PLUGINS, settings: { model: 'gpt' } });
    return decide(exchangeOf({ operation, path, body }));
  };

  test('go untouched to the upstream that the model names, else to the first that speaks their wire', async () => {
    const body = { model: 'moa-embed', input: 'x' };
    expect(await plan('embeddings', '/v1/embeddings', body)).toMatchObject({
      upstream: { name: 'main' },
      approach: 'none',
      request: { value: body },
    });
    expect(await plan('completions', '/v1/completions', { model: 'groq/x' })).toMatchObject({
      upstream: { name: 'groq' },
      request: { value: { model: 'x' } },
    });
    expect(await plan('messages', '/v1/messages', { model: 'opus' })).toMatchObject({ upstream: { name: 'claude' } });
    expect(await plan('other', '/v1/messages/count_tokens', { model: 'opus' })).toMatchObject({
      upstream: { name: 'claude' },
    });
    expect(await plan('other', '/v1/moderations', {})).toMatchObject({ upstream: { name: 'main' } });
  });

  test('need a model, and an upstream of their wire', async () => {
    await expect(plan('embeddings', '/v1/embeddings', { input: 'x' })).rejects.toThrow(refusal(400, 'model'));
    await expect(plan('messages', '/v1/messages', { model: 'groq/x' })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('provider: anthropic'),
    });
  });
});
