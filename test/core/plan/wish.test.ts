/** A plugin that chooses: what it is told of the client's choice, and what becomes of its own. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const plugin = (body: string) => `import { definePlugin } from 'optigate';
export default definePlugin({
  name: 'auto',
  description: 'Chooses.',
  apply({ hooks, wishOf }) {
    hooks.plan.tapPromise('auto', async (exchange) => {
      ${body}
    });
  },
});`;

async function ask(body: string, request: object, { keys = '', headers = {} } = {}) {
  await using folder = await tempFolder({ 'auto.js': plugin(body) });
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  const yaml = `model: default-model\nplugins: [${keys}re2, ./auto.js]`;
  await using gateway = await startGateway(upstream, { yaml, cwd: folder.path });
  const response = await gateway.chat(request as Record<string, unknown>, headers);
  return {
    status: response.status,
    approach: response.headers.get('x-optigate-approach'),
    body: (await response.json()) as { error?: { message: string; code: string } },
    sent: upstream.requests.filter(({ method }) => method === 'POST').map((each) => each.json),
  };
}

test('a wish chooses the approach, and leaves model, options and bytes to the client', async () => {
  const asked = await ask(`return { approach: 're2' };`, {
    model: 'gpt',
    seed: 7,
    optigate: { re2: { re2_times: 3 } },
  });
  expect(asked).toMatchObject({ status: 200, approach: 're2', sent: [{ model: 'gpt', seed: 7 }] });
  expect(JSON.stringify(asked.sent[0]).match(/Hello/g)).toHaveLength(3);
  expect(asked.sent[0]).not.toHaveProperty('optigate');
});

test('a wish chooses the model, prefixes of the client apart', async () => {
  const asked = await ask(`return { model: 'main/other' };`, { model: 're2-gpt' });
  expect(asked).toMatchObject({ approach: 're2', sent: [{ model: 'other' }] });
});

test.each([
  ['by prefix', { model: 're2-gpt' }, {}],
  ['by field', { model: 'gpt', optillm_approach: 're2' }, {}],
  ['by header', { model: 'gpt' }, { 'x-optigate-approach': 're2' }],
  [
    'by tag',
    { model: 'gpt', messages: [{ role: 'user', content: '<optillm_approach>re2</optillm_approach> Hello' }] },
    {},
  ],
])('a tap is told what the client chose %s, and its silence leaves it so', async (_, request, headers) => {
  const asked = await ask(`exchange.headers.set('x-wish', JSON.stringify(await wishOf(exchange)));`, request, {
    headers,
  });
  expect(asked).toMatchObject({ status: 200, approach: 're2', sent: [{ model: 'gpt' }] });
});

test('a tap is told nothing of what nobody chose, but the default model', async () => {
  const body = `const wish = await wishOf(exchange); return wish.approach === undefined && wish.model === 'default-model' ? { approach: 're2' } : undefined;`;
  expect(await ask(body, { model: undefined })).toMatchObject({ approach: 're2', sent: [{ model: 'default-model' }] });
});

test('a wish for none overrules what the client chose', async () => {
  expect(await ask(`return { approach: 'none' };`, { model: 're2-gpt' })).toMatchObject({ approach: 'none' });
});

test('a wish for an approach that is not listed is a 400 that names those that are', async () => {
  const asked = await ask(`return { approach: 'bon' };`, { model: 'gpt' });
  expect(asked).toMatchObject({ status: 400, body: { error: { code: 'unknown_approach' } }, sent: [] });
});

test('the caller’s rights hold for the model of a wish', async () => {
  const keys = 'auth: { keys: [{ name: a, key: secret-key-a, models: ["gpt*"] }] }, ';
  const yamlKeys = keys.replace('auth:', '{ auth:').replace('}] }, ', '}] } }, ');
  const asked = await ask(
    `return { model: 'dear-model' };`,
    { model: 'gpt' },
    {
      keys: yamlKeys,
      headers: { authorization: 'Bearer secret-key-a' },
    },
  );
  expect(asked).toMatchObject({ status: 403, body: { error: { code: 'model_not_allowed' } }, sent: [] });
});

test('a change of the request after it was read counts', async () => {
  const body = `await wishOf(exchange);
    exchange.request = exchange.request.with({ model: 're2-other' });`;
  expect(await ask(body, { model: 'gpt' })).toMatchObject({ approach: 're2', sent: [{ model: 'other' }] });
});

test.each([
  ['by no plugin', '', 'second/gpt', 'Bearer sk-own'],
  ['by a plugin', `return { model: 'second/gpt' };`, 'gpt', 'Bearer sk-second'],
  ['by a plugin, and no model by the client', `return { model: 'second/gpt' };`, undefined, 'Bearer sk-second'],
  ['by both', `return { model: 'second/gpt' };`, 'second/other', 'Bearer sk-own'],
])('the client’s own key goes to another upstream only if the client chose it: %s', async (_, body, model, key) => {
  await using folder = await tempFolder({ 'auto.js': plugin(body) });
  await using main = await scriptedUpstream(json(chatCompletion('hi')));
  await using second = await scriptedUpstream(json(chatCompletion('hi')));
  const yaml = `plugins: [{ auth: { mode: client_or_server } }, ./auto.js]
upstreams:
  main: { base_url: "${main.baseUrl}", api_key: sk-main }
  second: { base_url: "${second.baseUrl}", api_key: sk-second }`;
  await using gateway = await startGateway(main, { yaml, cwd: folder.path });
  const response = await gateway.chat({ model }, { authorization: 'Bearer sk-own' });
  expect(response.status).toBe(200);
  expect(main.requests).toEqual([]);
  expect(second.requests.map(({ headers }) => headers.authorization)).toEqual([key]);
});

test('the client’s own key stays at the upstream that its model names, even if a plugin made the whole plan', async () => {
  const again = `import { definePlugin } from 'optigate';
export default definePlugin({
  name: 'again',
  description: 'Plans every request as the first one was.',
  apply({ hooks }) {
    let first;
    hooks.plan.tap('again', () => first);
    hooks.response.tap('again', (reply, exchange) => void (first ??= exchange.plan));
  },
});`;
  await using folder = await tempFolder({ 'again.js': again });
  await using main = await scriptedUpstream(json(chatCompletion('hi')));
  await using second = await scriptedUpstream(json(chatCompletion('hi')));
  const yaml = `plugins: [{ auth: { mode: client_or_server } }, ./again.js]
upstreams:
  main: { base_url: "${main.baseUrl}", api_key: sk-main }
  second: { base_url: "${second.baseUrl}", api_key: sk-second }`;
  await using gateway = await startGateway(main, { yaml, cwd: folder.path });
  for (const model of ['second/gpt', 'gpt', 'second/other']) {
    const response = await gateway.chat({ model }, { authorization: 'Bearer sk-own' });
    expect(response.status).toBe(200);
  }
  expect(second.requests.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer sk-own',
    'Bearer sk-second',
    'Bearer sk-own',
  ]);
});

test.each([
  'return "re2";',
  'return null;',
  'return { approach: 5 };',
  'return { model: {} };',
  'return [];',
  'return { run() {} };',
  'return { run() {}, upstream: { name: "main" }, request: exchange.request, approach: "none", budget: {} };',
])('what is neither a plan nor a wish fails that request alone: %s', async (body) => {
  expect(await ask(body, { model: 'gpt' })).toMatchObject({ status: 500, sent: [] });
});

test('a wish for a model changes no body that is only passed on', async () => {
  await using folder = await tempFolder({ 'auto.js': plugin(`return { model: 'main/other' };`) });
  await using upstream = await scriptedUpstream(json({ data: [] }));
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [./auto.js]', cwd: folder.path });
  expect((await gateway.fetch('/v1/files')).status).toBe(200);
  const headers = { 'content-type': 'application/json' };
  await gateway.fetch('/v1/batches', { method: 'POST', headers, body: '{"model":"gpt"}' });
  await gateway.fetch('/v1/embeddings', { method: 'POST', headers, body: '{"model":"gpt","input":"a"}' });
  const bodies = upstream.requests.map(({ body }) => body.toString());
  expect(bodies).toEqual(['', '{"model":"gpt"}', '{"model":"other","input":"a"}']);
});
