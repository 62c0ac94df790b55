/** Plugins of others that fail, through the real program: a request that meets one, and a start with one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli } from '../support/cli.ts';
import { contentOf, own } from '../support/own-plugin.ts';
import { mainUpstream, startProgram, type Program } from '../support/program.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  HANG,
  json,
  scriptedUpstream,
  sseChunks,
  type ScriptedUpstream,
  type Step,
} from '../support/scripted-upstream.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('a plugin that throws fails that request alone', () => {
  /** Each a plugin, named after its place here, that fails for the requests whose header `x-bad` names it. */
  const THROWING = [
    ['authenticate', `hooks.authenticate.tap('own', (arrival) => { THROW(arrival); return undefined; });`],
    ['authenticate', `hooks.authenticate.tapPromise('own', async (arrival) => { THROW(arrival); return undefined; });`],
    ['request', `hooks.request.tapPromise('own', async (exchange) => { THROW(exchange); });`],
    ['request', `hooks.request.tapPromise('own', (exchange) => { THROW(exchange); return Promise.resolve(); });`],
    ['plan', `hooks.plan.tap('own', (exchange) => { THROW(exchange); return undefined; });`],
    ['answer', `hooks.answer.tap('own', async (call, next) => { THROW(call.exchange); return next(call); });`],
    ['upstream', `hooks.upstream.tap('own', (call, next) => { THROW(call.exchange); return next(call); });`],
    ['upstream', `hooks.upstream.tap('own', async (call, next) => BAD(call.exchange) ? undefined : next(call));`],
    ['response', `hooks.response.tap('own', (reply, exchange) => { THROW(exchange); return reply; });`],
    ['response', `hooks.response.tapPromise('own', async (reply, exchange) => BAD(exchange) ? null : reply);`],
  ] as const;
  const files = THROWING.map(([, body], k) => {
    const isBad = (_: string, about: string) => `${about}.client.headers['x-bad'] === '${k}'`;
    const code = body
      .replaceAll("'own'", `'own${k}'`)
      .replace(
        /THROW\((.*?)\)/,
        (...found: [string, string]) => `if (${isBad(...found)}) throw new TypeError('secret detail of own${k}.ts')`,
      )
      .replace(/BAD\((.*?)\)/, isBad);
    return [`own${k}.ts`, own(code).replace("name: 'own'", `name: 'own${k}'`)] as const;
  });

  let upstream: ScriptedUpstream;
  let program: Program;
  // One program for all, since a start is what takes the time.
  beforeAll(async () => {
    upstream = await scriptedUpstream(({ json: request }) =>
      request['stream'] === true
        ? events([
            chatChunk({ role: 'assistant', content: 'hi' }),
            ...(request['hangs'] === true ? [HANG as Step] : sseChunks().slice(1)),
          ])
        : json(chatCompletion('hi')),
    );
    program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [retry, ${files.map(([name]) => `./${name}`).join(', ')}]`,
      files: Object.fromEntries(files),
    });
  });
  afterAll(async () => {
    await program?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  test.each(THROWING.map(([hook, body], k) => ({ hook, body, k })))('in $hook ($k)', async ({ hook, body, k }) => {
    const headers = { 'x-bad': String(k) };
    const [failed, stream, fine] = await Promise.all([
      program.chat({}, { headers }),
      program.chat({ stream: true, hangs: true }, { headers }),
      program.chat(),
    ]);
    for (const response of [failed, stream]) {
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(JSON.parse(text)).toEqual({
        error: {
          type: 'server_error',
          code: 'plugin_error',
          param: null,
          message: `The plugin 'own${k}' failed in the hook '${hook}'`,
        },
      });
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    }
    expect(fine.status).toBe(200);
    expect(contentOf(await (await program.chat({ stream: true })).text())).toBe('hi');
    // Nothing that the failed request had opened stays open.
    await expect.poll(() => upstream.running).toBe(0);
    // The reason is in the log, for whoever runs this.
    if (body.includes('THROW')) await program.output(new RegExp(`secret detail of own${k}\\.ts`));
  });

  test('in chunk, after the first byte: an error event', async () => {
    await using upstream = await scriptedUpstream(events([...sseChunks('a', 'b').slice(0, 3), HANG] as Step[]));
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: {
        'own.ts': own(
          `hooks.chunk.tap('own', (chunk) => { if (chunk.choices[0]?.delta.content === 'b') throw new Error('secret detail'); return chunk; });`,
        ),
      },
    });
    const text = await (await program.chat({ stream: true })).text();
    expect(text).toContain(`"code":"plugin_error"`);
    expect(text).toContain("The plugin 'own' failed in the hook 'chunk'");
    expect(text).not.toMatch(/secret detail|\[DONE\]/);
    await upstream.requests[0]?.aborted;
  });

  test('in finished: nobody notices but the log', async () => {
    await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: { 'own.ts': own(`hooks.finished.tap('own', () => { throw new Error('lost count'); });`) },
    });
    expect((await program.chat()).status).toBe(200);
    await program.output(/lost count/);
    expect((await program.chat()).status).toBe(200);
  });

  test('in an approach, a route and a check', async () => {
    await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: {
        'own.ts':
          own(`approaches.add('lost', { kind: 'answerer', description: 'Fails.', run() { throw new Error('secret detail'); } });
          app.get('/own', async () => { throw new Error('secret detail'); });
          checks.add('own', () => { throw new Error('secret detail'); });`),
      },
    });
    for (const response of [await program.chat({ model: 'lost-m' }), await fetch(`${program.url}/own`)]) {
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(text).toContain(`"code":"plugin_error"`);
      expect(text).toContain("The plugin 'own' failed");
      expect(text).not.toContain('secret detail');
    }
    expect(await (await fetch(`${program.url}/ready`)).json()).toMatchObject({ checks: { own: 'down' } });
    expect((await program.chat()).status).toBe(200);
  });
});

describe('a broken plugin fails the start with its path and reason', () => {
  const plugin = (fields: string) =>
    `import { definePlugin, z } from 'optigate';\nexport default definePlugin({ name: 'own', description: 'x', apply() {}, ${fields} });`;
  test.each<[string, Record<string, string>, string, RegExp]>([
    [
      'does not load',
      { 'own.ts': `throw new Error('no database');` },
      './own.ts',
      /own\.ts does not load: no database/,
    ],
    [
      'taps a hook that is not there',
      { 'own.ts': own(`hooks.respond.tap('own', () => undefined);`) },
      './own.ts',
      /own\.ts\): there is no hook 'respond'; the hooks are authenticate, /,
    ],
    ['has a name that is taken', { 'own.ts': plugin(`name: 'retry'`) }, 'retry, ./own.ts', /own\.ts.*'retry'/],
    [
      'adds an approach whose name is taken',
      {
        'own.ts': own(
          `approaches.add('bon', { kind: 'answerer', description: 'x', run: (call, next) => next(call) });`,
        ),
      },
      'bon, ./own.ts',
      /own\.ts.*bon/,
    ],
    [
      'gets wrong options',
      { 'own.ts': plugin(`options: z.strictObject({ size: z.int() })`) },
      '{ ./own.ts: { size: big } }',
      /config\.yaml:2:.*size: expected integer, got "big"/,
    ],
  ])('that %s', async (_case, files, listed, reason) => {
    await using folder = await tempFolder({
      ...files,
      'config.yaml': `upstreams: { demo: { provider: demo } }\nplugins: [${listed}]`,
    });
    const { code, stdout, stderr } = await cli(['--port', '0'], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).toContain('config.yaml');
    expect(stdout + stderr).not.toMatch(/^ +at /m);
  });
});
