/** Whatever `/v1/models` lists reaches the model that it names, at the upstream that listed it. */
import { expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { chatCompletion, json, rules, scriptedUpstream } from '../../support/scripted-upstream.ts';

/** Each begins like something that has a meaning here: an upstream, an approach, both. */
const IDS = [
  'gpt',
  'openrouter/auto',
  'openrouter/openrouter/auto',
  'groq/compound',
  'vendor/m:free',
  'bon',
  'bon-large',
  're2&bon-large',
  'none-such',
  'none',
  'bon-groq/large',
  'BON-x',
];

function upstreamListing(ids: readonly string[]) {
  const data = ids.map((id) => ({ id, object: 'model', created: 1, owned_by: 'x' }));
  return scriptedUpstream(
    rules([
      { path: '/v1/models', reply: json({ object: 'list', data }) },
      { path: '/v1/chat/completions', reply: json(chatCompletion('hi')) },
    ]),
  );
}

async function listedBy(gateway: TestGateway, headers: Record<string, string> = {}): Promise<string[]> {
  const { data } = (await (await gateway.fetch('/v1/models', { headers })).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

type Listing = Awaited<ReturnType<typeof upstreamListing>>;
const modelsAt = ({ requests }: Listing) =>
  requests.filter(({ method }) => method === 'POST').map(({ json: body }) => body['model']);

test.each([
  ["the server's key", { openrouter: ', api_key: sk-server', groq: ', api_key: sk-server' }, {}],
  ['a key of its own', { openrouter: '', groq: '' }, { authorization: 'Bearer sk-own' }],
])('to a caller who pays with %s', async (_, keys, headers) => {
  await using openrouter = await upstreamListing(IDS);
  await using groq = await upstreamListing(IDS);
  await using gateway = await startGateway(undefined, {
    yaml: `upstreams:
  openrouter: { base_url: "${openrouter.baseUrl}"${keys.openrouter} }
  groq: { base_url: "${groq.baseUrl}"${keys.groq} }
plugins: [auth, re2, bon]`,
  });
  const names = await listedBy(gateway, headers);
  for (const model of names) {
    expect((await gateway.chat({ model }, headers)).status).toBe(200);
    // One by its name is the same.
    const path = `/v1/models/${encodeURIComponent(model)}`;
    if (!model.startsWith('none-')) expect((await gateway.fetch(path, { headers })).status).toBe(200);
  }
  const atGroq = names.filter((name) => name.startsWith('groq/')).length;
  expect(modelsAt(openrouter)).toEqual(IDS);
  expect(modelsAt(groq)).toEqual(IDS.slice(0, atGroq));
});
