/** Models that refuse fields which approaches set: all approaches run on them, and are refused once, not each time. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { chatCompletion, json, rules, scriptedUpstream, type ScriptedRequest } from '../support/scripted-upstream.ts';

const YAML = 'plugins: [auth, retry, re2, cot_reflection, bon, moa, self_consistency]';
const APPROACHES = ['none', 're2', 'cot_reflection', 'bon', 'moa', 'self_consistency'];
const FIELDS = ['temperature', 'top_p', 'n', 'stop'];
/** The most calls that one round of any of the approaches makes at once. */
const WIDEST_ROUND = 8;

/** Refuses the first of `fields` that a request has, as OpenAI does; plays whatever role it is asked for otherwise. */
function refusing(fields: readonly string[], refused: string[]) {
  return (request: ScriptedRequest) => {
    const { json: body } = request;
    const field = fields.find((name) => body[name] !== undefined && (name !== 'n' || Number(body[name]) > 1));
    if (field !== undefined) {
      refused.push(field);
      const message = `Unsupported parameter: '${field}' is not supported with this model.`;
      const error = { message, type: 'invalid_request_error', param: field, code: 'unsupported_parameter' };
      return json({ error }, { status: 400 });
    }
    const [choice] = chatCompletion('').choices;
    const content =
      '<thinking>t</thinking><reflection>r</reflection><output>The answer is 7.\nBest: 1\nRating: 7</output>';
    const choices = Array.from({ length: Number(body['n'] ?? 1) }, (_, index) => ({
      ...choice,
      index,
      message: { role: 'assistant', content },
    }));
    return json({ ...chatCompletion(''), choices });
  };
}

const upstreamRefusing = (fields: readonly string[], refused: string[]) =>
  scriptedUpstream(
    rules([
      { path: '/v1/models', reply: json({ object: 'list', data: [] }) },
      { path: '/v1/chat/completions', reply: refusing(fields, refused) },
    ]),
  );

describe.each([...FIELDS.map((field) => [field]), FIELDS])('a model that refuses %s', (...fields) => {
  test.each(APPROACHES)('serves %s, refused at most once a field and round, and never again', async (approach) => {
    const refused: string[] = [];
    await using upstream = await upstreamRefusing(fields, refused);
    await using gateway = await startGateway(upstream, { yaml: YAML });
    const ask = () => gateway.chat({ optillm_approach: approach });

    const first = await ask();
    expect(first.status).toBe(200);
    expect(await first.text()).toContain('7');
    for (const field of fields) {
      expect(refused.filter((name) => name === field).length).toBeLessThanOrEqual(WIDEST_ROUND);
    }
    const asked = upstream.requests.length;
    const refusedAtFirst = refused.length;
    expect(Number(first.headers.get('x-optigate-calls'))).toBe(asked);

    const second = await ask();
    expect(second.status).toBe(200);
    expect(refused).toHaveLength(refusedAtFirst);
    expect(upstream.requests.length - asked).toBe(asked - refusedAtFirst);
  });

  test('is learned once for all approaches', async () => {
    const refused: string[] = [];
    await using upstream = await upstreamRefusing(fields, refused);
    await using gateway = await startGateway(upstream, { yaml: YAML });
    for (const approach of APPROACHES) expect((await gateway.chat({ optillm_approach: approach })).status).toBe(200);
    const learned = refused.length;
    for (const approach of APPROACHES) {
      const response = await gateway.chat({ optillm_approach: approach, stream: approach === 'none' });
      expect(response.status).toBe(200);
      await response.text();
    }
    expect(refused).toHaveLength(learned);
  });
});

test('a field of the client’s own is the client’s to mend, but n, which is fanned out', async () => {
  const refused: string[] = [];
  await using upstream = await upstreamRefusing(FIELDS, refused);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const hot = await gateway.chat({ temperature: 1.5 });
  expect([hot.status, await hot.text()]).toEqual([400, expect.stringContaining("'temperature' is not supported")]);
  const three = await gateway.chat({ n: 3, optillm_approach: 're2' });
  expect(three.status).toBe(200);
  expect(((await three.json()) as { choices: unknown[] }).choices).toHaveLength(3);
});
