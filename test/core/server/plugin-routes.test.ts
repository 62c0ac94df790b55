import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, json, scriptedUpstream } from '../../support/scripted-upstream.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const PLUGIN = `import { definePlugin } from 'optigate';
export default definePlugin({
  name: 'routes',
  description: 'Has routes of its own.',
  apply({ app }) {
    app.get('/mine', async () => ({ mine: true }));
    app.get('/open', { config: { public: true } }, async () => 'open');
    app.get('/v1/:anything', async (request) => ({ anything: request.params.anything }));
  },
});
`;

test('a plugin’s path with another method is a 405, but where the method means something without it', async () => {
  await using folder = await tempFolder({ 'routes.ts': PLUGIN });
  await using upstream = await scriptedUpstream(() => json(chatCompletion('hi')));
  await using gateway = await startGateway(upstream, { yaml: 'plugins: [./routes.ts]', cwd: folder.path });
  const ask = async (method: string, path: string) => {
    const init = {
      method,
      headers: { 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: '{}' } : {}),
    };
    const response = await gateway.fetch(path, init);
    return [response.status, response.headers.get('allow')];
  };

  expect(await ask('GET', '/mine')).toEqual([200, null]);
  expect(await ask('POST', '/mine')).toEqual([405, 'GET']);
  expect(await ask('OPTIONS', '/mine')).toEqual([405, 'GET']);
  expect(await ask('GET', '/v1/things')).toEqual([200, null]);
  expect(await ask('POST', '/v1/things')).toEqual([200, null]);
  expect(upstream.requests.map(({ path }) => path)).toEqual(['/v1/things']);
  expect((await gateway.chat()).status).toBe(200);
});

test('where there are access keys, other methods on a plugin’s path are answered to holders of one only', async () => {
  await using folder = await tempFolder({ 'routes.ts': PLUGIN });
  await using gateway = await startGateway(undefined, {
    yaml: 'plugins: [./routes.ts, { auth: { keys: [{ name: alice, key: alice-secret }] } }]',
    cwd: folder.path,
  });
  const ask = async (method: string, path: string, key?: string) =>
    (await gateway.fetch(path, { method, headers: key ? { authorization: `Bearer ${key}` } : {} })).status;

  expect(await ask('DELETE', '/mine')).toBe(401);
  expect(await ask('DELETE', '/mine', 'sk-own')).toBe(401);
  expect(await ask('DELETE', '/mine', 'alice-secret')).toBe(405);
  expect(await ask('DELETE', '/open')).toBe(405);
});

test('a route that is added after apply refuses the start: nothing would guard it, or answer there', async () => {
  const late = PLUGIN.replace(
    'apply({ app }) {',
    "apply({ app }) { app.addHook('onReady', async () => { app.get('/late', async () => 1); });",
  );
  await using folder = await tempFolder({ 'routes.ts': late });
  await expect(startGateway(undefined, { yaml: 'plugins: [./routes.ts]', cwd: folder.path })).rejects.toThrow(
    /\/late comes too late/,
  );
});
