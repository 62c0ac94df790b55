import { describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { chatChunk, chatCompletion, events, HANG, json, scriptedUpstream } from '../../support/scripted-upstream.ts';
import type { ScriptedRequest } from '../../support/scripted-upstream.ts';

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const KEYS = 'auth: { keys: [{ name: alice, key: key-alice }, { name: bob, key: key-bob }] }';
const YAML = (extra = '') => `plugins: [${KEYS}, trace${extra}, retry: { backoff: { initial: 1ms } }, cache, bon, moa]`;
const ALICE = { authorization: 'Bearer key-alice' };

interface Step {
  readonly role?: string;
  readonly approach?: string;
  readonly steps?: readonly Step[];
  readonly [fact: string]: unknown;
}

/** Two candidates and their judges. */
function candidates({ json: body }: ScriptedRequest) {
  const { n = 1 } = body as { n?: number };
  const [choice] = chatCompletion('').choices;
  const choices = Array.from({ length: n }, (_, index) => ({
    ...choice,
    index,
    message: { role: 'assistant', content: n === 1 ? 'Score: 7' : `candidate ${index}` },
  }));
  return json({ ...chatCompletion(''), choices, usage: USAGE });
}

async function traceOf(gateway: TestGateway, id: string, headers: Record<string, string> = ALICE) {
  const response = await gateway.fetch(`/v1/optigate/traces/${encodeURIComponent(id)}`, { headers });
  return { status: response.status, body: (await response.json()) as Step & { trace: Step; error?: { code: string } } };
}

describe('GET /v1/optigate/traces/{request id}', () => {
  test('gives the tree of a request that did not ask for it', async () => {
    await using upstream = await scriptedUpstream(candidates);
    await using gateway = await startGateway(upstream, { yaml: YAML() });
    const answer = await gateway.chat({ optillm_approach: 'bon', optigate: { bon: { best_of_n: 2 } } }, ALICE);
    expect(await answer.json()).not.toHaveProperty('optigate');

    const { status, body } = await traceOf(gateway, answer.headers.get('x-request-id') ?? '');
    expect([status, body]).toMatchObject([
      200,
      { object: 'optigate.trace', approach: 'bon', upstream: 'main', status: 200, calls: 3, rounds: 2, cache: 'miss' },
    ]);
    expect(body['usage']).toMatchObject({ total_tokens: 45 });
    const [bon] = body.trace.steps ?? [];
    expect(bon).toMatchObject({ approach: 'bon', scores: [7, 7] });
    expect(bon?.steps?.map(({ role }) => role)).toEqual(['candidate', 'judge', 'judge']);
    for (const { start_ms, end_ms, usage } of bon?.steps ?? []) {
      expect(Number(end_ms)).toBeGreaterThanOrEqual(Number(start_ms));
      expect(usage).toEqual(USAGE);
    }
    expect(JSON.stringify(body)).not.toContain('candidate 0');
  });

  test('shows retries, and calls that the cache answered', async () => {
    const failing = json({ error: { message: 'no', type: 'server_error' } }, { status: 500 });
    await using upstream = await scriptedUpstream([failing, json(chatCompletion('fine'))]);
    await using gateway = await startGateway(upstream, { yaml: YAML() });
    const first = await gateway.chat({}, ALICE);
    const { body } = await traceOf(gateway, first.headers.get('x-request-id') ?? '');
    expect(body.trace.steps).toMatchObject([{ status: 500 }, { status: 200, attempt: 2 }]);

    const again = await gateway.chat({}, ALICE);
    expect((await traceOf(gateway, again.headers.get('x-request-id') ?? '')).body).toMatchObject({
      cache: 'hit',
      calls: 0,
    });
  });

  test('shows which calls of a resumed approach were paid before', async () => {
    let judged = 0;
    await using upstream = await scriptedUpstream((request) =>
      'n' in request.json || judged++ > 0 ? candidates(request) : json({ error: { message: 'x' } }, { status: 400 }),
    );
    await using gateway = await startGateway(upstream, { yaml: YAML() });
    const ask = { optillm_approach: 'moa', optigate: { moa: { moa_proposers: 2 }, max_calls: 2 } };
    await (await gateway.chat(ask, ALICE)).text();
    const rest = await gateway.chat({ ...ask, optigate: { moa: { moa_proposers: 2 } } }, ALICE);
    const { body } = await traceOf(gateway, rest.headers.get('x-request-id') ?? '');
    expect(body.trace.steps?.[0]?.steps?.[0]).toMatchObject({ role: 'draft', cache: 'hit' });
  });

  test('is there for streams, failures and other operations, too', async () => {
    await using upstream = await scriptedUpstream(({ path, json: body }) => {
      if (path.endsWith('/embeddings')) return json({ object: 'list', data: [], model: 'm' });
      if (body['stream'] === true) return events([chatChunk({ content: 'a' }, 'stop'), 'data: [DONE]\n\n']);
      return json({ error: { message: 'no such model', code: 'model_not_found' } }, { status: 404 });
    });
    await using gateway = await startGateway(upstream, { yaml: YAML() });
    const streamed = await gateway.chat({ stream: true }, ALICE);
    await streamed.text();
    const failed = await gateway.chat({}, ALICE);
    await failed.text();
    const embedded = await gateway.fetch('/v1/embeddings', {
      method: 'POST',
      headers: { ...ALICE, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'x' }),
    });
    await embedded.text();
    const kept = [streamed, failed, embedded].map(({ headers }) => traceOf(gateway, headers.get('x-request-id') ?? ''));
    expect(await Promise.all(kept)).toMatchObject([
      { body: { operation: 'chat', status: 200, trace: { steps: [{ role: 'answer', status: 200 }] } } },
      { body: { operation: 'chat', status: 404, trace: { steps: [{ status: 404 }] } } },
      { body: { operation: 'embeddings', status: 200, trace: { steps: [{ status: 200 }] } } },
    ]);
  });

  test.each([false, true])('says that the client left, and which call was open then (stream: %s)', async (stream) => {
    await using upstream = await scriptedUpstream((request) => ('n' in request.json ? candidates(request) : HANG));
    await using gateway = await startGateway(upstream, { yaml: YAML() });
    const leaving = new AbortController();
    const ask = { optillm_approach: 'moa', stream };
    const asking = gateway.chat(ask, { ...ALICE, 'x-request-id': 'gone' }, leaving.signal).then((it) => it.text());
    const critique = await upstream.request(1);
    leaving.abort();
    await expect(asking).rejects.toThrow('aborted');
    await critique.aborted;
    await expect.poll(async () => (await traceOf(gateway, 'gone')).status).toBe(200);
    const { body } = await traceOf(gateway, 'gone');
    expect(body.error).toBe('client_closed');
    const [moa] = body.trace.steps ?? [];
    expect(moa).not.toHaveProperty('end_ms');
    expect(moa?.steps).toMatchObject([
      { role: 'draft', status: 200 },
      { role: 'critique', error: 'client_closed' },
    ]);
  });

  test('is for whoever made the request alone', async () => {
    await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
    await using gateway = await startGateway(upstream, { yaml: YAML() });
    await (await gateway.chat({}, { ...ALICE, 'x-request-id': 'mine' })).text();
    expect((await traceOf(gateway, 'mine', { authorization: 'Bearer key-bob' })).body.error?.code).toBe(
      'trace_not_found',
    );
    expect((await traceOf(gateway, 'mine', {})).status).toBe(401);
    expect((await traceOf(gateway, 'mine')).status).toBe(200);
  });

  test('keeps the last ones alone', async () => {
    await using upstream = await scriptedUpstream(() => json(chatCompletion('fine')));
    await using gateway = await startGateway(upstream, { yaml: YAML(': { max_requests: 2 }') });
    for (const id of ['one', 'two', 'three']) {
      const headers = { ...ALICE, 'x-request-id': id, 'cache-control': 'no-store' };
      await (await gateway.chat({}, headers)).text();
    }
    const found = ['one', 'two', 'three'].map(async (id) => (await traceOf(gateway, id)).status);
    expect(await Promise.all(found)).toEqual([404, 200, 200]);
  });

  test('is a 404 of our own where the plugin is not listed', async () => {
    await using upstream = await scriptedUpstream(() => json({}));
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [bon]' });
    const response = await gateway.fetch('/v1/optigate/traces/x');
    expect([response.status, upstream.requests.length]).toEqual([404, 0]);
  });
});

test('another method on its path is a 405 that says which there is', async () => {
  await using upstream = await scriptedUpstream(() => json({}));
  await using gateway = await startGateway(upstream, { yaml: YAML() });
  const response = await gateway.fetch('/v1/optigate/traces/x', { method: 'POST', headers: ALICE });
  expect([response.status, response.headers.get('allow'), await response.json()]).toMatchObject([
    405,
    'GET',
    { error: { code: 'method_not_allowed' } },
  ]);
  expect(upstream.requests).toHaveLength(0);
});
