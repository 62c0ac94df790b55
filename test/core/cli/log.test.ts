import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

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
