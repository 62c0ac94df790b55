import { expect, test } from 'vitest';
import { inFirstUserTurn } from '../../../core/run/system-role.ts';
import { field } from '../../support/field.ts';
import { startGateway } from '../../support/gateway.ts';
import {
  chatCompletion,
  events,
  json,
  scriptedUpstream,
  sseChunks,
  type ScriptedRequest,
} from '../../support/scripted-upstream.ts';

const APPROACHES = 'plugins: [bon, moa, leap, rto, cot_reflection, self_consistency, mcts, plansearch, re2]';

function rolesOf({ json: body }: ScriptedRequest): readonly string[] {
  return (body['messages'] as { role: string }[]).map(({ role }) => role);
}

function refusing(refusal: string, status = 400) {
  return (request: ScriptedRequest) => {
    if (rolesOf(request).includes('system')) return json(refusal, { status });
    const said = `Thought ${request.index}. Score: 7. Final answer: 4`;
    return request.json['stream'] === true ? events(sseChunks(said)) : json(chatCompletion(said));
  };
}

test.each(['bon', 'moa', 'leap', 'rto', 'cot_reflection', 'self_consistency', 'mcts', 'plansearch'])(
  '%s works where the role system is refused, with its instruction in the first user turn',
  async (approach) => {
    await using upstream = await scriptedUpstream(refusing(field('F15-no-system-role.json')));
    await using gateway = await startGateway(upstream, { yaml: APPROACHES });
    const ask = () =>
      gateway.chat({ optillm_approach: approach, messages: [{ role: 'user', content: 'What is 2+2?' }] });
    expect((await ask()).status).toBe(200);
    const refused = upstream.requests.filter((request) => rolesOf(request).includes('system'));
    expect(upstream.requests.length).toBeGreaterThanOrEqual(2 * refused.length);
    const learned = upstream.requests.length;
    expect((await ask()).status).toBe(200);
    expect(upstream.requests.slice(learned).flatMap(rolesOf)).not.toContain('system');
  },
);

test.each([
  ['{"error":{"message":"Developer instruction is not enabled for this model"}}', 400],
  [
    `{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","param":"messages[0].role"}}`,
    400,
  ],
  ['{"message":"Only user and assistant roles are supported!"}', 422],
  ['{"error":"Conversation roles must alternate user/assistant/user/assistant/..."}', 400],
])('a refusal of the role is known by its words: %s', async (refusal, status) => {
  await using upstream = await scriptedUpstream(refusing(refusal, status));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  expect((await gateway.chat({ optillm_approach: 'cot_reflection' })).status).toBe(200);
  expect(upstream.requests).toHaveLength(2);
});

test("a refused system message of the client's own is the client's error", async () => {
  await using upstream = await scriptedUpstream(refusing(field('F15-no-system-role.json')));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello' },
  ];
  const response = await gateway.chat({ optillm_approach: 'cot_reflection', messages });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('System role not supported');
  expect(upstream.requests).toHaveLength(1);
});

test('nothing is learned from a refusal that the repeat gets, too', async () => {
  await using upstream = await scriptedUpstream(() => json('{"error":{"message":"system overload"}}', { status: 400 }));
  await using gateway = await startGateway(upstream, { yaml: APPROACHES });
  for (const count of [2, 4]) {
    expect((await gateway.chat({ optillm_approach: 'cot_reflection' })).status).toBe(400);
    expect(upstream.requests).toHaveLength(count);
  }
});

test('the instruction stands before the first user turn, whatever that is made of', () => {
  const system = { role: 'system', content: 'Do it.' };
  expect(inFirstUserTurn([system, { role: 'user', content: 'Q' }])).toEqual([{ role: 'user', content: 'Do it.\n\nQ' }]);
  const image = { type: 'image_url', image_url: { url: 'data:,' } };
  expect(inFirstUserTurn([system, { role: 'assistant', content: 'A' }, { role: 'user', content: [image] }])).toEqual([
    { role: 'assistant', content: 'A' },
    { role: 'user', content: [{ type: 'text', text: 'Do it.\n\n' }, image] },
  ]);
  expect(inFirstUserTurn([system])).toEqual([{ role: 'user', content: 'Do it.' }]);
});
