/** The package as npm makes it, installed where nothing else is. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { chatCompletion, json, scriptedUpstream } from '../support/scripted-upstream.ts';
import { STAMP } from '../support/stamp-plugin.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What `npm pack` may look at: the folder that is built is a copy, so that nobody's `dist` is in the way. */
const SOURCES = [
  'core',
  'plugins',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'config.yaml',
  'README.md',
  'LICENSE',
];
/** Certificates, proxies and npm's own settings: without them npm reaches no registry behind a company's gateway. */
const NETWORK = /^(?:npm_config_|node_extra_ca_certs$|ssl_cert_|(?:https?|no)_proxy$)/i;
const ENV = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => NETWORK.test(name))),
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  HOME: process.env['HOME'],
  npm_config_update_notifier: 'false',
};
const execute = promisify(execFile);
/** How npm says that it reaches no registry, or one that gives it nothing. */
const UNREACHABLE =
  /^npm error (?:code )?((?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ENETUNREACH|EHOSTUNREACH|\w*TIMEDOUT|\w*SOCKET_TIMEOUT|ENOTCACHED|\w*CERT\w*|E40[137]|E5\d\d)\b.*)$/m;
/** Few and short: a machine without a registry is told so at once. */
const RETRIES = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=2000'];

/** Runs a program in a folder; its failure shows all it printed. */
async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  try {
    return (await execute(command, args, { cwd, env: ENV, maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

describe('the package', { timeout: 60_000 }, () => {
  let source: Awaited<ReturnType<typeof tempFolder>>;
  let installed: Awaited<ReturnType<typeof tempFolder>>;
  let files: string[];
  /** Why it could not be installed; undefined = it is. */
  let reason: string | undefined;
  const needsInstalled = (context: TestContext) => {
    if (reason !== undefined) context.skip(reason);
  };

  // Built and installed once: that is what takes the time.
  beforeAll(async () => {
    source = await tempFolder();
    installed = await tempFolder({ 'package.json': '{ "name": "consumer", "private": true, "type": "module" }' });
    await Promise.all(SOURCES.map((name) => cp(join(ROOT, name), join(source.path, name), { recursive: true })));
    await symlink(join(ROOT, 'node_modules'), join(source.path, 'node_modules'));
    const printed = await run(source.path, 'npm', 'pack', '--json');
    const [packed] = JSON.parse(printed.slice(printed.search(/^\[/m))) as {
      filename: string;
      files: { path: string }[];
    }[];
    files = packed!.files.map(({ path }) => path);
    const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', ...RETRIES];
    try {
      await run(installed.path, 'npm', ...install, join(source.path, packed!.filename), '@types/node@24');
    } catch (error) {
      const why = UNREACHABLE.exec(String(error))?.[1];
      if (why === undefined) throw error;
      reason = `npm cannot get its dependencies from the registry: ${why}`;
    }
  }, 180_000);

  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    await installed?.[Symbol.asyncDispose]();
  });

  test('holds what it needs and nothing else', () => {
    const other = files.filter((path) => !/^dist\/(?:core|plugins)\/.*\.(?:js|d\.ts|json)$/.test(path));
    expect(other.toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'config.yaml',
      'core/config/config.schema.json',
      'package.json',
    ]);
    expect(files).toContain('dist/core/cli/optigate.js');
    expect(files.filter((path) => path.includes('test'))).toEqual([]);
  });

  test('checks its own default configuration, and writes it', async (context) => {
    needsInstalled(context);
    expect(await run(installed.path, 'npx', 'optigate', 'check')).toContain('The configuration is good.');
    const bin = 'node_modules/.bin/optigate';
    expect(await run(installed.path, bin, 'init')).toContain('Wrote config.yaml');
    expect(await run(installed.path, bin, 'check')).toContain('config.yaml');
  });

  test('serves a request, with a TypeScript plugin beside the configuration', async (context) => {
    needsInstalled(context);
    await using upstream = await scriptedUpstream(json(chatCompletion('from the package')));
    await using folder = await tempFolder({
      'config.yaml': `upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: k } }\nplugins: [auth, cache, retry, bon, ./stamp.ts]`,
      'stamp.ts': STAMP,
    });
    const child = spawn(join(installed.path, 'node_modules/.bin/optigate'), ['--port', '0'], {
      cwd: folder.path,
      env: ENV,
    });
    const exited = once(child, 'exit');
    try {
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
      await expect.poll(() => printed, { timeout: 10_000 }).toMatch(/"address":"[^"]+"/);
      const url = /"address":"([^"]+)"/.exec(printed)?.[1];
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], optillm_approach: 'bon' }),
      });
      expect(response.headers.get('x-stamp')).toBe('yes');
      expect(await response.text()).toContain('from the package');
    } finally {
      child.kill('SIGTERM');
    }
    expect((await exited)[0]).toBe(0);
  });

  test('brings types that a plugin author checks with all checks on', async (context) => {
    needsInstalled(context);
    await using folder = await tempFolder({
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2024',
          strict: true,
          skipLibCheck: false,
          noEmit: true,
          types: ['node'],
        },
        include: ['*.ts'],
      }),
      'package.json': '{ "type": "module" }',
      'stamp.ts': STAMP,
      'longest.ts': `import { definePlugin, z, type Call } from 'optigate';
        import { lastUserText, type Next } from 'optigate/approach';
        const options = z.strictObject({ longest_of: z.int().min(2).default(3) });
        export default definePlugin({
          name: 'longest',
          description: 'An approach, by the second door.',
          options,
          apply({ approaches }) {
            approaches.add('longest', { kind: 'answerer', run: longest });
          },
        });
        async function longest(call: Call, next: Next, { longest_of }: z.output<typeof options>) {
          const asked: string = lastUserText(call.request.value.messages);
          const answers = await next.sample(call, Math.min(longest_of, asked.length + 1));
          return answers[0]?.reply ?? next(call);
        }
        // @ts-expect-error what approaches are written with is behind the second door
        export { lastUserText as wrongDoor } from 'optigate';`,
      'wrong.ts': `import { definePlugin, type Exchange, type Hooks } from 'optigate';
        export default definePlugin({
          name: 'wrong',
          description: 'What must not compile does not.',
          apply({ hooks }) {
            // @ts-expect-error no such hook
            hooks.respond;
            hooks.request.tapPromise('wrong', async (exchange) => {
              // @ts-expect-error no such field
              exchange.modle;
            });
          },
        });
        export type Kept = [Exchange, Hooks];`,
    });
    await symlink(join(installed.path, 'node_modules'), join(folder.path, 'node_modules'));
    await run(folder.path, process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json');
  });
});
