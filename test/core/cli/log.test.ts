import { execFile } from 'node:child_process';
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
