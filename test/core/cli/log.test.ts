import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { terminalText } from '../../../core/cli/terminal-text.ts';

const LOG = new URL('../../../core/cli/log.ts', import.meta.url).href;

test('strikes out keys and what people say, and writes what is buffered', async () => {
  const code = `
    const { log, flush } = await (await import('${LOG}')).createLog('info', { isTerminal: false });
    log.info({ headers: { authorization: 'secret-1', 'x-api-key': 'secret-2', accept: 'a' }, api_key: 'secret-3', messages: ['secret-4'] }, 'hello');
    log.debug('not written');
    flush();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  expect(stdout).not.toContain('secret');
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { level: 30, msg: 'hello', headers: { authorization: '[redacted]', accept: 'a' }, messages: '[redacted]' },
  ]);
});

test('a line logged while a write is under way needs no further line to come out', async () => {
  // Far more than a pipe holds, so that the write lasts until somebody reads.
  const code = `
    const { log } = await (await import('${LOG}')).createLog('info', { isTerminal: false });
    log.info('long '.repeat(100_000));
    setTimeout(() => log.info('last'), 50);
    setTimeout(() => process.stderr.write('due'), 500);
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code]);
  const ended = once(child, 'exit');
  try {
    await once(child.stderr, 'data');
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    await expect.poll(() => printed.slice(-100)).toContain('"last"');
  } finally {
    child.kill();
    await ended;
  }
});

describe('on a terminal', () => {
  const time = new Date(2026, 0, 1, 20, 18, 47).getTime();
  const shown = (record: object) =>
    // eslint-disable-next-line no-control-regex
    terminalText(`${JSON.stringify({ level: 30, time, ...record })}\n`).replaceAll(/\u001B\[\d+m/g, '');
  const REQUEST = {
    request_id: 'r-1',
    operation: 'chat',
    method: 'POST',
    path: '/v1/chat/completions',
    msg: 'request',
  };

  test.each<[object, string]>([
    [
      { status: 200, approach: 're2&bon', upstream: 'openai', model: 'gpt-4o-mini', calls: 4, tokens: 516, ms: 88.3 },
      '20:18:47 200 POST chat re2&bon openai gpt-4o-mini 4 calls 516 tokens 88 ms\n',
    ],
    [
      { status: 200, approach: 'none', upstream: 'openai', model: 'm', calls: 0, cache: 'hit', ms: 0.4 },
      '20:18:47 200 POST chat openai m 0 calls cache hit 0.4 ms\n',
    ],
    [
      {
        level: 40,
        status: 404,
        operation: 'other',
        path: '/v1/nix',
        ms: 1.2,
        code: 'unknown_url',
        error: 'No such path',
      },
      '20:18:47 warn 404 POST /v1/nix 1.2 ms unknown_url: No such path (r-1)\n',
    ],
    [{ status: 200, client_gone: true, ms: 12 }, '20:18:47 200 POST chat 12 ms client gone\n'],
  ])('a request is one line: %j', (facts, line) => {
    expect(shown({ ...REQUEST, ...facts })).toBe(line);
  });

  test('a retry is told in words, an error with its stack, and no text can command the terminal', () => {
    const retry = {
      level: 40,
      request_id: 'r-1',
      plugin: 'retry',
      upstream: 'openai',
      attempt: 1,
      wait_ms: 250,
      status: 503,
    };
    expect(shown({ ...retry, msg: 'upstream call failed, retrying' })).toBe(
      '20:18:47 warn retry: upstream call failed, retrying: upstream openai, attempt 1, wait 250 ms, status 503 (r-1)\n',
    );
    const err = { message: 'no', stack: 'Error: no\n    at here' };
    expect(shown({ level: 50, msg: 'route failed', err })).toBe(
      '20:18:47 error route failed\n    Error: no\n        at here\n',
    );
    expect(shown({ ...REQUEST, status: 200, model: 'a\u001B]0;pwned\u0007b\nc' })).toContain(' a ]0;pwned b c\n');
    expect(terminalText('no JSON\n')).toBe('no JSON\n');
  });

  test('the start says where it listens, who answers, whose key goes where, and what to try', () => {
    const started = {
      address: 'http://127.0.0.1:8000',
      version: '1.2.3',
      approach: 're2',
      approaches: ['re2', 'bon'],
      example: `-d '{"model":"bon-m"}'`,
      msg: 'optigate listens',
    };
    const home = { upstream: 'openai', base_url: 'https://api.openai.com/v1' };
    const keyed = shown({ ...started, answers: { ...home, key: 'from the environment variable OPENAI_API_KEY' } });
    expect(keyed).toContain('optigate 1.2.3  http://127.0.0.1:8000/v1\n');
    expect(keyed).toContain('openai, https://api.openai.com/v1 (key: from the environment variable OPENAI_API_KEY)');
    expect(keyed).toMatch(
      /approaches +re2 bon\n +default +re2\n +try +curl http:\/\/127.0.0.1:8000\/v1\/chat\/completions/,
    );
    const keyless = shown({ ...started, note: ['the DEMO', 'real answers: …'], own_keys: home });
    expect(keyless).toMatch(/answers +the DEMO\n +real answers: …\n +A key of your own .* goes to openai, https:/);
  });
});
