import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { bytesReply, ByteStream, completeReply, GatewayError, Payload, type Reply } from '../../../../core/index.ts';
import { complete, completionOf, eventsOf, openStream, pipelineOf, streamed, until } from './pipeline.ts';
import { QUESTION } from '../../../support/exchange.ts';

const STREAM = { ...QUESTION, stream: true };
const STREAM_WITH_USAGE = { ...STREAM, stream_options: { include_usage: true } };
const EVENTS = eventsOf(['He', 'llo']);

/** A leaf whose answers the test gives when it wants to. */
function heldLeaf() {
  const answers: PromiseWithResolvers<Reply>[] = [];
  return {
    answers,
    leaf: () => {
      const answer = Promise.withResolvers<Reply>();
      answers.push(answer);
      return answer.promise;
    },
  };
}

test('equal requests under way share one call', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);

  const asking = [gateway.ask(), gateway.ask(), gateway.ask()];
  answers[0]!.resolve(complete('hi'));
  const asked = await Promise.all(asking);

  expect(asked.map(({ cache }) => cache)).toEqual(['miss', 'hit', 'hit']);
  expect(new Set(await Promise.all(asked.map((each) => each.text()))).size).toBe(1);
  expect(gateway.calls).toHaveLength(1);
});

test('other callers fly for themselves', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);

  const asking = [gateway.ask({ identity: 'alice' }), gateway.ask({ identity: 'bob' }), gateway.ask({ key: 'sk-own' })];
  for (const [index, { resolve }] of answers.entries()) resolve(complete(`answer ${index}`));

  expect((await Promise.all(asking)).map(({ cache }) => cache)).toEqual(['miss', 'miss', 'miss']);
});

test('who joins a stream late gets what came so far, then the rest live', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);

  const leader = await gateway.ask({ body: STREAM_WITH_USAGE });
  upstream.push(EVENTS[0]!);
  upstream.push(EVENTS[1]!);
  const late = await gateway.ask({ body: STREAM_WITH_USAGE });
  const chunks = (late.reply.body as ByteStream)[Symbol.asyncIterator]();
  expect((await chunks.next()).value?.toString()).toBe(EVENTS[0]);
  expect((await chunks.next()).value?.toString()).toBe(EVENTS[1]);
  upstream.push(EVENTS[2]!);
  expect((await chunks.next()).value?.toString()).toBe(EVENTS[2]);
  for (const event of EVENTS.slice(3)) upstream.push(event);
  upstream.body.end();

  expect(late.cache).toBe('hit');
  expect(Buffer.concat(await Array.fromAsync(chunks)).toString()).toBe(EVENTS.slice(3).join(''));
  expect(await leader.text()).toBe(EVENTS.join(''));
  expect((await gateway.ask({ body: STREAM_WITH_USAGE })).cache).toBe('hit');
  expect(gateway.calls).toHaveLength(1);
});

test('a passenger sees usage only if it asked', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);

  const leader = await gateway.ask({ body: STREAM_WITH_USAGE });
  const late = await gateway.ask({ body: STREAM });
  for (const event of EVENTS) upstream.push(event);
  upstream.body.end();

  expect(await leader.text()).toBe(EVENTS.join(''));
  expect(await late.text()).toBe(eventsOf(['He', 'llo'], { usage: false }).join(''));
});

test('a passenger of another form gets its own', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);

  const leader = await gateway.ask({ body: STREAM });
  const plain = gateway.ask();
  for (const event of EVENTS) upstream.push(event);
  upstream.body.end();
  await leader.text();

  expect((await plain).cache).toBe('hit');
  expect(JSON.parse(await (await plain).text())).toEqual(completionOf('Hello'));
});

test('a stream passenger of a plain answer gets a stream', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);

  const leader = gateway.ask();
  const stream = gateway.ask({ body: STREAM });
  answers[0]!.resolve(complete('Hello'));
  await leader;

  expect(await (await stream).text()).toContain('"content":"Hello"');
  expect(gateway.calls).toHaveLength(1);
});

test('who cannot use what a flight brings asks for itself', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async (call) =>
    call.request.value.stream ? upstream.reply : complete('hi'),
  );

  const leader = await gateway.ask({ body: STREAM });
  const plain = gateway.ask();
  for (const event of eventsOf(['hi'], { usage: false })) upstream.push(event);
  upstream.body.end();
  await leader.text();

  expect((await plain).cache).toBe('miss');
  expect(gateway.calls).toHaveLength(2);
});

test('those whom a flight does not serve share the next one', async () => {
  const upstream = openStream();
  const answer = Promise.withResolvers<Reply>();
  await using gateway = await pipelineOf({}, async (call) =>
    call.request.value.stream ? upstream.reply : answer.promise,
  );

  const leader = await gateway.ask({ body: STREAM });
  const plain = [gateway.ask(), gateway.ask(), gateway.ask()];
  for (const event of eventsOf(['hi'], { usage: false })) upstream.push(event);
  upstream.body.end();
  await leader.text();
  await until(() => gateway.calls.length === 2, 'the next one');
  answer.resolve(complete('hi'));

  expect((await Promise.all(plain)).map(({ cache }) => cache)).toEqual(['miss', 'hit', 'hit']);
  expect(gateway.calls).toHaveLength(2);
});

test('one who leaves does not stop the flight, not even the leader', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);
  const leaving = new AbortController();

  const leader = gateway.ask({ signal: leaving.signal });
  const other = gateway.ask();
  leaving.abort(new Error('client gone'));

  await expect(leader).rejects.toMatchObject({ cause: { message: 'client gone' } });
  expect(gateway.calls[0]!.signal.aborted).toBe(false);
  answers[0]!.resolve(complete('hi'));
  expect((await other).cache).toBe('hit');
  expect((await gateway.ask()).cache).toBe('hit');
});

test('the last one who leaves stops it', async () => {
  const { leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);
  const leaving = [new AbortController(), new AbortController()];

  const asking = leaving.map(({ signal }) => gateway.ask({ signal }));
  const settled = Promise.allSettled(asking);
  leaving[0]!.abort(new Error('gone'));
  await turn();
  expect(gateway.calls[0]!.signal.aborted).toBe(false);
  leaving[1]!.abort(new Error('gone, too'));

  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(gateway.calls[0]!.signal.reason).toEqual(new Error('gone, too'));
  void gateway.ask().catch(() => undefined);
  expect(gateway.calls).toHaveLength(2);
});

test('readers of a stream leave one by one, the last one stops it', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);
  const leaving = new AbortController();

  const first = await gateway.ask({ body: STREAM, signal: leaving.signal });
  const second = await gateway.ask({ body: STREAM });
  const reading = first.text();
  upstream.push(EVENTS[0]!);
  leaving.abort(new Error('client gone'));
  await expect(reading).rejects.toThrow('client gone');
  expect(upstream.facts.isCancelled).toBe(false);
  (second.reply as { cancel(): void }).cancel();

  expect(upstream.facts.isCancelled).toBe(true);
  expect(gateway.calls[0]!.signal.aborted).toBe(true);
});

test('a failure is shared by those who waited, and by nobody after', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);

  const asking = [gateway.ask(), gateway.ask(), gateway.ask({ body: STREAM })];
  const settled = Promise.allSettled(asking);
  answers[0]!.reject(new GatewayError({ status: 502, code: 'upstream_unreachable', message: 'no' }));

  for (const outcome of await settled) expect(outcome).toMatchObject({ reason: { code: 'upstream_unreachable' } });
  const later = gateway.ask();
  answers[1]!.resolve(complete('hi'));
  expect((await later).cache).toBe('miss');
});

test("an upstream's refusal is shared with its status and headers", async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);

  const asking = [gateway.ask(), gateway.ask({ body: STREAM })];
  answers[0]!.resolve(
    completeReply(Payload.fromValue({ error: { message: 'slow down' } } as never), 429, ['retry-after', '2']),
  );

  for (const asked of await Promise.all(asking))
    expect(asked.reply).toMatchObject({ kind: 'complete', status: 429, headers: ['retry-after', '2'] });
});

test('a stream that is cut is cut for all who ride, and for who waits for its end', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);

  const riders = [await gateway.ask({ body: STREAM }), await gateway.ask({ body: STREAM })];
  const waiting = gateway.ask();
  const ends = Promise.allSettled([...riders.map((each) => each.text()), waiting]);
  upstream.push(EVENTS[0]!);
  upstream.body.fail(new Error('cut'));

  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});

test('a slow reader alone stops the upstream; beside a fast one it does not', async () => {
  const upstream = openStream();
  await using gateway = await pipelineOf({}, async () => upstream.reply);
  const big = `data: ${'x'.repeat(40_000)}\n\n`;

  const slow = await gateway.ask({ body: STREAM });
  upstream.push(big);
  upstream.push(big);
  expect(upstream.facts.isPaused).toBe(true);

  const fast = await gateway.ask({ body: STREAM });
  const reading = fast.text();
  await until(() => !upstream.facts.isPaused, 'the fast reader sets the pace');
  upstream.push(big);
  upstream.body.end();
  expect((await reading).length).toBe(3 * big.length);
  expect((await slow.text()).length).toBe(3 * big.length);
});

test('past what may be stored the slowest reader sets the pace, and nobody boards', async () => {
  const upstream = openStream();
  const second = openStream();
  const replies = [upstream.reply, second.reply];
  await using gateway = await pipelineOf({ max_entry_bytes: '100kb' }, async () => replies.shift()!);
  const big = `data: ${'x'.repeat(40_000)}\n\n`;

  const slow = await gateway.ask({ body: STREAM });
  const fast = await gateway.ask({ body: STREAM });
  const reading = fast.text();
  for (let k = 0; k < 5; k++) upstream.push(big);
  await turn();
  expect(upstream.facts.isPaused).toBe(true);
  expect((await gateway.ask({ body: STREAM })).cache).toBe('miss');
  expect(gateway.calls).toHaveLength(2);

  const slowly = slow.text();
  await until(() => !upstream.facts.isPaused, 'the slow reader caught up');
  upstream.body.end();
  expect([(await slowly).length, (await reading).length]).toEqual([5 * big.length, 5 * big.length]);
});

test('a long plain answer that comes as bytes is shared live, and not stored', async () => {
  const body = new ByteStream({ pause: () => undefined, resume: () => undefined, cancel: () => undefined });
  let count = 0;
  await using gateway = await pipelineOf({}, async () =>
    count++ === 0 ? bytesReply(body, 200, ['content-type', 'application/json']) : streamed(['x']),
  );

  const leader = await gateway.ask();
  const joined = await gateway.ask();
  const stream = await gateway.ask({ body: STREAM });
  body.push(Buffer.from('{"a":1}'));
  body.end();

  expect(await Promise.all([leader.text(), joined.text()])).toEqual(['{"a":1}', '{"a":1}']);
  expect([joined.cache, stream.cache]).toEqual(['hit', 'miss']);
  await stream.text();
  expect((await gateway.ask()).cache).toBe('hit');
});

test('no-cache joins nobody and is joined by nobody', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);

  const fresh = gateway.ask({ headers: { 'cache-control': 'no-cache' } });
  const plain = gateway.ask();
  const again = gateway.ask({ headers: { 'cache-control': 'no-cache' } });
  expect(gateway.calls).toHaveLength(3);
  for (const { resolve } of answers) resolve(complete('hi'));

  expect((await Promise.all([fresh, plain, again])).map(({ cache }) => cache)).toEqual(['bypass', 'miss', 'bypass']);
});

test('a flight that nobody waits for any more frees a reply that comes too late', async () => {
  const { answers, leaf } = heldLeaf();
  await using gateway = await pipelineOf({}, leaf);
  const leaving = new AbortController();
  const upstream = openStream();

  const asking = gateway.ask({ body: STREAM, signal: leaving.signal });
  leaving.abort(new Error('gone'));
  await expect(asking).rejects.toMatchObject({ cause: { message: 'gone' } });
  answers[0]!.resolve(upstream.reply);

  await until(() => upstream.facts.isCancelled, 'cancelled');
});
