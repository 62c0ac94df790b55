import { expect, test } from 'vitest';
import type { Call, Handler, Reply } from '../../../../core/index.ts';
import { complete, completionOf, openStream, eventsOf, pipelineOf, QUESTION } from './pipeline.ts';

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
