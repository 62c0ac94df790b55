import OpenAI from 'openai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cli } from '../support/cli.ts';
import { mainUpstream, startProgram } from '../support/program.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  HANG,
  hold,
  json,
  scriptedUpstream,
  sseChunks,
} from '../support/scripted-upstream.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const messages = [{ role: 'user' as const, content: 'What is 2+3?' }];

interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly code: string };
}

/** Starts `npm start` in the repository, as a newcomer does, on a free port. */
async function npmStart(home: string) {
  const child = spawn('npm', ['start', '--', '--port', '0'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: home, npm_config_update_notifier: 'false' },
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const address = () => /"address":"([^"]+)"/.exec(stdout)?.[1];
  await expect.poll(address, { timeout: 10_000 }).toBeTruthy();
  return { url: address() ?? '', ended, process: child, stdout: () => stdout };
}

describe('a newcomer', () => {
  test('npm start answers with no key at all, and says that the answers are canned', async (context) => {
    await using home = await tempFolder();
    const { url, ended, process, stdout } = await npmStart(home.path);
    try {
      if (stdout().includes('using the model server found'))
        context.skip('a model server runs on a well-known port of this machine');
      expect(stdout()).toMatch(/built-in DEMO upstream.*canned/);
      expect(stdout()).toMatch(/OPENAI_API_KEY=.* npm start/);

      const plain = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'gpt-4o-mini', messages }),
      });
      expect(plain.status).toBe(200);
      expect(await plain.text()).toMatch(/demo/i);

      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
      const answer = await client.chat.completions.create({ model: 're2&bon-gpt-4o-mini', messages });
      expect(answer.choices[0]?.message.content).toMatch(/demo/i);
      let streamed = '';
      for await (const chunk of await client.chat.completions.create({
        model: 'gpt-4o-mini',
        messages,
        stream: true,
      })) {
        streamed += chunk.choices[0]?.delta.content ?? '';
      }
      expect(streamed).toMatch(/demo/i);
    } finally {
      process.kill('SIGTERM');
    }
    // Through npm, too, the program drains and its exit code arrives.
    expect((await ended)[0]).toBe(0);
  });

  test('with no key at all a model server that runs on this machine is used', async (context) => {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/v1/models') response.end('{"object":"list","data":[{"id":"llama3","object":"model"}]}');
      else request.resume().on('end', () => response.end(JSON.stringify(chatCompletion('from the machine'))));
    });
    server.listen(11434, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      context.skip('port 11434 is in use');
    }
    try {
      // No file at all: the built-in default.
      await using program = await startProgram();
      await program.output(/using the model server found at http:\/\/127\.0\.0\.1:11434\/v1 \(llama3\)/);
      const client = new OpenAI({ baseURL: program.baseUrl, apiKey: 'none' });
      const answer = await client.chat.completions.create({ model: 'gpt-4o-mini', messages });
      expect(answer.choices[0]?.message.content).toBe('from the machine');
      await program.output(/"answered_by":"llama3"/);
      expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['llama3']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('in production nobody gets a canned answer: 401 says what would help', async (context) => {
    await using program = await startProgram({ env: { NODE_ENV: 'production' } });
    const response = await program.chat();
    if (program.log().some(({ msg }) => msg.includes('using the model server')))
      context.skip('a model server runs on this machine');
    expect(response.status).toBe(401);
    const { error } = (await response.json()) as ErrorBody;
    for (const help of ['openai', 'OPENAI_API_KEY', 'x-upstream-key']) expect(error.message).toContain(help);
    expect(await (await fetch(`${program.url}/ready`)).text()).not.toMatch(/demo/i);
  });

  test('without autodetect the start succeeds, and a request without a key is told what would help', async () => {
    await using upstream = await scriptedUpstream([json(chatCompletion('hi'))]);
    await using program = await startProgram({
      config: `upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: "\${MAIN_KEY}" } }\nplugins: [auth]`,
    });
    const response = await program.chat();
    expect(response.status).toBe(401);
    const { error } = (await response.json()) as ErrorBody;
    for (const help of ['main', 'MAIN_KEY', 'x-upstream-key']) expect(error.message).toContain(help);
    const own = await program.chat({}, { headers: { authorization: 'Bearer sk-own' } });
    expect(own.status).toBe(200);
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-own');
  });
});

describe('a start that cannot be', () => {
  test('a typing mistake: exit code 1, with file, line and suggestion', async () => {
    await using folder = await tempFolder({
      'my.yaml': 'upstreams: { demo: { provider: demo } }\nplugins:\n  - retry:\n      atempts: 5\n',
    });
    expect(await cli(['serve', '--config', 'my.yaml'], { cwd: folder.path })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/my\.yaml:4:7 .*atempts: unknown key, did you mean 'attempts'\?\n$/),
    });
  });

  test('a port in use: exit code 1, and a clear sentence', async () => {
    await using program = await startProgram({ config: 'upstreams: { demo: { provider: demo } }' });
    await using folder = await tempFolder({
      'config.yaml': `server: { port: ${program.port} }\nupstreams: { demo: { provider: demo } }`,
    });
    const { code, stderr } = await cli([], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `optigate: config.yaml:1:17 server.port: 127.0.0.1:${program.port} is in use by another program\n`,
    );
  });

  test('a key in the wrong place is not printed', async () => {
    const config =
      'upstreams: { main: { api_key: ["${MY_KEY}"] } }\nplugins: [{ auth: { keys: [{ name: a, kay: "${MY_KEY}" }] } }]';
    await using folder = await tempFolder({ 'config.yaml': config });
    const { code, stdout, stderr } = await cli([], { cwd: folder.path, env: { MY_KEY: 'sk-top-secret' } });
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('sk-top-secret');
  });
});

describe('SIGTERM', () => {
  test('finishes what is running, accepts nothing new, exits 0', async () => {
    const rest = hold();
    await using upstream = await scriptedUpstream(
      events([chatChunk({ role: 'assistant', content: 'Hel' }), rest.promise, ...sseChunks('lo').slice(1)]),
    );
    await using program = await startProgram({ config: mainUpstream(upstream) });
    const running = await program.chat({ stream: true });
    // Twice, as under npm: that is once.
    program.signal('SIGTERM');
    program.signal('SIGTERM');
    await program.output(/"msg":"draining"/);
    await expect(program.chat()).rejects.toThrow('fetch failed');
    rest.release();
    const text = await running.text();
    expect(text).toContain('"lo"');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    expect((await program.ended).code).toBe(0);
    expect(upstream.requests).toHaveLength(1);
  });

  test('what does not finish in time is cut, and the exit code is 1', async () => {
    await using upstream = await scriptedUpstream(events([chatChunk({ role: 'assistant', content: 'Hel' }), HANG]));
    await using program = await startProgram({ config: `server: { drain_timeout: 100ms }\n${mainUpstream(upstream)}` });
    const running = await program.chat({ stream: true });
    program.signal('SIGTERM');
    await expect(running.text()).rejects.toThrow('terminated');
    const { code, stdout } = await program.ended;
    expect(code).toBe(1);
    expect(stdout).toContain('not drained in time');
    await upstream.requests[0]?.aborted;
  });

  test('a second one, more than a second later, ends at once', async () => {
    await using upstream = await scriptedUpstream(HANG);
    await using program = await startProgram({ config: mainUpstream(upstream) });
    const asking = program.chat().catch((error: unknown) => error);
    await upstream.request(0);
    let code: number | null | undefined;
    void program.ended.then((ended) => (code = ended.code));
    await expect
      .poll(
        () => {
          program.signal('SIGTERM');
          return code;
        },
        { timeout: 10_000 },
      )
      .toBe(1);
    expect(await asking).toBeInstanceOf(Error);
    expect((await program.ended).stdout).toContain('ending at once');
  });
});

test('no key is ever printed, at any log level', async () => {
  const secrets = {
    MAIN_KEY: 'sk-server-1f9c',
    ALICE_KEY: 'access-key-of-alice',
    ALICE_OPENAI: 'sk-paid-by-alice',
  };
  await using upstream = await scriptedUpstream(({ index, headers }) =>
    index % 2 === 0
      ? json(chatCompletion('hi'))
      : json(
          { error: { message: `Incorrect key: ${String(headers.authorization)}`, type: 'x', param: null, code: null } },
          { status: 401 },
        ),
  );
  await using program = await startProgram({
    config: `
log: { level: trace }
model: m
upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: "\${MAIN_KEY}" } }
plugins:
  - auth:
      keys:
        - { name: alice, key: "\${ALICE_KEY}", upstream_keys: { main: "\${ALICE_OPENAI}" } }
        - { name: bob, key: key-of-bob }
  - cache
  - retry
  - bon`,
    env: secrets,
  });
  const answers: string[] = [];
  const keys = [secrets.ALICE_KEY, 'key-of-bob', 'sk-own-of-a-client', 'guessed-wrong'];
  for (const key of keys) {
    for (const headers of [
      { authorization: `Bearer ${key}` },
      { 'x-api-key': key },
      { authorization: 'Bearer key-of-bob', 'x-upstream-key': key },
    ]) {
      for (const body of [{}, { seed: 1 }, { stream: true, seed: 2 }])
        answers.push(await (await program.chat(body, { headers })).text());
    }
  }
  program.signal('SIGTERM');
  const { code, stdout, stderr } = await program.ended;
  expect(code).toBe(0);
  expect(stdout).toContain('"caller":');
  const printed = stdout + stderr;
  for (const secret of [...Object.values(secrets), ...keys]) expect(printed, secret).not.toContain(secret);
  // Nor does an answer repeat a key of the server's, even where the upstream does.
  for (const secret of Object.values(secrets)) expect(answers.join('\n'), secret).not.toContain(secret);
});

test('an official client is served over many connections at once', async () => {
  await using upstream = await scriptedUpstream(({ json: body }) =>
    json(chatCompletion(`echo ${String(body['seed'])}`)),
  );
  await using program = await startProgram({ config: `${mainUpstream(upstream)}plugins: [auth, retry]` });
  const client = new OpenAI({ baseURL: program.baseUrl, apiKey: 'none' });
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, seed) => client.chat.completions.create({ model: 'm', messages, seed })),
  );
  expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(answers.map((_, seed) => `echo ${seed}`));
  await expect.poll(() => program.log().filter(({ msg }) => msg === 'request').length).toBe(50);
});
