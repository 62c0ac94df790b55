import { describe, expect, test, vi } from 'vitest';
import { createApproachRegistry } from '../../../core/plan/registry.ts';
import { createPlanning } from '../../../core/plan/planning.ts';
import { systemClock } from '../../../core/clock.ts';
import type { OtherExchange } from '../../../core/exchange/exchange.ts';
import { Payload } from '../../../core/bytes/payload.ts';
import { definePlugin, z } from '../../../core/index.ts';
import { pluginRecord } from '../../../core/plugin/define.ts';
import bon from '../../../plugins/approaches/bon/index.ts';
import cot from '../../../plugins/approaches/cot_reflection/index.ts';
import moa from '../../../plugins/approaches/moa/index.ts';
import none from '../../../plugins/approaches/none.ts';
import re2 from '../../../plugins/approaches/re2.ts';
import { exchangeOf } from '../../support/exchange.ts';
import { chatExchange, prepare, registryWith, testUpstreams, type RunOptions } from '../../support/scripted-handler.ts';

/** Listed for their names only. */
const [mars, leap] = ['mars', 'leap'].map((name) =>
  definePlugin({
    name,
    description: 'A stand-in.',
    apply: ({ approaches }) => approaches.add(name, { kind: 'answerer', run: (call, next) => next(call) }),
  }),
);
const PLUGINS = [none, re2, bon, moa, cot, mars!, leap!];

type Options = Omit<RunOptions, 'script'>;

async function select(options: Options = {}, approach?: string) {
  const { plan: decide, exchange } = await prepare(approach, { plugins: PLUGINS, ...options });
  const plan = await decide(exchange);
  return {
    plan,
    exchange,
    approach: plan.approach,
    model: plan.request.value.model,
    messages: plan.request.value.messages,
  };
}

const ofModel = async (model: string, options: Options = {}) => {
  const { approach, model: name } = await select({ ...options, request: { model } });
  return [approach, name];
};
const refusal = (status: number, param: string) => expect.objectContaining({ status, param });

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
      settings: { tags: true, limits: {} },
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
    const content = tag ? 'Hello <optillm_approach>re2</optillm_approach>' : 'Hello';
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

  test('go from every text, in any case, with blanks and line breaks; the first one counts', async () => {
    const run = await select({
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

describe('options of a request', () => {
  test('flat and nested ones go over the file’s, nested before flat, and do not go upstream', async () => {
    const { plan } = await select(
      { request: { best_of_n: 5, bon_early_stop: true, optigate: { bon: { best_of_n: 7 } } } },
      'bon',
    );
    expect(plan.options).toMatchObject({ bon: { best_of_n: 7, bon_early_stop: true, bon_rating: 'pointwise' } });
    for (const field of ['best_of_n', 'bon_early_stop', 'optigate', 'optillm_approach'])
      expect(plan.request.value).not.toHaveProperty(field);
    expect((await select({}, 'bon')).plan.options).toMatchObject({ bon: { best_of_n: 3 } });
  });

  test('a name of the wire’s is, flat, the wire’s', async () => {
    const { plan } = await select({ request: { temperature: 0.1, max_tokens: 5 } }, 'cot_reflection');
    expect(plan.request.value).toMatchObject({ temperature: 0.1, max_tokens: 5 });
    expect(plan.options).toMatchObject({ cot_reflection: { temperature: 0.6 } });
  });

  test.each([
    [{ optigate: { bon: { best_of_n: 0 } } }, 'optigate.bon.best_of_n'],
    [{ best_of_n: 'many' }, 'best_of_n'],
    [{ optigate: { bon: { best_of: 3 } } }, 'optigate.bon.best_of'],
    [{ optigate: { bom: {} } }, 'optigate.bom'],
    [{ optigate: { bon: 3 } }, 'optigate.bon'],
    [{ optigate: [] }, 'optigate'],
    [{ optigate: { max_calls: 0 } }, 'optigate.max_calls'],
    [{ optigate: { deadline: 'soon' } }, 'optigate.deadline'],
    [{ optigate: { trace: 'yes' } }, 'optigate.trace'],
    [{ optigate: { n: 'best' } }, 'optigate.n'],
    [{ optigate: { reduce: 'best' } }, 'optigate.reduce'],
    [{ n: 0 }, 'n'],
    [{ optillm_approach: 3 }, 'optillm_approach'],
  ])('%o is a 400 that names %s', async (request, param) => {
    await expect(select({ request, headers: { 'x-optigate-approach': 'bon' } })).rejects.toThrow(refusal(400, param));
  });

  test('a near miss is told', async () => {
    await expect(select({ request: { optigate: { bom: {} } } })).rejects.toThrow(/did you mean 'bon'/);
  });

  test('a deadline that is none is told what one looks like', async () => {
    await expect(select({ request: { optigate: { deadline: '5 minutes' } } })).rejects.toThrow(
      "Invalid value for 'optigate.deadline': expected a duration such as 30s, or milliseconds",
    );
  });

  test('limits can only be lowered', async () => {
    const settings = { limits: { maxCalls: 10, deadlineMs: 60_000 } };
    const { plan } = await select({
      settings,
      request: { optigate: { max_calls: 99, max_tokens: 500, deadline: '30s', progress: false, trace: true } },
    });
    expect(plan.budget).toEqual({ maxCalls: 10, maxTokens: 500, deadlineMs: 30_000 });
    expect([plan.wantsProgress, plan.wantsTrace]).toEqual([false, true]);
  });

  test('one request’s do not touch another’s', async () => {
    const { plan: decide, exchange } = await prepare('bon', { plugins: PLUGINS, request: { best_of_n: 9 } });
    const second = chatExchange({ model: 'm', messages: [{ role: 'user', content: 'x' }], optillm_approach: 'bon' });
    expect((await decide(exchange)).options['bon']).toMatchObject({ best_of_n: 9 });
    expect((await decide(second)).options['bon']).toMatchObject({ best_of_n: 3 });
  });
});

describe('the body', () => {
  test.each([
    [{ messages: undefined }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'x' }, 'messages'],
    [{ model: 7 }, 'model'],
    [{ model: null }, 'model'],
  ])('%o is a 400', async (request, param) => {
    await expect(select({ request })).rejects.toThrow(refusal(400, param));
  });

  test.each([
    [null, 'messages[1]'],
    ['x', 'messages[1]'],
    [{ content: 'x' }, 'messages[1]'],
    [{ role: 'assistant', tool_calls: [null] }, 'messages[1]'],
  ])('with a message such as %o is a 400 where an approach would read it', async (message, param) => {
    const request = { messages: [{ role: 'user', content: 'x' }, message] };
    await expect(select({ request }, 'bon')).rejects.toThrow(refusal(400, param));
    expect((await select({ request })).approach).toBe('none');
  });

  test('without a model takes the server’s', async () => {
    expect((await select({ request: { model: undefined }, settings: { model: 'gpt' } })).model).toBe('gpt');
  });

  test('the server’s n counts where an approach runs', async () => {
    const settings = { defaultN: 2 };
    expect((await select({ settings }, 'moa')).plan.request.value.n).toBe(2);
    expect((await select({ settings, request: { n: 3 } }, 'moa')).plan.request.value.n).toBe(3);
    expect((await select({ settings })).plan.request.value).not.toHaveProperty('n');
  });

  test('a model the caller may not use is a 403', async () => {
    const identity = { models: ['gpt-4o*', 'groq/*'] };
    expect((await select({ identity, request: { model: 'moa-gpt-4o-mini' } })).model).toBe('gpt-4o-mini');
    expect((await select({ identity, request: { model: 'groq/x' } })).model).toBe('x');
    await expect(select({ identity, request: { model: 'o1' } })).rejects.toMatchObject({
      status: 403,
      code: 'model_not_allowed',
    });
  });

  test('an upstream of another wire is a 404 that says what is needed', async () => {
    await expect(select({ request: { model: 'claude/opus' } })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('provider: openai'),
    });
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

describe('the registry', () => {
  const run = () => Promise.reject(new Error('not run'));
  const record = pluginRecord(definePlugin({ name: 'mine', description: 'Mine.', apply: () => undefined }))!;

  test('refuses what would not work, naming plugin and slug', () => {
    const view = createApproachRegistry().viewFor(record, {});
    view.add('one', { kind: 'answerer', run });
    const add = (slug: string, approach: object) => () => view.add(slug, approach as never);
    expect(add('one', { kind: 'answerer', run })).toThrow(
      /plugin 'mine': approach 'one' is offered by the plugin 'mine'/,
    );
    expect(add('auto', { kind: 'answerer', run })).toThrow(/'auto'/);
    expect(add('A b', { kind: 'answerer', run })).toThrow(/lower case/);
    expect(add('two', { kind: 'magic', run })).toThrow(/kind/);
    expect(add('two', { kind: 'answerer' })).toThrow(/run/);
    expect(add('two', { kind: 'answerer', run, options: z.strictObject({ x: z.number() }) })).toThrow(/default.*x/);
  });

  test('completes options of an approach’s own; flat names are for built-in ones', () => {
    const registry = createApproachRegistry();
    registry.viewFor(record, {}).add('built', {
      kind: 'answerer',
      run,
      options: z.strictObject({ x: z.int().default(3), temperature: z.number().default(1) }),
    });
    registry
      .viewFor(record, {}, false)
      .add('custom', { kind: 'answerer', run, options: z.strictObject({ y: z.int().default(3) }) });
    expect(registry.get('built')?.defaults).toEqual({ x: 3, temperature: 1 });
    expect([...registry.flatOptions.keys()]).toEqual(['x', 'built_x', 'built_temperature', 'built_config']);
  });
});
