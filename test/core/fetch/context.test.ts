import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../core/config/load.ts';
import { buildServer } from '../../../core/process/build.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { web } from './web.ts';

test('a plugin is handed the fetch, which refuses loopback until it is allowed', async () => {
  await using server = await web((_request, response) => response.end('hello'));
  await using folder = await tempFolder({
    'reader.ts': `
      import { definePlugin, FetchError, isAddressRange, z } from 'optigate';
      export default definePlugin({
        name: 'reader',
        description: 'Reads a page while it starts, which only a test does.',
        options: z.strictObject({ url: z.string(), port: z.int(), allow: z.array(z.string().refine(isAddressRange)) }),
        async apply({ fetch, app }, { url, port, allow }) {
          const refused = await fetch(url, { ports: [port] }).catch((error) => error);
          const { body } = await fetch(url, { ports: [port], allowPrivate: allow });
          const facts = { refused: refused instanceof FetchError && refused.reason, body: body.toString() };
          app.get('/facts', { config: { public: true } }, async () => facts);
        },
      });`,
  });
  const text = `
    upstreams: { demo: { provider: demo } }
    plugins: [{ ./reader.ts: { url: '${server.url}', port: ${server.port}, allow: [127.0.0.1/32] } }]`;
  const config = await loadConfig({ text, env: {}, flags: {}, cwd: folder.path });
  const { gateway } = await buildServer(config, { log: pino({ level: 'silent' }), detect: false });
  await gateway.app.ready();
  const answer = await gateway.app.inject('/facts');
  await gateway.close();
  expect(answer.json()).toEqual({ refused: 'address', body: 'hello' });
});

test('nothing of the fetch is loaded but its error and the form of its ranges, until a plugin fetches', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({
      load(url, context, next) {
        if (url.includes('/core/fetch/')) process.stdout.write(url.replace(/.*\\//, '') + '\\n');
        return next(url, context);
      },
    });
    await import(${JSON.stringify(new URL('../../../core/index.ts', import.meta.url).href)});
    await import(${JSON.stringify(new URL('../../../core/gateway/apply-plugins.ts', import.meta.url).href)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await Promise.all([Array.fromAsync(child.stdout as AsyncIterable<Buffer>), once(child, 'close')]);
  const loaded = Buffer.concat(said).toString().trim().split('\n');
  expect(loaded.toSorted()).toEqual(['address-range.ts', 'fetch-error.ts']);
});
