import { expect, test } from 'vitest';
import { BudgetExhausted, GatewayError, type Call, type Handler, type Reply } from '../../../../core/index.ts';
import { reportDegraded, survive } from '../../../../core/approach/index.ts';
import { complete, completionOf, openStream, eventsOf, pipelineOf } from './pipeline.ts';
import { QUESTION } from '../../../support/exchange.ts';

/** Three equal samples, then one call that embeds them: best-of-3 in short. */
const bestOf3 = {
  approach: 'bon',
  isSingleCall: false,
  async run(call: Call, next: Handler): Promise<Reply> {
    const calls = [call, call.again(), call.again()];
    const texts = await Promise.all(calls.map(async (sample) => textOf(await next(sample))));
    return next(call.with({ messages: [{ role: 'user', content: `Judge ${texts.toSorted().join(', ')}` }] }));
  },
};

function textOf(reply: Reply): string {
  if (reply.kind !== 'complete') throw new Error('not complete');
  const content = reply.body.value.choices[0]?.message.content;
  return typeof content === 'string' ? content : '';
}

test('equal samples of one request stay different samples', async () => {
  let count = 0;
  await using gateway = await pipelineOf({}, async () => complete(`sample ${++count}`));

  await gateway.ask({ plan: bestOf3 });

  expect(gateway.calls).toHaveLength(4);
  expect(gateway.calls[3]!.request.value.messages[0]!.content).toBe('Judge sample 1, sample 2, sample 3');
});

test('an interrupted approach resumes from what it has paid for', async () => {
  let count = 0;
  await using gateway = await pipelineOf({}, async () => {
    count++;
    if (count === 4) throw new Error('cut off');
    return complete(`sample ${count}`);
  });

  await expect(gateway.ask({ plan: bestOf3 })).rejects.toMatchObject({ status: 500 });
  const asked = await gateway.ask({ plan: bestOf3 });

  expect(asked.cache).toBe('miss');
  expect(gateway.calls).toHaveLength(5);
  expect(gateway.calls[4]!.request.value.messages[0]!.content).toBe('Judge sample 1, sample 2, sample 3');
  expect((await gateway.ask({ plan: bestOf3 })).cache).toBe('hit');
  expect(gateway.calls).toHaveLength(5);
});

test('its calls obey no-cache and no-store, too', async () => {
  await using gateway = await pipelineOf({}, async () => complete('x'));

  await gateway.ask({ plan: bestOf3 });
  await gateway.ask({ plan: bestOf3, headers: { 'cache-control': 'no-cache' } });
  await gateway.ask({ plan: bestOf3, headers: { 'cache-control': 'no-store' } });

  expect(gateway.calls).toHaveLength(12);
});

test('a plan of one call uses one level only', async () => {
  const levels: string[] = [];
  await using gateway = await pipelineOf({ max_bytes: '1kb' }, async () => complete('hi'));

  await gateway.ask();
  const asked = await gateway.ask({ plan: { ...bestOf3, run: async (call, next) => next(call) } });
  levels.push(asked.cache!);

  expect(levels).toEqual(['miss']);
  expect(gateway.calls).toHaveLength(2);
});

test('who joins an approach waits for its finished answer', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);
  const ask = {
    body: { ...QUESTION, stream: true, stream_options: { include_usage: true } },
    plan: { approach: 'x', isSingleCall: false, run: (call: Call, next: Handler) => next(call) },
  };
  const events = eventsOf(['He', 'llo']);

  const leader = await gateway.ask(ask);
  let hasAnswer = false;
  const waiting = gateway.ask(ask).then((asked) => {
    hasAnswer = true;
    return asked;
  });
  const reading = leader.text();
  for (const event of events) {
    expect(hasAnswer).toBe(false);
    upstream.push(event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  upstream.body.end();

  expect(await (await waiting).text()).toBe(events.join(''));
  expect(await reading).toBe(events.join(''));
  expect(gateway.calls).toHaveLength(1);
});

test('a failure that an approach survives is survived for those who joined, though its leader has left', async () => {
  const judge = Promise.withResolvers<Reply>();
  await using gateway = await pipelineOf({}, () => judge.promise);
  const plan = {
    approach: 'x',
    isSingleCall: false,
    run: async (call: Call, next: Handler) => (await survive(next(call), call)) ?? complete('best so far'),
  };
  const leader = new AbortController();

  const leading = gateway.ask({ plan, signal: leader.signal });
  const joining = gateway.ask({ plan });
  leader.abort(new GatewayError({ status: 499, code: 'client_closed', message: 'gone' }));
  await expect(leading).rejects.toMatchObject({ status: 499 });
  judge.reject(new GatewayError({ status: 502, code: 'upstream_error', message: 'down' }));

  expect(JSON.parse(await (await joining).text())).toEqual(completionOf('best so far'));
});

test('an answer that a failure made less is shared, but not kept', async () => {
  let isDown = true;
  await using gateway = await pipelineOf({}, async () => complete('x'));
  const plan = {
    approach: 'x',
    isSingleCall: false,
    async run(call: Call, next: Handler) {
      const reply = await next(call);
      if (isDown) reportDegraded(call.exchange, 'answer_failed');
      return reply;
    },
  };

  const [leader, joiner] = await Promise.all([gateway.ask({ plan }), gateway.ask({ plan })]);
  isDown = false;
  const repeated = await gateway.ask({ plan });
  const after = await gateway.ask({ plan });

  expect([leader, joiner, repeated, after].map(({ cache }) => cache)).toEqual(['miss', 'hit', 'miss', 'hit']);
  // What was paid for is: the repeated request made no call.
  expect(gateway.calls).toHaveLength(1);
});

test('what only the budget of one forbids, another does for itself', async () => {
  const first = Promise.withResolvers<Reply>();
  let count = 0;
  await using gateway = await pipelineOf({}, () => (++count === 1 ? first.promise : Promise.resolve(complete('hi'))));
  const through = { isSingleCall: false, run: (call: Call, next: Handler) => next(call) };

  const poor = gateway.ask({ plan: { ...through, approach: 'a' } });
  const other = gateway.ask({ plan: { ...through, approach: 'b' } });
  first.reject(new BudgetExhausted('maxCalls'));

  await expect(poor).rejects.toMatchObject({ code: 'budget_exhausted' });
  expect(JSON.parse(await (await other).text())).toEqual(completionOf('hi'));
});

test('approaches of one caller share equal calls under way', async () => {
  const answer = Promise.withResolvers<Reply>();
  await using gateway = await pipelineOf({}, () => answer.promise);
  const through = { isSingleCall: false, run: (call: Call, next: Handler) => next(call) };

  const asking = [
    gateway.ask({ plan: { ...through, approach: 'a' } }),
    gateway.ask({ plan: { ...through, approach: 'b' } }),
  ];
  answer.resolve(complete('hi'));

  for (const asked of await Promise.all(asking)) expect(JSON.parse(await asked.text())).toEqual(completionOf('hi'));
  expect(gateway.calls).toHaveLength(1);
});
