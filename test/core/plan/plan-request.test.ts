/** What of a request’s body a plan reads: its options, model, messages. */
import { describe, expect, test } from 'vitest';
import { chatExchange, prepare } from '../../support/scripted-handler.ts';
import { PLUGINS, select, refusal } from './planned.ts';

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
      `Invalid value for 'optigate.deadline': expected duration such as 500ms, 30s, 10m, 1h or null, got "5 minutes"`,
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
