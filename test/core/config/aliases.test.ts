import { expect, test } from 'vitest';
import { takeOptillmFlags, UsageError } from '../../../core/config/aliases.ts';
import type { Config } from '../../../core/config/config.ts';
import { configOf, failureOf } from '../../support/load-config.ts';

const FILE = `upstreams: { demo: { provider: demo } }
plugins: [auth, retry, bon, mcts, rstar, cot_reflection, cepo]
`;

/** Stands in, as a package, for an approach that is not built in yet: the table goes by the listed name. */
const approach = (name: string, options: string) => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, type: 'module', exports: './index.js' }),
  [`node_modules/${name}/index.js`]: `import { definePlugin, z } from 'optigate';
     export default definePlugin({ name: '${name}', description: 'x', options: z.strictObject({ ${options} }), apply() {} });`,
});

const number = 'z.number().optional()';
const FILES = {
  ...approach('bon', `best_of_n: ${number}`),
  ...approach('mcts', `mcts_simulations: ${number}, mcts_exploration: ${number}, mcts_depth: ${number}`),
  ...approach('rstar', `rstar_max_depth: ${number}, rstar_num_rollouts: ${number}, rstar_c: ${number}`),
  ...approach('cot_reflection', 'return_full_response: z.boolean().default(false)'),
  ...approach('cepo', `bestofn_n: ${number}, planning_n: ${number}, print_output: z.boolean().optional()`),
};

const optionsOf = (config: Config, name: string) => config.plugins.find(({ record }) => record.name === name)?.options;
const upstreamOf = (config: Config) => config.upstreams[0];

/** Flag, variable, text, what it becomes. */
const TABLE: readonly [string, string | undefined, string, (config: Config) => unknown, unknown][] = [
  ['approach', 'OPTILLM_APPROACH', 're2&moa', (config) => config.approach, 're2&moa'],
  ['model', 'OPTILLM_MODEL', 'm', (config) => config.model, 'm'],
  ['base-url', 'OPTILLM_BASE_URL', 'http://x/v1', (config) => upstreamOf(config)?.baseUrl, 'http://x/v1'],
  ['host', 'OPTILLM_HOST', '::1', (config) => config.server.host, '::1'],
  ['port', 'OPTILLM_PORT', '9001', (config) => config.server.port, 9001],
  ['log', 'OPTILLM_LOG', 'warning', (config) => config.log.level, 'warn'],
  ['log', 'OPTILLM_LOG', 'NOTSET', (config) => config.log.level, 'trace'],
  ['log', 'OPTILLM_LOG', 'critical', (config) => config.log.level, 'fatal'],
  ['log', 'OPTILLM_LOG', 'debug', (config) => config.log.level, 'debug'],
  ['n', 'OPTILLM_N', '3', (config) => config.approachDefaults.n, 3],
  ['best-of-n', 'OPTILLM_BEST_OF_N', '5', (config) => optionsOf(config, 'bon'), { best_of_n: 5 }],
  ['mcts-simulations', 'OPTILLM_SIMULATIONS', '4', (config) => optionsOf(config, 'mcts'), { mcts_simulations: 4 }],
  ['mcts-exploration', 'OPTILLM_EXPLORATION', '0.5', (config) => optionsOf(config, 'mcts'), { mcts_exploration: 0.5 }],
  ['mcts-depth', 'OPTILLM_DEPTH', '2', (config) => optionsOf(config, 'mcts'), { mcts_depth: 2 }],
  ['rstar-max-depth', 'OPTILLM_RSTAR_MAX_DEPTH', '4', (config) => optionsOf(config, 'rstar'), { rstar_max_depth: 4 }],
  [
    'rstar-num-rollouts',
    'OPTILLM_RSTAR_NUM_ROLLOUTS',
    '4',
    (config) => optionsOf(config, 'rstar'),
    { rstar_num_rollouts: 4 },
  ],
  ['rstar-c', 'OPTILLM_RSTAR_C', '1.1', (config) => optionsOf(config, 'rstar'), { rstar_c: 1.1 }],
  [
    'return-full-response',
    'OPTILLM_RETURN_FULL_RESPONSE',
    'true',
    (config) => optionsOf(config, 'cot_reflection'),
    { return_full_response: true },
  ],
  ['cepo-bestofn-n', undefined, '2', (config) => optionsOf(config, 'cepo'), { bestofn_n: 2 }],
  ['ssl-verify', 'OPTILLM_SSL_VERIFY', 'true', (config) => upstreamOf(config)?.tls.verify, true],
  ['ssl-verify', 'OPTILLM_SSL_VERIFY', 'false', (config) => upstreamOf(config)?.tls.verify, false],
  ['no-ssl-verify', undefined, 'true', (config) => upstreamOf(config)?.tls.verify, false],
  ['ssl-cert-path', 'OPTILLM_SSL_CERT_PATH', 'ca.pem', (config) => upstreamOf(config)?.tls.ca, 'PEM'],
  ['workers', 'OPTIGATE_WORKERS', '2', (config) => config.server.workers, 2],
  ['log-level', 'OPTIGATE_LOG_LEVEL', 'debug', (config) => config.log.level, 'debug'],
  ['approach', 'OPTIGATE_APPROACH', 'bon', (config) => config.approach, 'bon'],
  ['host', 'OPTIGATE_HOST', 'localhost', (config) => config.server.host, 'localhost'],
  ['port', 'OPTIGATE_PORT', '0', (config) => config.server.port, 0],
];
const files = { ...FILES, 'ca.pem': 'PEM' };

/** Options are complete, the table says one of them. */
const matching = (expected: unknown): unknown =>
  typeof expected === 'object' ? expect.objectContaining(expected as object) : expected;

test.each(TABLE)('--%s %#', async (flag, _variable, text, read, expected) => {
  expect(read(await configOf(FILE, { flags: { [flag]: text }, files }))).toEqual(matching(expected));
});

test.each(TABLE.filter(([, variable]) => variable !== undefined))(
  '--%s by its variable %s %#',
  async (_flag, variable, text, read, expected) => {
    expect(read(await configOf(FILE, { env: { [variable ?? '']: text }, files }))).toEqual(matching(expected));
  },
);

test('from weak to strong: the file, OPTILLM_*, OPTIGATE_*, OptiLLM’s flag, our flag', async () => {
  const text = `${FILE}log: { level: fatal }`;
  const levelOf = async (flags: Record<string, string>, env: Record<string, string>) =>
    (await configOf(text, { flags, env, files })).log.level;
  expect(await levelOf({}, {})).toBe('fatal');
  expect(await levelOf({}, { OPTILLM_LOG: 'error' })).toBe('error');
  expect(await levelOf({}, { OPTILLM_LOG: 'error', OPTIGATE_LOG_LEVEL: 'warn' })).toBe('warn');
  expect(await levelOf({ log: 'info' }, { OPTILLM_LOG: 'error', OPTIGATE_LOG_LEVEL: 'warn' })).toBe('info');
  expect(
    await levelOf({ log: 'info', 'log-level': 'debug' }, { OPTILLM_LOG: 'error', OPTIGATE_LOG_LEVEL: 'warn' }),
  ).toBe('debug');
});

test.each([
  [{ 'plugins-dir': 'x' }, 'Python plugins are not loaded'],
  [{ 'log-conversations': 'true' }, 'conversations are not written'],
  [{ 'conversation-log-dir': 'x' }, 'conversations are not written'],
  [{ 'launch-gui': 'true' }, 'no web page'],
  [{ 'batch-mode': 'true' }, 'batching delayed requests'],
  [{ 'batch-size': '4' }, 'batching delayed requests'],
  [{ 'batch-wait-ms': '50' }, 'batching delayed requests'],
])('%j is accepted with a warning', async (flags, warning) => {
  const config = await configOf(FILE, { flags, files });
  expect(config.warnings).toEqual([expect.stringContaining(warning)]);
  expect(config.warnings[0]).toContain(`--${Object.keys(flags)[0]}`);
});

test('switches that are off say nothing', async () => {
  const env = { OPTILLM_LAUNCH_GUI: 'false', OPTILLM_LOG_CONVERSATIONS: '0', OPTILLM_BATCH_MODE: 'no' };
  expect((await configOf(FILE, { env, files })).warnings).toEqual([]);
});

test('an option of an approach that is not listed is accepted with a warning', async () => {
  const config = await configOf('upstreams: { demo: { provider: demo } }', {
    flags: { 'best-of-n': '5', 'cepo-planning-n': '2' },
  });
  expect(config.warnings).toEqual([
    expect.stringContaining("--best-of-n has no effect: the approach 'bon' is not listed"),
    expect.stringContaining("--cepo-planning-n has no effect: the approach 'cepo' is not listed"),
  ]);
});

test("CePO's file lies below its flags", async () => {
  const config = await configOf(FILE, {
    files: { ...files, 'cepo.yaml': 'bestofn_n: 7\nplanning_n: 4\nprint_output: true\n' },
    flags: { 'cepo-config-file': 'cepo.yaml', 'cepo-bestofn-n': '2' },
  });
  expect(optionsOf(config, 'cepo')).toMatchObject({ bestofn_n: 2, planning_n: 4, print_output: true });
});

test('OptiLLM’s key becomes one access key, and says that it no longer means local inference', async () => {
  const config = await configOf(FILE, { env: { OPTILLM_API_KEY: 'k' }, files });
  expect(optionsOf(config, 'auth')).toMatchObject({ keys: [{ name: 'optillm', key: 'k' }] });
  expect(config.warnings).toEqual([expect.stringContaining('local inference')]);
});

test('that key joins the keys of the file, and brings auth where it is not listed', async () => {
  const flags = { 'optillm-api-key': 'k' };
  const listed = await configOf(
    'plugins: [{ auth: { keys: [{ name: alice, key: a }, { name: optillm, key: old }] } }]',
    { flags },
  );
  expect(optionsOf(listed, 'auth')).toMatchObject({
    keys: [
      { name: 'alice', key: 'a' },
      { name: 'optillm', key: 'k' },
    ],
  });
  expect(optionsOf(await configOf('plugins: [retry]', { flags }), 'auth')).toMatchObject({
    keys: [{ name: 'optillm', key: 'k' }],
  });
  expect(optionsOf(await configOf('model: x', { flags }), 'auth')).toMatchObject({
    keys: [{ name: 'optillm', key: 'k' }],
  });
});

test.each([
  [{ flags: { port: 'abc' } }, '--port: expected integer from 0 to 65535, got "abc"'],
  [{ env: { OPTIGATE_PORT: 'abc' } }, 'OPTIGATE_PORT: expected integer'],
  [{ env: { OPTILLM_PORT: 'abc' } }, 'OPTILLM_PORT: expected integer'],
  [{ flags: { 'best-of-n': 'many' } }, '--best-of-n: expected'],
  [
    { env: { OPTILLM_SSL_VERIFY: 'maybe' } },
    'OPTILLM_SSL_VERIFY: expected boolean, got a value that is not shown here',
  ],
  [{ flags: { log: 'loud' } }, '--log: expected one of'],
  [{ flags: { 'cepo-nix': '1' } }, '--cepo-nix: unknown key'],
])('a bad value is a usage error that names %j', async (sources, message) => {
  const error = await failureOf(FILE, { ...sources, files });
  expect(error.message).toContain(message);
  expect(error.exitCode).toBe(2);
});

test("the file's own problem is no usage error", async () => {
  expect((await failureOf('server: { port: abc }')).exitCode).toBe(1);
});

test('a CePO file that cannot be read is a usage error', async () => {
  await expect(configOf(FILE, { flags: { 'cepo-config-file': 'nix.yaml' }, files })).rejects.toThrow(UsageError);
});

test('takes OptiLLM’s flags out of a command line, in every spelling', () => {
  expect(
    takeOptillmFlags([
      'check',
      '--best_of_n',
      '3',
      '--port',
      '9000',
      '--mcts-depth=2',
      '--batch_mode',
      '--cepo_planning_n',
      '1',
      '--log',
      'debug',
    ]),
  ).toEqual({
    flags: { 'best-of-n': '3', 'mcts-depth': '2', 'batch-mode': 'true', 'cepo-planning-n': '1', log: 'debug' },
    rest: ['check', '--port', '9000'],
  });
});

test('a switch takes the word after it only where that is true or false', () => {
  expect(takeOptillmFlags(['--ssl-verify', 'false', '--launch-gui', 'check'])).toEqual({
    flags: { 'ssl-verify': 'false', 'launch-gui': 'true' },
    rest: ['check'],
  });
});

test('a flag without its value is a usage error', () => {
  expect(() => takeOptillmFlags(['--best-of-n'])).toThrow('--best-of-n needs a value');
});

test('CEREBRAS_API_KEY brings its upstream, in front, where the file waits for a key', async () => {
  const config = await configOf('upstreams: { openai: { api_key: ${OPENAI_API_KEY} } }', {
    env: { CEREBRAS_API_KEY: 'c' },
  });
  expect(config.upstreams.map(({ name, apiKey, keyVariable }) => [name, apiKey, keyVariable])).toEqual([
    ['cerebras', 'c', 'CEREBRAS_API_KEY'],
    ['openai', undefined, 'OPENAI_API_KEY'],
  ]);
  expect(config.upstreams[0]?.baseUrl).toBe('https://api.cerebras.ai/v1');
});

test('OptiLLM’s order decides among several keys; a key of the file comes before all', async () => {
  const env = { CEREBRAS_API_KEY: 'c', OPENAI_API_KEY: 'o' };
  expect((await configOf('model: x', { env })).upstreams.map(({ name }) => name)).toEqual(['cerebras', 'openai']);
  const named = await configOf('upstreams: { a: { base_url: "http://x", api_key: k } }', { env });
  expect(named.upstreams.map(({ name, apiKey }) => [name, apiKey])).toEqual([['a', 'k']]);
});

test('OPENAI_API_KEY fills the upstream openai; a server that wants no key gets none, and no neighbour', async () => {
  const env = { OPENAI_API_KEY: 'o' };
  expect((await configOf('upstreams: { openai: { base_url: "http://x" } }', { env })).upstreams).toMatchObject([
    { apiKey: 'o' },
  ]);
  expect((await configOf('upstreams: { local: { base_url: "http://x" } }', { env })).upstreams).toMatchObject([
    { name: 'local', apiKey: undefined },
  ]);
});

test('a key for Azure is told that its provider is not there yet', async () => {
  const config = await configOf('model: x', { env: { AZURE_OPENAI_API_KEY: 'a' } });
  expect(config.warnings).toEqual([expect.stringContaining('Azure')]);
});
