import { expect, test } from 'vitest';
import { onStopSignals } from '../../../core/cli/stop-signals.ts';

test('one more signal within a second is the same one, a later one ends at once', () => {
  const calls: string[] = [];
  let now = 0;
  const stop = onStopSignals({ drain: () => calls.push('drain'), endNow: () => calls.push('end') }, () => now);
  process.emit('SIGTERM');
  now = 1;
  process.emit('SIGTERM');
  now = 1000;
  process.emit('SIGINT');
  expect(calls).toEqual(['drain']);
  now = 1001;
  process.emit('SIGTERM');
  expect(calls).toEqual(['drain', 'end']);
  stop();
});
