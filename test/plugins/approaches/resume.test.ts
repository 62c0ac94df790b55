/** An approach that was interrupted and is asked for again makes only the calls that were not paid for yet. */
import { describe, expect, test } from 'vitest';
import { gatewayError } from '../../../core/index.ts';
import { replyTo } from '../../support/any-reply.ts';
import { EVERY_APPROACH, type ApproachCase } from '../../support/every-approach.ts';
import { prepare, ScriptedHandler } from '../../support/scripted-handler.ts';
import { pipelineOf } from '../gateway/cache/pipeline.ts';

const SEVERAL_CALLS = EVERY_APPROACH.filter(({ calls }) => calls > 1);

/** A server with a cache, asked for one approach again and again. */
async function server({ slug, plugin, messages }: ApproachCase, n?: 'rejects') {
  const handler = new ScriptedHandler({
    script: { '*': (sent, index, call) => replyTo(sent, `${call.digest}/${call.ordinal}/${index}`) },
    ...(n ? { n } : {}),
  });
  let onCall: (() => void) | undefined;
  const pipeline = await pipelineOf({}, (call) => {
    onCall?.();
    return handler.handle(call);
  });
  return {
    calls: handler.calls,
    /** @param until  Called before each call with how many were made before it, in this request. */
    async ask(body: object = {}, signal?: AbortSignal, until?: (made: number) => void) {
      let made = 0;
      onCall = () => until?.(made++);
      const request = { messages, ...body };
      const { plan: decide, exchange } = await prepare(slug, { plugins: [plugin], request });
      const plan = await decide(exchange);
      const asked = await pipeline.ask({
        body: { model: 'test-model', ...request },
        plan,
        ...(signal ? { signal } : {}),
      });
      return { status: asked.reply.status, text: await asked.text(), cache: asked.cache };
    },
    [Symbol.asyncDispose]: () => pipeline.close(),
  };
}

describe.each(SEVERAL_CALLS)('$slug, asked again', (approach) => {
  test.each([undefined, 'rejects'] as const)(
    'after its client left, goes on from wherever it was (n: %s)',
    async (n) => {
      await using undisturbed = await server(approach, n);
      expect((await undisturbed.ask()).status).toBe(200);
      const needed = undisturbed.calls.filter(({ status }) => status === 200).length;

      for (let before = 1; before < undisturbed.calls.length; before++) {
        await using disturbed = await server(approach, n);
        const leaving = new AbortController();
        const leave = (made: number) => {
          if (made === before) setImmediate(() => leaving.abort(gatewayError('client_closed')));
        };
        await disturbed.ask({}, leaving.signal, leave).catch((error: unknown) => error);
        const paid = disturbed.calls.filter(({ status }) => status === 200).length;
        const made = disturbed.calls.length;

        const resumed = await disturbed.ask();
        expect([resumed.status, resumed.text]).toEqual([200, expect.stringContaining('42')]);
        const again = disturbed.calls.slice(made).filter(({ status }) => status === 200).length;
        expect([before, again]).toEqual([before, needed - paid]);
      }
    },
  );

  test('after a budget ended it, does not pay again what it paid', async () => {
    await using undisturbed = await server(approach);
    await undisturbed.ask();
    const needed = undisturbed.calls.length;

    await using limited = await server(approach);
    const first = await limited.ask({ optigate: { max_calls: needed - 1 } });
    expect([first.status, first.cache]).toEqual([200, 'miss']);
    const paid = limited.calls.length;
    const whole = await limited.ask();
    expect([whole.status, whole.cache, paid < needed]).toEqual([200, 'miss', true]);
    // With less to spend it may have gone another way, so not all that it paid is of use.
    expect(limited.calls.length - paid).toBeLessThan(needed);
    expect((await limited.ask()).cache).toBe('hit');
  });
});
