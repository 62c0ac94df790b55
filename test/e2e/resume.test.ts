/** An approach that was interrupted goes on from the calls that were paid for, over a crash of the program too. */
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { anyModel } from '../support/any-model.ts';
import { mainUpstream, startProgram } from '../support/program.ts';
import { hold, scriptedUpstream } from '../support/scripted-upstream.ts';

/** Held from this request on: the last round of the approach at its defaults. */
const APPROACHES = [
  ['bon', 1, 4],
  ['moa', 2, 3],
  ['mcts', 5, 7],
  ['mars', 16, 34],
] as const;

// At once: whoever asks again waits some seconds for the lease of the call that was killed.
test.concurrent.each(APPROACHES)('%s, killed before its last round, repeats no call', async (approach, held, calls) => {
  const rest = hold();
  let isHeld = true;
  const model = anyModel();
  await using upstream = await scriptedUpstream(async (request) => {
    if (isHeld && request.index >= held) await rest.promise;
    return model(request);
  });
  const namespace = randomUUID();
  const redis = new Redis(inject('redisUrl'));
  const config = `${mainUpstream(upstream)}plugins: [auth, { cache: { store: redis, url: "${inject('redisUrl')}", namespace: "${namespace}" } }, retry, ${approach}]\n`;
  const ask = { optillm_approach: approach, messages: [{ role: 'user', content: 'What is six times seven?' }] };
  try {
    {
      await using program = await startProgram({ config });
      const gone = program.chat(ask).catch((error: unknown) => error);
      await upstream.request(held);
      // What was answered is in Redis, where the crash does not reach it.
      const entries = async () => (await redis.keys(`${namespace}*`)).filter((key) => !key.endsWith(':lease'));
      await expect.poll(async () => (await entries()).length).toBe(held);
      program.signal('SIGKILL');
      await program.ended;
      expect(await gone).toBeInstanceOf(Error);
    }
    const before = upstream.requests.length;
    isHeld = false;
    rest.release();

    await using program = await startProgram({ config });
    const answer = await program.chat(ask);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('42');
    expect(upstream.requests.length - before).toBe(calls - held);
    expect(answer.headers.get('x-optigate-calls')).toBe(String(calls - held));
  } finally {
    redis.disconnect();
  }
});
