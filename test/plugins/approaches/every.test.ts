/** What holds for every approach, one table for all. */
import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import { gatewayError, GatewayError, type Call, type TraceNode } from '../../../core/index.ts';
import { replyTo } from '../../support/any-reply.ts';
import { EVERY_APPROACH, type ApproachCase } from '../../support/every-approach.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const every = describe.each(EVERY_APPROACH);

/** Runs one over a model that plays every role; `instead` may put something in place of single calls. */
function ask(
  { slug, plugin, messages }: ApproachCase,
  options: Partial<RunOptions> = {},
  instead: (index: number, call: Call) => Scripted | undefined = () => undefined,
) {
  // Each choice of a call is played by itself.
  let made = -1;
  let current: Call | undefined;
  const numberOf = (call: Call) => {
    if (call !== current) made++;
    current = call;
    return made;
  };
  const plugins = EVERY_APPROACH.map((other) => other.plugin).filter((other) => other !== plugin);
  return runApproach(slug, {
    plugins: [plugin, ...plugins],
    ...options,
    script: {
      '*': (sent, index, call) =>
        instead(numberOf(call), call) ?? replyTo(sent, `${call.digest}/${call.ordinal}/${index}`),
    },
    request: { messages, ...options.request },
  });
}

type Run = Awaited<ReturnType<typeof ask>>;
const textsOf = ({ completion }: Run) => completion.choices.map(({ message }) => message.content);

every('$slug', (approach) => {
  test('makes the calls and waits the rounds of the table, with n and without', async () => {
    const honouring = await ask(approach);
    expect([honouring.calls.length, honouring.rounds]).toEqual([approach.calls, approach.rounds]);

    const capabilities = new Capabilities();
    await ask(approach, { n: 'rejects', capabilities });
    const rejecting = await ask(approach, { n: 'rejects', capabilities });
    expect([rejecting.calls.length, rejecting.rounds]).toEqual([approach.callsWithoutN, approach.rounds]);
    for (const run of [honouring, rejecting]) expect(run.text).toContain('42');
  });

  test('costs one extra round at most where n is refused or ignored for the first time, and no call that is answered', async () => {
    for (const n of ['rejects', 'ignores'] as const) {
      const first = await ask(approach, { n });
      const usesN = approach.calls < approach.callsWithoutN;
      expect(first.rounds).toBeLessThanOrEqual(approach.rounds + (usesN ? 1 : 0));
      expect(first.calls.filter(({ status }) => status === 200)).toHaveLength(approach.callsWithoutN);
      expect(first.text).toContain('42');
    }
  });

  test('tells the sum of what all calls took', async () => {
    for (const n of ['honours', 'rejects'] as const) {
      const { completion, calls } = await ask(approach, { n });
      const answered = calls.filter(({ status }) => status === 200).length;
      expect(completion.usage).toMatchObject({
        prompt_tokens: answered * (USAGE.prompt_tokens ?? 0),
        completion_tokens: answered * (USAGE.completion_tokens ?? 0),
        total_tokens: answered * (USAGE.total_tokens ?? 0),
      });
    }
  });

  test('gives three choices for n: 3, in the rounds of one', async () => {
    for (const stream of [false, true]) {
      const run = await ask(approach, { request: { n: 3, stream } });
      expect(run.completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      for (const text of textsOf(run)) expect(text).toContain('42');
      // Each its own; those of cot_reflection differ in what is not shown.
      expect(new Set(textsOf(run)).size).toBe(approach.slug === 'cot_reflection' ? 1 : 3);
      expect([run.calls.length, run.rounds]).toEqual([approach.callsForThree, approach.rounds]);
      if (!stream) expect(run.completion.usage?.total_tokens).toBe(run.calls.length * (USAGE.total_tokens ?? 0));
    }
  });

  test('streams, with usage where it is asked for', async () => {
    const run = await ask(approach, { request: { stream: true, stream_options: { include_usage: true } } });
    expect(run.reply.kind === 'stream').toBe(approach.isLive);
    expect(run.text).toContain('42');
    expect([run.calls.length, run.rounds]).toEqual([approach.calls, approach.rounds]);
    // Only what is shown as it comes is asked for as a stream.
    const streams = run.calls.map(({ request }) => request.stream ?? false);
    expect(streams).toEqual(run.calls.map((_, index) => approach.isLive && index === approach.calls - 1));
    if (!approach.isLive) return;
    const ids = new Set(run.chunks.map(({ id }) => id));
    expect(ids).toEqual(approach.calls > 1 ? new Set([run.plan.stamp?.id]) : new Set(['chatcmpl-upstream']));
    const usages = run.chunks.flatMap(({ usage }) => (usage ? [usage.total_tokens] : []));
    expect(usages).toEqual([run.calls.length * (USAGE.total_tokens ?? 0)]);
  });

  test('makes the same calls again when it is repeated', async () => {
    const [one, two] = [await ask(approach), await ask(approach)];
    expect(two.calls.map(({ bytes }) => bytes)).toEqual(one.calls.map(({ bytes }) => bytes));
  });

  test.each(['temperature', 'top_p', 'n', 'stop', 'seed', 'logprobs', 'reasoning_effort', 'reasoning', 'max_tokens'])(
    'serves a model that refuses %s, with one extra round at most and none afterwards',
    async (field) => {
      const capabilities = new Capabilities();
      const first = await ask(approach, { refuses: [field], capabilities });
      expect([first.reply.status, first.text]).toEqual([200, expect.stringContaining('42')]);
      expect(first.rounds).toBeLessThanOrEqual(approach.rounds + 1);
      const then = await ask(approach, { refuses: [field], capabilities });
      expect(then.calls.filter(({ status }) => status !== 200)).toEqual([]);
      expect(then.rounds).toBe(approach.rounds);
    },
  );

  test('never makes a call over its budget, and answers wherever it made one', async () => {
    const first = await ask(approach, { n: 'rejects', request: { optigate: { max_calls: 1 } } });
    expect([first.calls.length, first.reply.status]).toEqual([1, 200]);
    for (let max_calls = 1; max_calls <= approach.callsWithoutN + 1; max_calls++) {
      for (const n of ['honours', 'rejects'] as const) {
        const capabilities = new Capabilities();
        if (n === 'rejects') await ask(approach, { n, capabilities });
        const run = await ask(approach, { n, capabilities, request: { optigate: { max_calls } } });
        expect(run.calls.length).toBeLessThanOrEqual(max_calls);
        expect([max_calls, n, run.reply.status, run.text]).toEqual([max_calls, n, 200, expect.stringMatching(/42|\w/)]);
        const isShort = max_calls < (n === 'honours' ? approach.calls : approach.callsWithoutN);
        if (isShort) expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
      }
    }
  });

  test('leaves a refusal of a field of the client’s own to the client', async () => {
    const run = await ask(approach, { refuses: ['logit_bias'], request: { logit_bias: { 1: 1 } } });
    expect(run.reply.status).toBe(400);
    expect(run.completion).toMatchObject({ error: { param: 'logit_bias' } });
    // Their plans and lessons go without the field, or can be gone on without.
    if (!['cepo', 'leap', 'plansearch', 'z3'].includes(approach.slug)) expect(run.rounds).toBe(1);
  });

  test('says in plain words what it is doing, where it takes several calls', async () => {
    const said: string[] = [];
    const run = await ask(approach, { progress: (text) => said.push(text), request: { stream: true } });
    expect(run.text).toContain('42');
    if (approach.calls > 1) expect(said.length).toBeGreaterThan(0);
    for (const text of said) expect(text).toMatch(/^[A-Z0-9][^{}<>]{5,150}[.:…]$/);
  });

  test('tells its calls and its findings in the trace, no texts', async () => {
    const run = await ask(approach, { request: { optigate: { trace: true } } });
    const { trace, ...facts } = run.completion['optigate'] as { trace: TraceNode };
    expect(facts).toMatchObject({ approach: approach.slug, rounds: approach.rounds });
    const step = approach.slug === 'none' ? trace : trace.steps.find((inner) => inner['approach'] === approach.slug);
    const calls = (step as TraceNode).steps.filter((inner) => 'role' in inner);
    expect(calls).toHaveLength(approach.calls);
    if (approach.calls > 1) expect(Object.keys(step ?? {}).length).toBeGreaterThan(4);
    expect(JSON.stringify(trace)).not.toMatch(/Worked out|Weighed|Write a JavaScript|six times/);
  });

  test('obeys the limits that the server gives it, and says so', async () => {
    // The plain call has no options.
    if (approach.slug === 'none') return;
    const run = await ask(approach, { file: { [approach.slug]: { limits: { max_calls: 1 } } } });
    expect([run.calls.length, run.reply.status, run.text]).toEqual([1, 200, expect.stringMatching(/\w/)]);
    if (approach.calls === 1) return;
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('budget');
  });

  test('ends at its deadline with the best so far', async () => {
    for (const from of new Set([1, Math.floor(approach.calls / 2), approach.calls - 1])) {
      if (from >= approach.calls) continue;
      const open: AbortSignal[] = [];
      const request = { optigate: { deadline: 40 } };
      const outcome = await ask(approach, { request }, (index, { signal }) => {
        if (index < from) return undefined;
        open.push(signal);
        return { hangs: true };
      }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ status: 504, code: 'deadline_exceeded' });
      else {
        const { reply, text, exchange } = outcome as Run;
        expect([reply.status, text]).toEqual([200, expect.stringMatching(/\w/)]);
        const isShort = open.some((signal) => (signal.reason as GatewayError).code === 'deadline_exceeded');
        if (isShort) expect(exchange.headers.get('x-optigate-degraded')).toBe('deadline');
      }
      // Where several candidates were there, one of them is the answer.
      if (!approach.isLive && approach.calls > 1 && from === approach.calls - 1)
        expect((outcome as Run).text).toContain('42');
      expect(open.every(({ aborted }) => aborted)).toBe(true);
    }
  });

  test('ends with its client, at once and with all its calls', async () => {
    for (const from of new Set([0, Math.floor(approach.calls / 2), approach.calls - 1])) {
      const leaving = new AbortController();
      const open: AbortSignal[] = [];
      const running = ask(approach, { signal: leaving.signal }, (index, { signal }) => {
        if (index < from) return undefined;
        if (open.push(signal) === 1) setImmediate(() => leaving.abort(gatewayError('client_closed')));
        return { hangs: true };
      });
      // One that needs the open calls no more may answer instead.
      const outcome = await running.catch((error: unknown) => error);
      if (outcome instanceof Error || from === 0) expect(outcome).toMatchObject({ code: 'client_closed' });
      expect(open.map(({ aborted }) => aborted)).toEqual(open.map(() => true));
    }
  });

  describe.each([
    ['401', { status: 401 }, 401],
    ['404', { status: 404 }, 404],
    ['429', { status: 429 }, 429],
    ['500', { status: 500 }, 500],
    ['a time-out', { throws: gatewayError('upstream_timeout', { upstream: 'main', ms: 1 }) }, 504],
    ['a cut', { throws: gatewayError('upstream_unreachable', { upstream: 'main' }) }, 502],
  ] as const)('%s', (_, failure: Scripted, status) => {
    const outcome = async (fails: (index: number) => boolean) => {
      try {
        const run = await ask(approach, {}, (index) => (fails(index) ? failure : undefined));
        // As the upstream wrote it.
        if (run.reply.status !== 200)
          expect(run.completion).toMatchObject({ error: { message: `failed with ${status}` } });
        if (run.reply.status === 200) {
          for (const text of textsOf(run)) expect(text).toMatch(/42|^One step further/);
          expect(JSON.stringify(run.completion)).not.toMatch(/failed with|upstream_/);
        }
        return run.reply.status;
      } catch (error) {
        if (error instanceof GatewayError) return error.status;
        throw error;
      }
    };
    test('of every call is the client’s', async () => {
      expect(await outcome(() => true)).toBe(status);
    });

    test('of a single call, wherever it is, is survived or the client’s', async () => {
      const { length } = (await ask(approach)).calls;
      const middle = Math.floor(length / 2);
      for (const failing of new Set([0, middle, length - 1])) {
        expect([200, status]).toContain(await outcome((index) => index === failing));
      }
    });

    test('of all calls from one on is survived or the client’s', async () => {
      const { length } = (await ask(approach)).calls;
      for (const first of new Set([1, Math.floor(length / 2), length - 1])) {
        expect([200, status]).toContain(await outcome((index) => index >= first));
      }
    });
  });

  test('keeps tools, images, format and unknown fields for the calls that answer', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
    const last = approach.messages.at(-1);
    const messages = [{ role: 'user', content: [{ type: 'text', text: last?.content }, image] }];
    const request = {
      messages,
      tools: [{ type: 'function', function: { name: 'add', parameters: {} } }],
      response_format: { type: 'text' },
      logprobs: true,
      stop: ['END'],
      my_field: { x: 1 },
    };
    const run = await ask(approach, { request });
    const answering = run.calls.filter(({ request }) => 'response_format' in request);
    expect(answering.length).toBeGreaterThan(0);
    for (const { request: sent } of answering) {
      expect(sent).toMatchObject({ ...request, messages: expect.anything() as unknown });
      expect(JSON.stringify(sent.messages)).toContain('data:image/png');
    }
    for (const { request: sent } of run.calls) expect(sent).not.toHaveProperty('optillm_approach');
  });

  test('goes on after a tool’s result, and passes tool calls on', async () => {
    const toolCalls = [{ id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }];
    const messages = [
      ...approach.messages,
      { role: 'assistant', content: null, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'c1', content: '42' },
    ];
    const after = await ask(approach, { request: { messages } });
    expect([after.reply.status, after.text]).toEqual([200, expect.stringMatching(/42/)]);
    expect([after.calls.length, after.rounds]).toEqual([approach.calls, approach.rounds]);
    // Some calls go on from there; what comes before and after is their part.
    const parts = after.calls.map(({ request }) => JSON.stringify(request.messages));
    const whole = JSON.stringify(messages.slice(-2)).slice(1, -1);
    expect(parts.filter((part) => part.includes(whole))).not.toEqual([]);

    const calling = await ask(
      approach,
      { request: { tools: [{ type: 'function', function: { name: 'add' } }] } },
      () => ({
        text: null,
        toolCalls,
      }),
    );
    expect(calling.completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: toolCalls },
    });
  });
});
