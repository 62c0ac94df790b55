/** Models that refuse fields which approaches set: all approaches run on them, and are refused once, not each time. */
import { describe, expect, test } from 'vitest';
import { anyModel } from '../support/any-model.ts';
import { EVERY_APPROACH } from '../support/every-approach.ts';
import { startGateway } from '../support/gateway.ts';
import { json, rules, scriptedUpstream } from '../support/scripted-upstream.ts';

const SLUGS = EVERY_APPROACH.map(({ slug }) => slug);
const YAML = `plugins: [auth, retry, ${SLUGS.join(', ')}]`;
const FIELDS = ['temperature', 'top_p', 'n', 'stop', 'seed', 'logprobs', 'reasoning_effort', 'reasoning', 'prefill'];
/** The most calls that one round of any of the approaches makes at once. */
const WIDEST_ROUND = 24;

const upstreamRefusing = (fields: readonly string[], refused: string[]) => {
  const model = anyModel({ refuses: fields, onRefusal: (field) => refused.push(field) });
  return scriptedUpstream(
    rules([
      { path: '/v1/models', reply: json({ object: 'list', data: [] }) },
      { path: '/v1/chat/completions', reply: (request) => model(request) },
    ]),
  );
};

/** What each approach does where one of the others is refused: every.test.ts. */
describe.each([['prefill'], FIELDS])('a model that refuses %s', (...fields) => {
  test.each(EVERY_APPROACH)(
    'serves $slug, refused at most once a field and round, and never again',
    async ({ slug, messages }) => {
      const refused: string[] = [];
      await using upstream = await upstreamRefusing(fields, refused);
      await using gateway = await startGateway(upstream, { yaml: YAML });
      const ask = () => gateway.chat({ optillm_approach: slug, messages });

      const first = await ask();
      expect(first.status).toBe(200);
      expect(await first.text()).toContain('42');
      for (const field of fields) {
        expect(refused.filter((name) => name === field).length).toBeLessThanOrEqual(WIDEST_ROUND);
      }
      const asked = upstream.requests.length;
      const refusedAtFirst = refused.length;
      // Calls that an early stop ended on their way count, too.
      expect(Number(first.headers.get('x-optigate-calls'))).toBeGreaterThanOrEqual(asked);

      const second = await ask();
      expect([second.status, await second.text()]).toEqual([200, expect.stringContaining('42')]);
      expect(refused).toHaveLength(refusedAtFirst);
    },
  );
});

test.each([...FIELDS.map((field) => [field]), FIELDS])(
  'that %s is refused is learned once for all approaches',
  async (...fields) => {
    const refused: string[] = [];
    await using upstream = await upstreamRefusing(fields, refused);
    await using gateway = await startGateway(upstream, { yaml: YAML });
    for (const stream of [false, true]) {
      const before = refused.length;
      for (const { slug, messages } of EVERY_APPROACH) {
        const response = await gateway.chat({ optillm_approach: slug, messages, stream });
        expect([slug, response.status, await response.text()]).toEqual([slug, 200, expect.stringContaining('42')]);
      }
      if (stream) expect(refused).toHaveLength(before);
    }
  },
);

test('a field of the client’s own is the client’s to mend, but n, which is fanned out', async () => {
  const refused: string[] = [];
  await using upstream = await upstreamRefusing(FIELDS, refused);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  // The agents of mars have temperatures of their own.
  for (const { slug, messages } of EVERY_APPROACH.filter(({ slug }) => slug !== 'mars')) {
    const hot = await gateway.chat({ optillm_approach: slug, messages, temperature: 1.5 });
    expect([slug, hot.status, await hot.text()]).toEqual([
      slug,
      400,
      expect.stringContaining("'temperature' is not supported"),
    ]);
  }
  const three = await gateway.chat({ n: 3, optillm_approach: 're2' });
  expect(three.status).toBe(200);
  expect(((await three.json()) as { choices: unknown[] }).choices).toHaveLength(3);
});
