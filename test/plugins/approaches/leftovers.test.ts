/** Many requests of all approaches at once, over HTTP: when they are over, nothing of them is left. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { anyModel } from '../../support/any-model.ts';
import { EVERY_APPROACH } from '../../support/every-approach.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { HANG, rules, json, scriptedUpstream } from '../../support/scripted-upstream.ts';

const SLUGS = EVERY_APPROACH.map(({ slug }) => slug);
const YAML = `plugins: [trace: { max_requests: 10 }, cache: { max_bytes: 1kb }, retry: { attempts: 1 }, ${SLUGS.join(', ')}]\n`;
const AT_ONCE = 200;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes of the heap in use, garbage apart. */
async function heapInUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

/** So many requests, over all approaches in turn, streamed and not. */
async function burst(gateway: TestGateway, round: number): Promise<number[]> {
  const asked = Array.from({ length: AT_ONCE }, async (_, k) => {
    const approach = EVERY_APPROACH[k % EVERY_APPROACH.length];
    const messages = [{ role: 'system', content: `Request ${round}/${k}.` }, ...(approach?.messages ?? [])];
    const response = await gateway.chat({ optillm_approach: approach?.slug, messages, stream: k % 2 === 0 });
    const body = await response.text();
    expect([approach?.slug, body]).toEqual([approach?.slug, expect.stringContaining('42')]);
    return response.status;
  });
  return Promise.all(asked);
}

test('two hundred requests at once leave no call, timer, listener or memory behind', { timeout: 120_000 }, async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  const model = anyModel();
  await using upstream = await scriptedUpstream(
    rules([
      { path: '/v1/models', reply: json({ object: 'list', data: [] }) },
      { path: '/v1/chat/completions', reply: (request) => model(request) },
    ]),
  );
  await using gateway = await startGateway(upstream, { yaml: YAML });

  await burst(gateway, 0);
  const [heapBefore, timersBefore] = [await heapInUse(), timers()];
  for (let round = 1; round <= 2; round++) {
    expect(new Set(await burst(gateway, round))).toEqual(new Set([200]));
    // The test's own record of what was asked is no leftover.
    (upstream.requests as unknown[]).length = 0;
  }
  const grown = (await heapInUse()) - heapBefore;

  await expect.poll(() => upstream.running).toBe(0);
  expect(timers()).toBeLessThanOrEqual(timersBefore + 2);
  expect(grown / 2 ** 20).toBeLessThan(11);
  // Too many listeners on one emitter or signal are a warning.
  expect(warnings.filter(({ name }) => name.includes('MaxListeners'))).toEqual([]);
  process.off('warning', onWarning);
});

test('clients that leave two hundred approaches at once end every call', { timeout: 60_000 }, async () => {
  await using upstream = await scriptedUpstream(HANG);
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const leaving = new AbortController();
  const asked = Array.from({ length: AT_ONCE }, (_, k) => {
    const approach = EVERY_APPROACH[k % EVERY_APPROACH.length];
    const body = { optillm_approach: approach?.slug, messages: approach?.messages, seed: k, stream: k % 2 === 0 };
    return gateway.chat(body, {}, leaving.signal).catch((error: unknown) => error);
  });
  await upstream.request(AT_ONCE - 1);
  leaving.abort();
  await Promise.all(asked);
  await expect.poll(() => upstream.running, { timeout: 10_000 }).toBe(0);
});
