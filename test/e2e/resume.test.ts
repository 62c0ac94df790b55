/** An approach that was interrupted goes on from the calls that were paid for, over a crash of the program too. */
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { inject, test } from 'vitest';
import { anyModel } from '../support/any-model.ts';
import { mainUpstream, startProgram, type Program } from '../support/program.ts';
import { hold, scriptedUpstream } from '../support/scripted-upstream.ts';

const SOON = { timeout: 20_000 };

/** Held from this request on: the last round of the approach at its defaults. */
const APPROACHES = [
  ['bon', 1, 4],
  ['moa', 2, 3],
  ['mcts', 5, 7],
  ['mars', 16, 34],
] as const;

/**
 * The cache pays again rather than wait for Redis longer than some milliseconds, and a busy machine may take those by
 * itself. With this plugin there is no hurry: no time limit for commands, and a clock that stands for what is measured.
 */
const PATIENT = `import { definePlugin } from 'optigate';
import { Redis } from '${import.meta.resolve('ioredis')}';
const { sendCommand } = Redis.prototype;
Redis.prototype.sendCommand = function (...command) {
  this.options.commandTimeout = undefined;
  return sendCommand.apply(this, command);
};
performance.now = () => 0;
export default definePlugin({ name: 'patient', description: 'Waits for Redis.', apply() {} });`;

// At once: whoever asks again waits some seconds for the lease of the call that was killed.
test.concurrent.for(APPROACHES)(
  '%s, killed before its last round, repeats no call',
  { timeout: 60_000 },
  async ([approach, held, calls], { expect }) => {
    const rest = hold();
    let isHeld = true;
    const model = anyModel();
    await using upstream = await scriptedUpstream(async (request) => {
      if (isHeld && request.index >= held) await rest.promise;
      return model(request);
    });
    const namespace = randomUUID();
    const redis = new Redis(inject('redisUrl'));
    const config = `${mainUpstream(upstream)}plugins: [auth, { cache: { store: redis, url: "${inject('redisUrl')}", namespace: "${namespace}" } }, retry, ${approach}, ./patient.ts]\n`;
    const files = { 'patient.ts': PATIENT };
    const connected = ({ url }: Program) =>
      expect.poll(async () => (await fetch(`${url}/ready`)).json(), SOON).toMatchObject({ checks: { redis: 'up' } });
    const ask = { optillm_approach: approach, messages: [{ role: 'user', content: 'What is six times seven?' }] };
    try {
      {
        await using program = await startProgram({ config, files });
        await connected(program);
        const gone = program.chat(ask).catch((error: unknown) => error);
        await upstream.request(held);
        // What was answered is in Redis, where the crash does not reach it.
        const entries = async () => (await redis.keys(`${namespace}*`)).filter((key) => !key.endsWith(':lease'));
        await expect.poll(async () => (await entries()).length, SOON).toBe(held);
        program.signal('SIGKILL');
        await program.ended;
        expect(await gone).toBeInstanceOf(Error);
      }
      const before = upstream.requests.length;
      isHeld = false;
      rest.release();

      await using program = await startProgram({ config, files });
      await connected(program);
      const answer = await program.chat(ask);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('42');
      const paid = upstream.requests.length - before;
      const told = Number(answer.headers.get('x-optigate-calls'));
      // mars aborts verifications that are not needed any more: they are not sent, or do not arrive.
      if (approach === 'mars') expect([paid <= told, told <= calls - held]).toEqual([true, true]);
      else expect([paid, told]).toEqual([calls - held, calls - held]);
    } finally {
      rest.release();
      redis.disconnect();
    }
  },
);
