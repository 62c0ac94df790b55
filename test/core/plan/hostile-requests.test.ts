/** Requests that are made to cost more than they should: what they get, and what goes upstream for them. */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const many = (text: string, count: number, glue = '') => Array<string>(count).fill(text).join(glue);
const PLUGINS = 'plugins: [none, re2, bon]';

async function ask(body: object, headers: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  await using gateway = await startGateway(upstream, { yaml: PLUGINS, log: (line) => lines.push(line) });
  const response = await gateway.chat(body as Record<string, unknown>, headers);
  const answer = (await response.json()) as { error?: { message: string; param: string; code: string } };
  return {
    status: response.status,
    error: answer.error,
    sent: upstream.requests.filter(({ method }) => method === 'POST'),
    headers: [...response.headers.values()],
    lines,
  };
}

test.each([
  ['prefixes that multiply', { model: `${many('re2|re2-', 18)}gpt` }, {}, 'model'],
  ['ten thousand branches in a prefix', { model: `${many('none', 10_000, '|')}-gpt` }, {}, 'model'],
  ['ten thousand branches in a field', { optillm_approach: many('none', 10_000, '|') }, {}, 'optillm_approach'],
  ['a thousand steps', { optillm_approach: many('re2', 1_000, '&') }, {}, 'optillm_approach'],
  [
    'a transformer 16 times, on a long question',
    { model: `${many('re2', 16, '&')}-gpt`, optigate: { re2: { re2_max_chars: 1_000_000 } } },
    {},
    'model',
  ],
  ['branches in a header', {}, { 'x-optigate-approach': many('bon', 17, '|') }, 'x-optigate-approach'],
  [
    'steps in a tag',
    { messages: [{ role: 'user', content: `<optillm_approach>${many('bon', 17, '&')}</optillm_approach>x` }] },
    {},
    'messages',
  ],
  [
    'a question without a bound',
    { model: 're2-gpt', optigate: { re2: { re2_max_chars: 999_999_999_999 } } },
    {},
    'optigate.re2.re2_max_chars',
  ],
] as const)('%s is a 400 that names the field, and nothing goes upstream', async (_, body, headers, param) => {
  const { status, error, sent } = await ask(body, headers);
  expect({ status, param: error?.param, sent }).toEqual({ status: 400, param, sent: [] });
});

test.each([
  ['an approach', { optillm_approach: 'x'.repeat(100_000) }],
  ['a key', { optigate: { ['k'.repeat(100_000)]: 1 } }],
  ['an option', { optigate: { bon: { ['o'.repeat(100_000)]: 1 } } }],
])('%s of 100,000 letters is cut wherever it is quoted', async (_, body) => {
  const { status, error, headers, lines } = await ask(body);
  expect(status).toBe(400);
  expect(Math.max(...(error?.message ?? '').split(/\s/).map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(error?.param.length).toBeLessThanOrEqual(512);
  expect(Math.max(...headers.map(({ length }) => length))).toBeLessThanOrEqual(512);
  expect(Math.max(...lines.map((line) => JSON.stringify(line).length))).toBeLessThan(3_000);
});

test('a path is cut in the error and in the log', async () => {
  const lines: Record<string, unknown>[] = [];
  await using gateway = await startGateway(undefined, {
    yaml: `${PLUGINS}\nupstreams: { demo: { provider: demo } }`,
    log: (line) => lines.push(line),
  });
  const path = `/nowhere/${'p'.repeat(10_000)}`;
  const response = await gateway.fetch(path);
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toBe(`Unknown request URL: GET /nowhere/${'p'.repeat(63)}…`);
  expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({ path: `/nowhere/${'p'.repeat(63)}…` });
});
