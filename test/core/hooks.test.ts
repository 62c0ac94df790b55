/** What a plugin's mistakes in a hook may do to others: nothing. */
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../support/scripted-upstream.ts';
import { tempFolder } from '../support/temp-folder.ts';

const plugin = (taps: string) => `
import { definePlugin, GatewayError, STAGE } from 'optigate';
export default definePlugin({ name: 'own', description: 'Of a test.', apply({ hooks }) { ${taps} } });
`;

/** The answer to a request whose header tells these taps to misbehave; the next request is served as ever. */
async function answerWith(taps: string, approach = 'none') {
  await using folder = await tempFolder({ 'own.ts': plugin(taps) });
  await using upstream = await scriptedUpstream(json(chatCompletion('fine')));
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [./own.ts, bon]', cwd: folder.path });
  const broken = await gateway.chat({ optillm_approach: approach }, { 'x-break': 'yes' });
  const answer = { status: broken.status, headers: broken.headers, body: await broken.json() };
  expect((await gateway.chat()).status).toBe(200);
  return answer;
}

const failed = (hook: string) => ({
  error: {
    message: `The plugin 'own' failed in the hook '${hook}'`,
    type: 'server_error',
    param: null,
    code: 'plugin_error',
  },
});

const onRequest = (statement: string) =>
  `hooks.request.tap('own', (exchange) => { if (exchange.client.headers['x-break']) { ${statement} } });`;

describe('a header that cannot be sent fails the request that sets it, and no other', () => {
  test.each([
    ['a line break in a value', `exchange.headers.set('x-own', 'a\\r\\nx-injected: 1')`],
    ['a letter beyond latin-1 in a value', `exchange.headers.set('x-own', 'snowman \u2603')`],
    ['a blank in a name', `exchange.headers.append('x own', 'a')`],
    ['an empty name', `exchange.headers.set('', 'a')`],
    [
      'in the headers of a refusal',
      `throw new GatewayError({ status: 418, code: 'x', message: 'x', headers: { 'x own': 'a' } })`,
    ],
  ])('%s', async (_, statement) => {
    const { status, headers, body } = await answerWith(onRequest(statement));
    expect([status, body]).toEqual([500, failed('request')]);
    expect(headers.get('x-injected')).toBeNull();
  });

  test('in the headers of a reply', async () => {
    const { status, body } = await answerWith(
      `hooks.response.tap('own', (reply, exchange) => exchange.client.headers['x-break'] ? { ...reply, headers: ['x own', 'a'] } : reply);`,
    );
    expect([status, body]).toMatchObject([500, { error: { type: 'server_error' } }]);
  });

  test('in the headers of a refusal that an approach passes on', async () => {
    const { status, body } = await answerWith(
      `hooks.upstream.tap({ name: 'own', stage: STAGE.upstream.observe }, async (call, next) => {
        const reply = await next(call);
        return call.exchange.client.headers['x-break'] ? { ...reply, status: 400, headers: ['x own', 'a'] } : reply;
      });`,
      'bon',
    );
    expect([status, body]).toMatchObject([500, { error: { code: 'internal_error' } }]);
  });
});

test.each(['200', '302', '99', '600', '418.5', 'NaN', '"418"'])(
  'a refusal with the status %s is a mistake, not an answer',
  async (status) => {
    const refusal = `throw new GatewayError({ status: ${status}, code: 'x', message: 'x' });`;
    expect(await answerWith(onRequest(refusal))).toMatchObject({ status: 500, body: failed('request') });
  },
);

describe('an identity without an id admits nobody', () => {
  test.each(['true', '{}', '{ id: 5 }', "{ id: '' }", "'alice'", 'null'])('%s', async (identity) => {
    const returned = `(arrival.client.headers['x-break'] ? ${identity} : undefined)`;
    for (const tap of [
      `hooks.authenticate.tap('own', (arrival) => ${returned});`,
      `hooks.authenticate.tapPromise('own', async (arrival) => ${returned});`,
      `hooks.authenticate.tapAsync('own', (arrival, done) => done(null, ${returned}));`,
    ]) {
      expect(await answerWith(tap)).toMatchObject({ status: 500, body: failed('authenticate') });
    }
  });
});
