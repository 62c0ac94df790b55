/** Misspelt or unlisted approaches, and base URLs that are not quite right: what the client is told. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const YAML = 'plugins: [re2, bon, moa]';
const messageOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error: { message: string } }).error.message] as const;

describe('a model that the upstream does not know', () => {
  const missing = json(
    { error: { message: 'No such model.', type: 'invalid_request_error', code: 'x' } },
    { status: 404 },
  );

  test.each([
    ['moaa-gpt-4o', "No such model. (optigate: 'moaa' is no approach here, did you mean moa-?)"],
    ['re2&moaa-gpt-4o', "No such model. (optigate: 'moaa' is no approach here, did you mean re2&moa-?)"],
    ['mcts-gpt-4o', "No such model. (optigate: 'mcts' is built in but not listed under plugins)"],
    ['gpt-4o', 'No such model.'],
    ['o3-mini', 'No such model.'],
    ['moaa', 'No such model.'],
  ])('%s', async (model, message) => {
    await using upstream = await scriptedUpstream(() => missing);
    await using gateway = await startGateway(upstream, { yaml: YAML });
    expect(await messageOf(await gateway.chat({ model }))).toEqual([404, message]);
  });
});

test.each([
  [{ message: "The model 'moaa-m' does not exist", param: null }, true],
  [{ message: 'Invalid model', code: 'invalid_model' }, true],
  [{ message: 'Unknown', param: 'model' }, true],
  [{ message: 'Model Not Exist', code: 'invalid_request_error' }, true],
  [{ message: "'temperature' does not work with moaa-m", param: 'temperature' }, false],
  [{ message: 'Too many messages', code: 'invalid_value' }, false],
])('a 400 %j gets a hint where it is of the model: %s', async (error, isHinted) => {
  await using upstream = await scriptedUpstream(() => json({ error }, { status: 400 }));
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const [, message] = await messageOf(await gateway.chat({ model: 'moaa-m', stream: true }));
  expect(message.startsWith(error.message)).toBe(true);
  expect(message.includes('did you mean moa-?')).toBe(isHinted);
});

test('where any name is answered, the log says what was meant', async () => {
  const lines: Record<string, unknown>[] = [];
  await using gateway = await startGateway(undefined, {
    yaml: `autodetect: true\nupstreams: { openai: {} }\n${YAML}`,
    log: (line) => lines.push(line),
  });
  for (const model of ['gpt-4o', 'moa-gpt-4o', 're2&moaa-gpt-4o', 'mcts-gpt-4o'])
    expect((await gateway.chat({ model })).status).toBe(200);
  const warnings = lines.flatMap(({ msg }) => (/no approach here|not listed/.test(String(msg)) ? [msg] : []));
  expect(warnings).toEqual([
    "'moaa' is no approach here, did you mean re2&moa-?",
    "'mcts' is built in but not listed under plugins",
  ]);
});

test.each([
  [{ optigate: { mcts: {} } }, "'mcts' is built in but not listed under plugins"],
  [{ optillm_approach: 're2&mcts' }, "'mcts' is built in but not listed under plugins. Listed: none, re2, bon, moa"],
  [{ optigate: { bon: { best_of_n: 50 } } }, 'expected integer from 1 to 32, got 50'],
  [{ best_of_n: 'x' }, 'expected integer from 1 to 32, got "x"'],
  [{ optigate: { bon: { bon_rating: 'best' } } }, 'expected one of "pointwise", "pairwise", "listwise", got "best"'],
  [{ optigate: { max_calls: 0 } }, 'expected integer ≥ 1 or null, got 0'],
  [{ optigate: { deadline: 'soon' } }, 'expected duration such as 500ms, 30s, 10m, 1h or null, got "soon"'],
])('%j is a 400 that says what is expected', async (body, message) => {
  await using gateway = await startGateway(undefined, { yaml: `upstreams: { demo: { provider: demo } }\n${YAML}` });
  expect(await messageOf(await gateway.chat(body))).toEqual([400, expect.stringContaining(message)]);
});

test.each([
  ['/chat/completions', '/v1/chat/completions'],
  ['/models', '/v1/models'],
  ['/v1/v1/chat/completions', '/v1/chat/completions'],
  ['/v1/v1/files', '/v1/files'],
])('%s never reaches the upstream, and says what was meant', async (path, meant) => {
  await using upstream = await scriptedUpstream([]);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const [status, message] = await messageOf(await gateway.fetch(path, { method: 'POST', body: '{}' }));
  expect([status, message]).toEqual([404, expect.stringContaining(`Did you mean ${meant}?`)]);
});
