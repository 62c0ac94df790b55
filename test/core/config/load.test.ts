import { expect, test } from 'vitest';
import { loadConfig } from '../../../core/config/load.ts';
import { configOf, failureOf, problemsOf } from '../../support/load-config.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const UPSTREAM = 'upstreams: { demo: { provider: demo } }\n';

test('completes a small file with defaults, in milliseconds and bytes', async () => {
  const config = await configOf(UPSTREAM);
  expect(config).toMatchObject({
    server: {
      host: '127.0.0.1',
      port: 8000,
      workers: 1,
      keepAlive: 'comment',
      bodyLimit: 32 * 1024 * 1024,
      uploadLimit: 512 * 1024 * 1024,
      requestTimeoutMs: 60_000,
      drainTimeoutMs: 30_000,
    },
    log: { level: 'info' },
    autodetect: false,
    model: undefined,
    approach: undefined,
    tags: 'start',
    approachLimits: { maxCalls: 200, deadlineMs: 600_000 },
    upstreams: [
      {
        name: 'demo',
        provider: 'demo',
        timeoutMs: 600_000,
        connectTimeoutMs: 10_000,
        idleTimeoutMs: 300_000,
        forwardHeaders: [],
        tls: { verify: true },
      },
    ],
    plugins: [],
  });
});

test('reads every key of an upstream', async () => {
  const config = await configOf(
    `upstreams:
  a:
    base_url: http://x/v1/
    api_key: \${KEY}
    timeout: 1s
    connect_timeout: 2s
    idle_timeout: 3s
    forward_headers: [x-a, "x-b-*"]
    tls: { verify: false, ca: ./ca.pem }
`,
    { env: { KEY: 'secret' }, files: { 'ca.pem': 'PEM' } },
  );
  expect(config.upstreams[0]).toEqual({
    name: 'a',
    provider: 'openai',
    baseUrl: 'http://x/v1',
    apiKey: 'secret',
    keyVariable: 'KEY',
    timeoutMs: 1_000,
    connectTimeoutMs: 2_000,
    idleTimeoutMs: 3_000,
    forwardHeaders: ['x-a', 'x-b-*'],
    tls: { verify: false, ca: 'PEM' },
    extra: {},
  });
  expect(config.warnings).toEqual([expect.stringContaining('upstreams.a.tls.verify is false')]);
});

test('is frozen all the way down, plugin options included', async () => {
  const config = await configOf(`${UPSTREAM}plugins: [retry]`);
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.server)).toBe(true);
  expect(Object.isFrozen(config.plugins[0]?.options)).toBe(true);
  expect(Object.values(config.plugins[0]?.options ?? {}).every(Object.isFrozen)).toBe(true);
});

test('plugins may be a bare name, a name with options, or a name with nothing', async () => {
  const config = await configOf(`${UPSTREAM}plugins:\n  - auth:\n  - retry: { attempts: 2 }\n`);
  expect(config.plugins.map(({ listed }) => listed)).toEqual(['auth', 'retry']);
  expect(config.plugins[1]?.options).toMatchObject({ attempts: 2, backoff: { initial: 250, max: 8000 } });
});

test('tells all problems of a file at once, in order, with line and column', async () => {
  const lines = await problemsOf(`server:
  prot: 8000
  port: 70000
log: { level: loud }
upstreams:
  demo: { provider: demoo, timeut: 3s }
approach_limits: { max_calls: 0, deadline: soon }
plugins:
  - retyr
  - retry:
      attempts: three
      budgt: 2
`);
  expect(lines).toEqual([
    "config.yaml:2:3 server.prot: unknown key, did you mean 'port'?",
    'config.yaml:3:9 server.port: expected integer from 0 to 65535, got 70000',
    'config.yaml:4:15 log.level: expected one of "fatal", "error", "warn", "info", "debug", "trace", "silent", got "loud"',
    "config.yaml:6:21 upstreams.demo.provider: no provider 'demoo', did you mean 'demo'?",
    "config.yaml:6:28 upstreams.demo.timeut: unknown key, did you mean 'timeout'?",
    'config.yaml:7:31 approach_limits.max_calls: expected integer ≥ 1, got 0',
    'config.yaml:7:44 approach_limits.deadline: expected duration such as 500ms, 30s, 10m, 1h, got "soon"',
    "config.yaml:9:5 plugins[0].retyr: no plugin 'retyr', did you mean 'retry'?",
    'config.yaml:11:17 plugins[1].retry.attempts: expected integer from 1 to 10, got "three"',
    "config.yaml:12:7 plugins[1].retry.budgt: unknown key, did you mean 'budget'?",
  ]);
});

test('a single problem is a single line', async () => {
  expect((await failureOf(`${UPSTREAM}modle: x`)).message).toBe(
    "config.yaml:2:1 modle: unknown key, did you mean 'model'?",
  );
});

test.each([
  ['', 'the file is empty'],
  ['# nothing but a comment', 'the file is empty'],
  ['- a', 'expected keys such as upstreams'],
  ['just text', 'expected keys such as upstreams'],
  ['a: [1,\n', 'not valid YAML'],
  ['a: b: c', 'not valid YAML'],
  ['upstreams: {}', 'upstreams: expected at least one upstream'],
  ['upstreams: x', 'upstreams: expected names with their settings'],
  ['upstreams: { a: 3 }', 'upstreams.a: expected settings'],
  ['upstreams: { a/b: {} }', 'upstreams["a/b"]: not a valid name'],
  ['upstreams: { a: { base_url: "ftp://x" } }', 'expected http(s) address'],
  ['upstreams: { a: { tls: { ca: ./nix.pem } } }', 'there is no such file'],
  [`${UPSTREAM}plugins: retry`, 'plugins: expected a list'],
  [`${UPSTREAM}plugins: [3]`, 'plugins[0]: expected a plugin'],
  [`${UPSTREAM}plugins: [{}]`, 'expected one plugin in an entry'],
  [`${UPSTREAM}plugins:\n  - retry:\n    attempts: 3`, "if 'attempts' belongs to 'retry', indent it further"],
  [`${UPSTREAM}plugins: [retry, retry]`, "plugins[1].retry: a plugin named 'retry' is listed already"],
  [`${UPSTREAM}model: a\nmodel: b`, "config.yaml:3:1: the key 'model' is there twice"],
])('%j is refused: %s', async (text, expected) => {
  expect((await failureOf(text)).message).toContain(expected);
});

test('keys never stand in an error', async () => {
  const { message } = await failureOf(
    'upstreams: { a: { api_key: [my-secret] }, b: sk-hidden }\nplugins: [{ auth: { keys: [hidden-too], client_keys: sk-hidden } }]',
  );
  expect(message).toContain('upstreams.a.api_key');
  expect(message).not.toMatch(/my-secret|hidden/);
});

test('an access key without a key is refused, and its variable is named', async () => {
  const text = `${UPSTREAM}plugins:\n  - auth: { keys: [{ name: alice, key: \${ALICE_KEY} }] }`;
  expect(await problemsOf(text)).toEqual([
    'config.yaml:3:40 plugins[0].auth.keys[0].key: missing, expected text that is not empty: ALICE_KEY is not set in the environment',
  ]);
});

test('an unset variable counts as a key not written, with one warning that names it', async () => {
  const config = await configOf(
    `upstreams: { a: { api_key: \${NOPE}, base_url: "http://\${NOPE}/v1" } }\nserver: { port: \${PORT} }`,
  );
  expect(config.upstreams[0]).toMatchObject({ apiKey: undefined, baseUrl: undefined, keyVariable: 'NOPE' });
  expect(config.server.port).toBe(8000);
  expect(config.warnings.filter((warning) => warning.includes('NOPE'))).toHaveLength(1);
  expect(config.warnings.filter((warning) => warning.includes('PORT is not set'))).toHaveLength(1);
});

test('an item whose variable is not set is left out, and the others keep their positions', async () => {
  const text = `${UPSTREAM}plugins:\n  - auth: { client_keys: [\${NOPE}, "sk-*", 3] }`;
  expect(await problemsOf(text)).toEqual([
    'config.yaml:3:44 plugins[0].auth.client_keys[1]: expected text that is not empty, got a value that is not shown here',
  ]);
});

test('text from the environment becomes a number or a boolean where the key wants one, also in plugins', async () => {
  const config = await configOf(
    `upstreams: { demo: { provider: demo, timeout: \${TIMEOUT} } }
server: { port: "\${PORT:-9000}", workers: \${WORKERS} }
tags: \${TAGS}
model: \${MODEL}
plugins: [{ retry: { attempts: \${ATTEMPTS}, statuses: [\${STATUS}], budget: \${BUDGET} } }, { auth: { open: \${OPEN} } }]`,
    {
      env: {
        TIMEOUT: '250',
        WORKERS: '2',
        TAGS: 'false',
        MODEL: '4',
        ATTEMPTS: '5',
        STATUS: '503',
        BUDGET: '0.5',
        OPEN: '1',
      },
    },
  );
  expect(config).toMatchObject({
    server: { port: 9000, workers: 2 },
    tags: false,
    model: '4',
    upstreams: [{ timeoutMs: 250 }],
    plugins: [{ options: { attempts: 5, statuses: [503], budget: 0.5 } }, { options: { open: true } }],
  });
});

test('text that the file itself writes is not converted', async () => {
  expect(await problemsOf(`${UPSTREAM}server: { port: "9000" }`)).toEqual([
    'config.yaml:2:17 server.port: expected integer from 0 to 65535, got "9000"',
  ]);
});

test('a bad text from the environment is told at its place, and not shown', async () => {
  expect(await problemsOf(`${UPSTREAM}server: { port: \${PORT} }`, { env: { PORT: 'abc' } })).toEqual([
    'config.yaml:2:17 server.port: expected integer from 0 to 65535, got a value that is not shown here',
  ]);
});

test.each([
  ['in an address', 'base_url: "api.openai.com/v1?key=sk-abcdef0123456789"'],
  ['as a name in an address', 'base_url: "https://sk-abcdef0123456789@host/v1?a"'],
  ['of no known kind', 'base_url: "host/Zx81kQw902LmNb77TyUi"'],
  ['as a password', 'base_url: "https://user:abcdef@host/v1 "'],
  ['from the environment', 'base_url: "${BASE}"'],
  ['from the environment, as a provider', 'provider: "${BASE}"'],
  ['where a number is expected', 'timeout: "sk-abcdef0123456789"'],
])('a key that stands in the wrong place is not shown: %s', async (_, line) => {
  const env = { BASE: 'Zx81kQw902-abcdef' };
  const problems = await problemsOf(`upstreams: { a: { ${line} } }`, { env });
  expect(problems).toHaveLength(1);
  expect(problems[0]).not.toMatch(/abcdef|Zx81/);
});

test('a reference may hold what YAML would take as its own, in flow style too', async () => {
  const config = await configOf('upstreams: { a: { base_url: ${URL:-http://x:1/v1} } }');
  expect(config.upstreams[0]?.baseUrl).toBe('http://x:1/v1');
});

test('anchors and aliases work, their variables too', async () => {
  const config = await configOf('upstreams:\n  a: &a { api_key: ${KEY} }\n  b: *a\n', { env: { KEY: 'k' } });
  expect(config.upstreams.map(({ apiKey, keyVariable }) => [apiKey, keyVariable])).toEqual([
    ['k', 'KEY'],
    ['k', 'KEY'],
  ]);
});

test('a file without upstreams has openai, its key from OPENAI_API_KEY', async () => {
  const config = await configOf('model: x', { env: { OPENAI_API_KEY: 'k' } });
  expect(config.upstreams).toMatchObject([
    { name: 'openai', provider: 'openai', apiKey: 'k', keyVariable: 'OPENAI_API_KEY' },
  ]);
  expect((await configOf('model: x')).upstreams).toMatchObject([{ apiKey: undefined, keyVariable: 'OPENAI_API_KEY' }]);
});

test('providers that upstreams name are there without being listed, none of them twice', async () => {
  const { implied, plugins } = await configOf(
    'upstreams: { a: { provider: demo }, b: { provider: demo } }\nplugins: [auth]',
  );
  expect(implied.filter(({ record }) => record.name === 'demo')).toHaveLength(1);
  expect(implied.map(({ record }) => record.name)).not.toContain('openai');
  expect(plugins.map(({ record }) => record.name)).toEqual(['auth']);
});

test("an upstream's keys beyond the usual ones are checked by its provider's options", async () => {
  const files = {
    'mine.ts': `import { definePlugin, z } from 'optigate';
      export default definePlugin({ name: 'mine', description: 'x', options: z.strictObject({ speed: z.int().optional() }), apply() {} });`,
  };
  const config = await configOf('upstreams: { a: { provider: mine, speed: ${SPEED} } }\nplugins: [./mine.ts]', {
    files,
    env: { SPEED: '3' },
  });
  expect(config.upstreams[0]?.extra).toEqual({ speed: '3' });
  expect(
    await problemsOf('upstreams: { a: { provider: mine, sped: 1, speed: x } }\nplugins: [./mine.ts]', { files }),
  ).toEqual([
    "config.yaml:1:35 upstreams.a.sped: unknown key, did you mean 'speed'?",
    'config.yaml:1:51 upstreams.a.speed: expected integer, got "x"',
  ]);
});

test('a dependency that is not listed is refused, whatever the order of those that are', async () => {
  const files = {
    'needy.ts': `import { definePlugin } from 'optigate';
      export default definePlugin({ name: 'needy', description: 'x', dependencies: ['retry'], apply() {} });`,
  };
  expect(await problemsOf(`${UPSTREAM}plugins: [./needy.ts]`, { files })).toEqual([
    `config.yaml:2:11 plugins[0]["./needy.ts"]: needs the plugin 'retry', which is not listed`,
  ]);
  await expect(configOf(`${UPSTREAM}plugins: [./needy.ts, retry]`, { files })).resolves.toBeDefined();
});

test('the same plugin by two entries is refused by its name', async () => {
  const files = {
    'own.ts': `import { definePlugin } from 'optigate';
      export default definePlugin({ name: 'retry', description: 'x', apply() {} });`,
  };
  expect(await problemsOf(`${UPSTREAM}plugins: [retry, ./own.ts]`, { files })).toEqual([
    `config.yaml:2:18 plugins[1]["./own.ts"]: a plugin named 'retry' is listed already (as 'retry')`,
  ]);
});

test('watches the file and custom plugins', async () => {
  const plugin = `import { definePlugin } from 'optigate'; export default definePlugin({ name: 'own', description: 'x', apply() {} });`;
  await using folder = await tempFolder({ 'config.yaml': `${UPSTREAM}plugins: [./own.ts, retry]`, 'own.ts': plugin });
  const config = await loadConfig({ cwd: folder.path, env: {} });
  expect(config.watched).toEqual([`${folder.path}/config.yaml`, `${folder.path}/own.ts`]);
});

test('a file that is named but not there is an error; without any, the shipped one is the default', async () => {
  await using folder = await tempFolder();
  await expect(loadConfig({ cwd: folder.path, path: 'nix.yaml', env: {} })).rejects.toThrow(
    'nix.yaml: there is no such file',
  );
  await expect(loadConfig({ cwd: folder.path, env: { OPTIGATE_CONFIG: 'nix.yaml' } })).rejects.toThrow(
    'there is no such file',
  );
  const builtIn = await loadConfig({ cwd: folder.path, env: {} });
  const shipped = await loadConfig({ path: new URL('../../../config.yaml', import.meta.url).pathname, env: {} });
  expect(builtIn.path).toBeUndefined();
  expect({ ...builtIn, path: '', watched: [], warnings: [] }).toEqual({
    ...shipped,
    path: '',
    watched: [],
    warnings: [],
  });
});

test('text that was read already is taken as it is', async () => {
  await using folder = await tempFolder({
    'own.ts': `import { definePlugin } from 'optigate'; export default definePlugin({ name: 'own', description: 'x', apply() {} });`,
  });
  const path = `${folder.path}/config.yaml`;
  const config = await loadConfig({ path, text: `${UPSTREAM}plugins: [./own.ts]`, env: {} });
  expect(config).toMatchObject({ path, plugins: [{ file: `${folder.path}/own.ts` }] });
});

test('knows production by NODE_ENV', async () => {
  expect((await configOf(UPSTREAM, { env: { NODE_ENV: 'production' } })).isProduction).toBe(true);
  expect((await configOf(UPSTREAM)).isProduction).toBe(false);
});

test('blanks and line breaks around an upstream key are cut off; one pattern of headers needs no list', async () => {
  const config = await configOf(
    'upstreams: { a: { base_url: "http://x/v1", api_key: "${KEY}", forward_headers: "x-*" } }',
    {
      env: { KEY: ' sk-1\r\n' },
    },
  );
  expect(config.upstreams[0]).toMatchObject({ apiKey: 'sk-1', forwardHeaders: ['x-*'] });
});

test('an upstream has a proxy, none, or that of the environment', async () => {
  const yaml = (proxy: string) => `upstreams: { a: { base_url: "http://x/v1", proxy: ${proxy} } }`;
  const config = await configOf(yaml('none'), { env: { HTTPS_PROXY: 'http://p' } });
  expect(config.upstreams[0]?.proxy).toBe('none');
  expect(config.proxies).toEqual({ http: undefined, https: 'http://p', none: '' });
  expect(await problemsOf(yaml('"socks5://me:secret@p:1"'))).toEqual([
    'config.yaml:1:51 upstreams.a.proxy: expected none or the address of an HTTP proxy such as http://proxy.example:3128',
  ]);
});
