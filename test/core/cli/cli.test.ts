import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { cli, startCli } from '../../support/cli.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const UPSTREAM = 'upstreams: { demo: { provider: demo } }\n';
const OWN = `import { definePlugin, z } from 'optigate';
export default definePlugin({
  name: 'own', description: 'An example.',
  options: z.strictObject({ text: z.string().default('hello').describe('What it says.') }),
  apply({ hooks }) { hooks.request.tapPromise('own', async () => undefined); },
});`;

test('--version says the version of package.json', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(await cli(['--version'], { cwd: '/' })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help lists the commands, and the options of the default one', async () => {
  const { code, stdout } = await cli(['--help'], { cwd: '/' });
  expect(code).toBe(0);
  for (const option of ['--config <file>', '--port <number>', '--approach <expression>'])
    expect(stdout).toContain(option);
  for (const command of ['serve', 'check', 'init', 'plugins', 'schema']) expect(stdout).toContain(command);
});

test.each([
  [['nope'], "unknown command or argument 'nope'"],
  [['--nope'], "unknown option '--nope'"],
  [['serve', '--port'], "option '--port <number>' argument missing"],
  [['check', '--best-of-n'], '--best-of-n needs a value'],
  [['--approach', 'bogus', 'check'], 'options stand after the command: optigate check --approach bogus'],
  [['plugins', 'moaa'], "there is no plugin 'moaa', did you mean 'moa'?"],
  [['check', '--port', 'abc'], '--port: expected integer from 0 to 65535, got "abc"'],
])('%j is bad usage: exit code 2', async (args, message) => {
  await using folder = await tempFolder({ 'config.yaml': UPSTREAM });
  const { code, stderr } = await cli(args, { cwd: folder.path });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
});

test('a bad configuration is exit code 1, one message, no stack', async () => {
  await using folder = await tempFolder({ 'config.yaml': `${UPSTREAM}modle: x` });
  for (const command of ['check', 'serve']) {
    expect(await cli([command], { cwd: folder.path })).toEqual({
      code: 1,
      stdout: '',
      stderr: "optigate: config.yaml:2:1 modle: unknown key, did you mean 'model'?\n",
    });
  }
});

test('check prints hooks with their taps, approaches, and where keys come from, but no key', async () => {
  await using folder = await tempFolder({
    'my.yaml': 'upstreams: { a: { base_url: "http://x/v1", api_key: ${MY_KEY} } }\nplugins: [auth, retry, ./own.ts]',
    'own.ts': OWN,
  });
  const { code, stdout } = await cli(['check', '--config', 'my.yaml', '--port', '9000'], {
    cwd: folder.path,
    env: { MY_KEY: 'hidden-key' },
  });
  expect(code).toBe(0);
  expect(stdout).toContain('Listens on 127.0.0.1:9000');
  expect(stdout).toContain('server.port from --port');
  expect(stdout).toMatch(/request \(AsyncSeries\)\n +own +stage 0/);
  expect(stdout).toMatch(/upstream \(Around\)\n(.*\n)* +retry +stage 0/);
  expect(stdout).toMatch(/none +answerer/);
  expect(stdout).toMatch(/a +openai +http:\/\/x\/v1 +key from the environment variable MY_KEY/);
  expect(stdout).not.toContain('hidden-key');
});

test.each([
  [['--config', 'good.yaml', '--approach', 'nix'], {}, "--approach: Unknown approach 'nix'. Listed: none"],
  [['--config', 'good.yaml'], { OPTILLM_APPROACH: 'nix' }, "OPTILLM_APPROACH: Unknown approach 'nix'"],
  [['--config', 'good.yaml', '--host', '0.0.0.0'], {}, "--host: '0.0.0.0' can be reached from other machines"],
  [[], {}, "config.yaml:2:11 approach: Unknown approach 'bom'"],
])('what only shows when the pipeline is built is told by its key: %j %j', async (args, env, message) => {
  await using folder = await tempFolder({ 'config.yaml': `${UPSTREAM}approach: bom`, 'good.yaml': UPSTREAM });
  for (const command of ['check', 'serve']) {
    const ended = await cli([command, ...args], { cwd: folder.path, env });
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(1);
  }
});

test('a plugin that refuses its options is told with the file', async () => {
  const refusing = `import { definePlugin } from 'optigate';
    export default definePlugin({ name: 'own', description: 'x', apply() { throw new Error('no such table'); } });`;
  await using folder = await tempFolder({ 'config.yaml': `${UPSTREAM}plugins: [./own.ts]`, 'own.ts': refusing });
  const { code, stderr } = await cli(['check'], { cwd: folder.path });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^optigate: config\.yaml: plugin 'own' \(.*own\.ts\): no such table\n$/);
});

test('init writes the shipped file, and leaves one that is there alone', async () => {
  await using folder = await tempFolder();
  expect((await cli(['init'], { cwd: folder.path })).code).toBe(0);
  const written = await readFile(`${folder.path}/config.yaml`, 'utf8');
  const shipped = await readFile(new URL('../../../config.yaml', import.meta.url), 'utf8');
  const afterFirstLine = (text: string) => text.slice(text.indexOf('\n'));
  expect(afterFirstLine(written)).toBe(afterFirstLine(shipped));
  await folder.write('config.yaml', 'mine');
  expect(await cli(['init'], { cwd: folder.path })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('already'),
  });
  expect(await readFile(`${folder.path}/config.yaml`, 'utf8')).toBe('mine');
});

test('init takes a file or a folder', async () => {
  await using folder = await tempFolder({ 'sub/x': '' });
  expect(await cli(['init', 'sub'], { cwd: folder.path })).toMatchObject({ code: 0 });
  const { stdout } = await cli(['init', 'sub/my.yaml'], { cwd: folder.path });
  expect(stdout).toContain('optigate check --config sub/my.yaml');
  expect(await readFile(`${folder.path}/sub/my.yaml`, 'utf8')).toBe(
    await readFile(`${folder.path}/sub/config.yaml`, 'utf8'),
  );
  expect(await cli(['init', 'none'], { cwd: folder.path })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no folder none'),
  });
});

test('an option that npm took for its own is told', async () => {
  const env = { npm_lifecycle_event: 'start', npm_config_port: 'true' };
  const { code, stderr } = await cli(['9000'], { cwd: '/', env });
  expect([code, stderr]).toEqual([2, expect.stringContaining('npm start -- --port 9000')]);
});

test('plugins prints one, and check the routes and readiness checks of plugins', async () => {
  const yaml = `${UPSTREAM}plugins: [trace, bon, cache: { store: redis, url: "redis://127.0.0.1:1" }]`;
  await using folder = await tempFolder({ 'config.yaml': yaml });
  const { stdout } = await cli(['plugins', 'bon'], { cwd: folder.path });
  expect(stdout).toMatch(/^bon \(built in, loaded\)/);
  expect(stdout).toMatch(/at_most +keys: best_of_n, max_tokens +optional/);
  expect(stdout).not.toContain('retry (built in');
  const checked = await cli(['check'], { cwd: folder.path });
  expect(checked.stdout).toMatch(/Routes of plugins\n +\/v1\/optigate\/traces\/:id +GET +needs a key/);
  expect(checked.stdout).toMatch(/Checked by \/ready\n +redis/);
});

test('plugins lists built-in and custom ones with options, defaults and descriptions', async () => {
  await using folder = await tempFolder({ 'config.yaml': `${UPSTREAM}plugins: [./own.ts]`, 'own.ts': OWN });
  const { code, stdout } = await cli(['plugins'], { cwd: folder.path });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^own \(.*own\.ts, loaded\)\n +An example\.\n +text +text +default "hello" +What it says\./m);
  expect(stdout).toMatch(/^retry \(built in\)\n.*\n +attempts +integer from 1 to 10 +default 3/m);
});

test("schema prints the file's JSON Schema, custom plugins included", async () => {
  await using folder = await tempFolder({ 'config.yaml': `${UPSTREAM}plugins: [./own.ts]`, 'own.ts': OWN });
  const { code, stdout } = await cli(['schema'], { cwd: folder.path });
  expect(code).toBe(0);
  expect(stdout).toContain('"./own.ts"');
  expect(JSON.parse(stdout)).toMatchObject({ properties: { server: {}, upstreams: {}, plugins: {} } });
});

test('serves by default, with flags, and drains on a SIGTERM that arrives twice', async () => {
  await using folder = await tempFolder({ 'config.yaml': UPSTREAM });
  const running = startCli(['--port', '0', '--best_of_n', '3'], { cwd: folder.path });
  const [, address] = await running.output(/"address":"([^"]+)"/);
  expect((await fetch(`${address}/health`)).status).toBe(200);
  running.process.kill('SIGTERM');
  running.process.kill('SIGTERM');
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  expect(stdout).toContain('--best-of-n has no effect');
});

test('a port in use is exit code 1 and says where it was set', async () => {
  await using folder = await tempFolder({ 'config.yaml': UPSTREAM });
  const first = startCli(['--port', '0'], { cwd: folder.path });
  const [, port = ''] = await first.output(/127\.0\.0\.1:(\d+)/);
  const second = await cli([], { cwd: folder.path, env: { OPTIGATE_PORT: port } });
  expect(second).toMatchObject({
    code: 1,
    stderr: `optigate: OPTIGATE_PORT: 127.0.0.1:${port} is in use by another program\n`,
  });
  first.process.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
});
