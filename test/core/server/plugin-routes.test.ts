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
