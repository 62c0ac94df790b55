/** What a client cannot know better: a limit's name for a model that a prefix hid, and reasoning that it sends back. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import {
  chatCompletion,
  json,
  scriptedUpstream,
  type ScriptedRequest,
  type ScriptedUpstream,
} from '../../support/scripted-upstream.ts';

const NO_MODELS = json({ object: 'list', data: [] });
const chatsOf = ({ requests }: ScriptedUpstream) => requests.filter(({ method }) => method === 'POST');

/** Refuses a field of the body, as OpenAI does, and says what it got else. */
const refusing =
  (...fields: string[]) =>
  (request: ScriptedRequest) => {
    if (request.method === 'GET') return NO_MODELS;
    const { json: body } = request;
    const field = fields.find((name) => name in body);
    if (field === undefined) return json(chatCompletion('fine'));
    const message = `Unsupported parameter: '${field}' is not supported with this model.`;
    const error = { message, type: 'invalid_request_error', param: field, code: 'unsupported_parameter' };
    return json({ error }, { status: 400 });
  };

const YAML = 'plugins: [none, re2, bon]';

describe('max_tokens of the client', () => {
  test.each(['none-test-model', 're2-test-model', 'bon-test-model', 'main/test-model'])(
    'is sent under its other name for %s, once learned at once',
    async (model) => {
      await using upstream = await scriptedUpstream(refusing('max_tokens'));
      await using gateway = await startGateway(upstream, { yaml: YAML });
      const optigate = { bon: { best_of_n: 1 } };
      for (const calls of ['2', '1']) {
        const response = await gateway.chat({ model, max_tokens: 7, optigate });
        expect([response.status, response.headers.get('x-optigate-calls')]).toEqual([200, calls]);
      }
      expect(upstream.requests.at(-1)?.json).toMatchObject({ max_completion_tokens: 7 });
    },
  );

  test.each([
    ['the client named the model itself', 'test-model', ['max_tokens']],
    ['neither name is taken', 're2-test-model', ['max_tokens', 'max_completion_tokens']],
  ])('is refused, and never dropped, if %s', async (_, model, fields) => {
    await using upstream = await scriptedUpstream(refusing(...fields));
    await using gateway = await startGateway(upstream, { yaml: YAML });
    for (let k = 0; k < 2; k++) expect((await gateway.chat({ model, max_tokens: 7 })).status).toBe(400);
    for (const { json: body } of chatsOf(upstream)) expect(body['max_tokens'] ?? body['max_completion_tokens']).toBe(7);
  });
});

describe('reasoning in earlier turns', () => {
  const user = { role: 'user', content: 'And now?' };
  const thought = { role: 'assistant', content: 'A', reasoning_content: 'I think.', reasoning: 'I think.' };

  test.each<[string, object, number]>([
    ['Groq', { error: { message: "'messages.1' : property 'reasoning_content' is unsupported" } }, 400],
    ['Mistral', { detail: [{ loc: ['body', 'messages', 1, 'reasoning_content'], msg: 'Extra inputs' }] }, 422],
  ])('is left out where it is refused, once learned at once (%s)', async (_, refusal, status) => {
    await using upstream = await scriptedUpstream((request) => {
      if (request.method === 'GET') return NO_MODELS;
      const isRefused = request.body.includes('I think.');
      return isRefused ? json(refusal, { status }) : json(chatCompletion('fine'));
    });
    await using gateway = await startGateway(upstream, { yaml: YAML });
    for (const [model, calls] of [
      ['test-model', 2],
      ['test-model', 1],
      ['re2-test-model', 1],
    ] as const) {
      const before = chatsOf(upstream).length;
      const response = await gateway.chat({ model, messages: [user, thought, user] });
      expect([response.status, chatsOf(upstream).length - before]).toEqual([200, calls]);
    }
    expect(upstream.requests.at(-1)?.json['messages']).toMatchObject([
      user,
      { role: 'assistant', content: 'A' },
      { role: 'user' },
    ]);
  });

  test('goes upstream, byte for byte, where it is not refused; another refusal is the client’s', async () => {
    await using upstream = await scriptedUpstream(refusing('temperature'));
    await using gateway = await startGateway(upstream, { yaml: YAML });
    const body = { messages: [user, thought, user] };
    expect((await gateway.chat(body)).status).toBe(200);
    expect(upstream.requests[0]?.json['messages']).toEqual(body.messages);
    expect((await gateway.chat({ ...body, temperature: 3 })).status).toBe(400);
    expect(upstream.requests.length).toBe(2);
  });
});
