import { expect, test } from 'vitest';
import { Patience, Patiences } from '../../../../plugins/gateway/cache/patience.ts';
import { cachedExchange } from './pipeline.ts';

test('a request that has lost enough asks no more', () => {
  const patience = new Patience();
  patience.count(0, 12);
  expect(patience.isSpent).toBe(false);
  patience.count(100, 100.5);
  expect(patience.isSpent).toBe(true);
});

test('waits at the same time count once', () => {
  const patience = new Patience();
  for (let from = 0; from < 5; from++) patience.count(from, 10);
  patience.count(2, 9);
  expect(patience.isSpent).toBe(false);
  patience.count(5, 13);
  expect(patience.isSpent).toBe(true);
});

test('every request has a patience of its own, for all of its calls', () => {
  const patiences = new Patiences();
  const [one, other] = [cachedExchange(), cachedExchange()];
  expect(patiences.of(one)).toBe(patiences.of(one));
  expect(patiences.of(one)).not.toBe(patiences.of(other));
});
