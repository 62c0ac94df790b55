/** What a plugin is told that taps a hook in a way that tapable would take, and then do something else with. */
import { describe, expect, test } from 'vitest';
import type { GatewayError } from '../../core/errors.ts';
import { createHooks } from '../../core/hooks.ts';
import { exchangeOf } from '../support/exchange.ts';

/** Hooks that the plugin `own` taps. */
function tapped() {
  const state = { isSealed: false, reported: [] as GatewayError[] };
  const hooks = createHooks({
    owner: () => 'own',
    isSealed: () => state.isSealed,
    report: (error) => state.reported.push(error),
  });
  return { hooks, state };
}

const exchange = exchangeOf({});
const failing = (hook: string, reason: string) => ({
  code: 'plugin_error',
  message: `The plugin 'own' failed in the hook '${hook}'`,
  cause: expect.objectContaining({ message: expect.stringContaining(reason) as string }) as Error,
});

describe('a tap is refused', () => {
  test('under a name that is taken on the hook, where errors could not tell them apart', () => {
    const { hooks } = tapped();
    hooks.request.tap('own', () => {});
    hooks.upstream.tap('own', (call, next) => next(call));
    expect(() => hooks.request.tap('own', () => {})).toThrow("tap 'own' on the hook 'request': the name is taken");
    expect(() => hooks.upstream.tap('own', (call, next) => next(call))).toThrow("on the hook 'upstream'");
    hooks.response.tap('own', (reply) => reply);
  });

  test('before one that is not there, which tapable would put first', async () => {
    const { hooks } = tapped();
    const order: string[] = [];
    hooks.request.tap('one', () => void order.push('one'));
    hooks.request.tap({ name: 'two', before: 'one' }, () => void order.push('two'));
    expect(() => hooks.request.tap({ name: 'three', before: 'nix' }, () => {})).toThrow(
      "tap 'three' on the hook 'request': 'before' names an unknown tap 'nix'; use stage instead",
    );
    await hooks.request.promise(exchange);
    expect(order).toEqual(['two', 'one']);
  });

  test('after apply, when requests may be under way', () => {
    const { hooks, state } = tapped();
    state.isSealed = true;
    expect(() => hooks.chunk.tap('own', (chunk) => chunk)).toThrow('hooks can only be tapped while apply runs');
  });
});

describe('a tap fails by its plugin’s name', () => {
  test('that is given as sync, and is not', async () => {
    const { hooks } = tapped();
    // As JavaScript lets one write it.
    const lost: () => never = () => Promise.reject(new Error('nobody waits for this')) as never;
    hooks.request.tap('own', lost);
    await expect(hooks.request.promise(exchange)).rejects.toMatchObject(failing('request', 'use tapPromise'));
  });

  test('that should return a promise, and throws', async () => {
    const { hooks } = tapped();
    hooks.request.tapPromise('own', () => {
      throw new Error('at once');
    });
    await expect(hooks.request.promise(exchange)).rejects.toMatchObject(failing('request', 'at once'));
  });

  test('that has a callback, and throws or calls it with an error', async () => {
    const { hooks } = tapped();
    const deeds: ((callback: (error?: Error | null) => void) => void)[] = [
      (callback) => callback(),
      (callback) => callback(new Error('called')),
      () => {
        throw new Error('thrown');
      },
    ];
    hooks.request.tapAsync('own', (_exchange, callback) => deeds.shift()?.(callback));
    await hooks.request.promise(exchange);
    await expect(hooks.request.promise(exchange)).rejects.toMatchObject(failing('request', 'called'));
    await expect(hooks.request.promise(exchange)).rejects.toMatchObject(failing('request', 'thrown'));
  });

  test.each(['sync', 'promise', 'callback'])('that returns what its hook cannot use (%s)', async (kind) => {
    const { hooks } = tapped();
    const wrong = 'bon' as never;
    if (kind === 'sync') hooks.plan.tap('own', () => wrong);
    else if (kind === 'promise') hooks.plan.tapPromise('own', () => Promise.resolve(wrong));
    else hooks.plan.tapAsync('own', (_exchange, callback) => callback(null, wrong));
    await expect(hooks.plan.promise(exchange)).rejects.toMatchObject(failing('plan', 'must return a plan, a wish'));
  });

  test('of `finished`: reported, and the others run', () => {
    const { hooks, state } = tapped();
    let others = 0;
    hooks.finished.tap('own', () => {
      throw new Error('lost count');
    });
    hooks.finished.tap('other', () => void others++);
    hooks.finished.call(exchange, { status: 200, durationMs: 1, bytes: 1 });
    expect([others, state.reported]).toEqual([1, [expect.objectContaining(failing('finished', 'lost count'))]]);
  });
});

test('a hook that nobody taps is not used, so that nothing is done for it', () => {
  const { hooks } = tapped();
  expect([hooks.chunk.isUsed(), hooks.upstream.isUsed()]).toEqual([false, false]);
  hooks.chunk.tap('own', (chunk) => chunk);
  expect([hooks.chunk.isUsed(), hooks.upstream.isUsed()]).toEqual([true, false]);
});

test('layers are listed outermost first, by stage, then in the order they were added', () => {
  const { hooks } = tapped();
  hooks.upstream.tap('second', (call, next) => next(call));
  hooks.upstream.tap({ name: 'inner', stage: 100 }, (call, next) => next(call));
  hooks.upstream.tap({ name: 'outer', stage: -100 }, (call, next) => next(call));
  hooks.upstream.tap('third', (call, next) => next(call));
  expect(hooks.upstream.order.map(({ name, stage }) => [name, stage])).toEqual([
    ['outer', -100],
    ['second', 0],
    ['third', 0],
    ['inner', 100],
  ]);
});
