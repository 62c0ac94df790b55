/** An upstream's name before a model's, on paths that are only passed on. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { json, scriptedUpstream } from '../../support/scripted-upstream.ts';

test.each([
  ['POST', '/v1/audio/speech', { model: 'second/tts', input: 'x' }, '/v1/audio/speech', { model: 'tts', input: 'x' }],
  ['POST', '/v1/moderations', { model: 'second/mod', input: 'x' }, '/v1/moderations', { model: 'mod', input: 'x' }],
  ['POST', '/v1/realtime/calls?a=1&model=second%2Frt', {}, '/v1/realtime/calls?a=1&model=rt', {}],
  ['DELETE', '/v1/models/second/ft:x', undefined, '/v1/models/ft%3Ax', undefined],
])(
  '%s %s: the model and the key of the caller go to the upstream that it names',
  async (method, path, body, to, sent) => {
    await using first = await scriptedUpstream(() => json({}));
    await using second = await scriptedUpstream(() => json({}));
    await using gateway = await startGateway(undefined, {
      yaml: `upstreams: { main: { base_url: "${first.baseUrl}", api_key: k }, second: { base_url: "${second.baseUrl}", api_key: k } }
plugins: [auth]`,
    });
    const headers = { authorization: 'Bearer sk-own', ...(body ? { 'content-type': 'application/json' } : {}) };
    const response = await gateway.fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-optigate-upstream')).toBe('second');
    expect(first.requests).toHaveLength(0);
    const [request] = second.requests;
    expect([request?.path, request?.headers.authorization]).toEqual([to, 'Bearer sk-own']);
    if (sent) expect(request?.json).toEqual(sent);
  },
);

test('a body that is no object goes to the first upstream as it is', async () => {
  await using upstream = await scriptedUpstream(() => json({}));
  await using gateway = await startGateway(upstream);
  for (const body of ['null', '[1]', '"x"']) {
    const headers = { 'content-type': 'application/json' };
    expect((await gateway.fetch('/v1/anything', { method: 'POST', headers, body })).status, body).toBe(200);
  }
  expect(upstream.requests.map(({ body }) => body.toString())).toEqual(['null', '[1]', '"x"']);
});

describe('a form', () => {
  const part = (name: string, value: string) =>
    `--b-1\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = part('file"; filename="a.wav', `--b-1 is no border here: name="model"\r\n${'x'.repeat(200_000)}`);
  const form = (model: string) => `${part('language', 'en')}${file}${part('model', model)}--b-1--\r\n`;

  async function upload(body: string) {
    const first = await scriptedUpstream(() => json({}));
    const second = await scriptedUpstream(() => json({}));
    const gateway = await startGateway(undefined, {
      yaml: `upstreams: { main: { base_url: "${first.baseUrl}", api_key: k }, second: { base_url: "${second.baseUrl}", api_key: k } }
plugins: [auth]`,
    });
    const headers = { authorization: 'Bearer sk-own', 'content-type': 'multipart/form-data; boundary="b-1"' };
    const { status } = await gateway.fetch('/v1/audio/transcriptions', { method: 'POST', headers, body });
    await gateway.close();
    await first.close();
    await second.close();
    const sent = [...first.requests, ...second.requests].map(({ body: bytes, headers: { authorization } }) => ({
      body: bytes.toString(),
      authorization,
    }));
    return { status, sent, calls: [first.requests.length, second.requests.length] };
  }

  test('goes to the upstream that its model names, wherever the field stands, without that name', async () => {
    const { status, sent, calls } = await upload(form('second/whisper-1'));
    expect([status, calls]).toEqual([200, [0, 1]]);
    expect(sent).toEqual([{ body: form('whisper-1'), authorization: 'Bearer sk-own' }]);
  });

  test.each([form('whisper-1'), `${part('language', 'en')}--b-1--\r\n`, part('model', 'second/cut off').trimEnd(), ''])(
    'that names none goes to the first as it is',
    async (body) => {
      const { status, sent, calls } = await upload(body);
      expect([status, calls, sent[0]?.body]).toEqual([200, [1, 0], body]);
    },
  );
});
