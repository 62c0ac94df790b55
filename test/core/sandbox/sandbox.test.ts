import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { nodeRuntime } from '../../../core/sandbox/node-runtime.ts';
import {
  createSandbox,
  type Sandbox,
  type SandboxProcess,
  type SandboxSettings,
} from '../../../core/sandbox/sandbox.ts';
import { SteppedClock } from '../../support/clock.ts';
import type { Deed } from './hostile-entry.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ENTRY = new URL('./hostile-entry.ts', import.meta.url);
const never = new AbortController().signal;

const sandboxes: Sandbox[] = [];
afterEach(() => {
  for (const sandbox of sandboxes.splice(0)) sandbox.release();
});

/** Held until the end of the test, as by a pipeline. */
function sandboxWith(settings: Partial<SandboxSettings> = {}): Sandbox {
  const sandbox = createSandbox({
    entry: ENTRY,
    processes: 2,
    memoryMb: 256,
    outputBytes: 100_000,
    clock: systemClock,
    ...settings,
  });
  sandbox.hold();
  sandboxes.push(sandbox);
  return sandbox;
}

const ask = (process: SandboxProcess, deed: Deed, limitMs = 10_000) => process.ask(deed, limitMs);
const run = (sandbox: Sandbox, deed: Deed, limitMs = 10_000, signal = never) =>
  sandbox.run((process) => ask(process, deed, limitMs), { signal });
const echo = (sandbox: Sandbox, value: unknown) => run(sandbox, { kind: 'echo', value });

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A run that holds its process until `finish` is called. */
function heldRun(sandbox: Sandbox) {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const result = sandbox.run(
    async () => {
      started.resolve();
      await finish.promise;
    },
    { signal: never },
  );
  return { started: started.promise, finish: finish.resolve, result };
}

test('answers are what the entry returns', async () => {
  const sandbox = sandboxWith({ args: ['a', 'b c'] });
  const value = { text: 'ä\n\u2028"\u0000😀', list: [1, null, { a: true }] };
  expect(await echo(sandbox, value)).toEqual({ value });
  expect(await run(sandbox, { kind: 'args' })).toEqual({ value: ['a', 'b c'] });
});

test('200 runs, 4 at a time, have each their own answer, in few processes', async () => {
  const sandbox = sandboxWith();
  const pids = new Set<number>();
  const one = async (value: number) => {
    expect(await echo(sandbox, value)).toEqual({ value });
    for (const pid of sandbox.pids) pids.add(pid);
    expect(sandbox.pids.length).toBeLessThanOrEqual(2);
  };
  for (let i = 0; i < 200; i += 4) await Promise.all([0, 1, 2, 3].map((offset) => one(i + offset)));
  // 50 runs each, then a new one.
  expect(pids.size).toBeGreaterThanOrEqual(4);
  expect(pids.size).toBeLessThanOrEqual(6);
});

test('what is asked in one run is answered by one process, which has its state', async () => {
  const sandbox = sandboxWith({ runsPerProcess: 1 });
  const countTwice = () =>
    sandbox.run(async (process) => [await ask(process, { kind: 'count' }), await ask(process, { kind: 'count' })], {
      signal: never,
    });
  for (const counts of await Promise.all([countTwice(), countTwice(), countTwice()]))
    expect(counts).toEqual([{ value: 1 }, { value: 2 }]);
});

test('no process starts before the first work, and all end with the last pipeline', async () => {
  const sandbox = sandboxWith();
  expect(sandbox.pids).toEqual([]);
  sandbox.warm();
  sandbox.warm();
  const [pid = 0] = sandbox.pids;
  expect([sandbox.pids.length, isAlive(pid)]).toEqual([1, true]);
  // After a reload the new pipeline has the same sandbox, and the old one ends.
  sandbox.hold();
  sandbox.release();
  await echo(sandbox, 1);
  expect(sandbox.pids).toEqual([pid]);
  sandbox.release();
  sandboxes.pop();
  await expect.poll(() => isAlive(pid)).toBe(false);
  expect(sandbox.pids).toEqual([]);
});

test('processes end also if a run outlives its pipeline', async () => {
  const sandbox = sandboxWith();
  const [pid = 0, answer] = await sandbox.run(
    async (process) => {
      const [pid] = sandbox.pids;
      const answer = ask(process, { kind: 'loop' });
      sandbox.release();
      sandboxes.pop();
      return [pid, await answer] as const;
    },
    { signal: never },
  );
  expect([answer, isAlive(pid)]).toEqual([{ ended: 'crash', exitStatus: null }, false]);
  expect(await echo(sandbox, 1)).toEqual({ value: 1 });
  expect(sandbox.pids).toEqual([]);
});

test('processes end when there was no work for a while', async () => {
  const clock = new SteppedClock();
  const sandbox = sandboxWith({ clock, idleMs: 300_000 });
  await echo(sandbox, 1);
  const [pid = 0] = sandbox.pids;
  clock.advance(299_999);
  expect(sandbox.pids).toEqual([pid]);
  clock.advance(1);
  expect(sandbox.pids).toEqual([]);
  await expect.poll(() => isAlive(pid)).toBe(false);
  expect(await echo(sandbox, 2)).toEqual({ value: 2 });
});

test('a process knows nothing of the server’s environment', async () => {
  // Where coverage is measured, Node itself hands this one to every child.
  const { NODE_V8_COVERAGE } = process.env;
  const value = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };
  expect(await run(sandboxWith(), { kind: 'environment' })).toEqual({ value });
});

test('a process reads only what it is made of and what it is given, writes nothing, and starts nothing', async () => {
  const read = (sandbox: Sandbox, path: string) => run(sandbox, { kind: 'read', path: join(ROOT, path) });
  const denied = { value: 'ERR_ACCESS_DENIED' };
  const sandbox = sandboxWith();
  expect(await read(sandbox, 'package.json')).toEqual(denied);
  expect(await read(sandbox, 'core/index.ts')).toEqual(denied);
  expect(await run(sandbox, { kind: 'read', path: '/etc/hostname' })).toEqual(denied);
  expect(await run(sandbox, { kind: 'write', path: fileURLToPath(new URL('./x', import.meta.url)) })).toEqual(denied);
  expect(await run(sandbox, { kind: 'start a process' })).toEqual(denied);
  const reader = sandboxWith({ readableFolders: [join(ROOT, 'core')] });
  expect(await read(reader, 'core/index.ts')).toEqual({ value: null });
  expect(await read(reader, 'package.json')).toEqual(denied);
});

test('a process that never answers is killed at its limit, and the next run has another one', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  await echo(sandbox, 1);
  const [pid = 0] = sandbox.pids;
  const [late, next] = await Promise.all([run(sandbox, { kind: 'loop' }, 100), echo(sandbox, 2)]);
  expect([late, next]).toEqual([{ ended: 'timeout', exitStatus: null }, { value: 2 }]);
  expect(isAlive(pid)).toBe(false);
});

test.skipIf(process.platform !== 'linux')('a process that takes more memory than its limit is killed', async () => {
  const sandbox = sandboxWith({ processes: 1, memoryMb: 200 });
  expect(await run(sandbox, { kind: 'hoard buffers' })).toEqual({ ended: 'memory', exitStatus: null });
  expect(await echo(sandbox, 1)).toEqual({ value: 1 });
});

test('a process whose JavaScript heap is full ran out of memory', async () => {
  // The heap is bounded by the limit, the whole process not at all where the clock stands still.
  const sandbox = sandboxWith({ memoryMb: 64, clock: new SteppedClock() });
  expect(await run(sandbox, { kind: 'hoard heap' })).toEqual({ ended: 'memory', exitStatus: null });
});

test('a process that writes more than its limit is killed, in its answer as beside it', async () => {
  const sandbox = sandboxWith({ outputBytes: 10_000 });
  const tooMuch = { ended: 'output', exitStatus: null };
  expect(await run(sandbox, { kind: 'answer', bytes: 9_900 })).toEqual({ value: 'x'.repeat(9_900) });
  expect(await run(sandbox, { kind: 'answer', bytes: 10_000 })).toEqual(tooMuch);
  expect(await run(sandbox, { kind: 'answer', bytes: 20_000_000 })).toEqual(tooMuch);
  expect(await run(sandbox, { kind: 'print', text: 'x'.repeat(10_000) })).toEqual(tooMuch);
  expect(await echo(sandbox, 1)).toEqual({ value: 1 });
});

test.each(['half a line', 'a line\n', '{"id":1', '{"id":99,"value":"of another"}\n', '[]\n"x"\nnull\n'])(
  'what a process prints besides is no answer: %j',
  async (text) => {
    const sandbox = sandboxWith();
    expect(await run(sandbox, { kind: 'print', text })).toEqual({ value: 'printed' });
    expect(await echo(sandbox, 1)).toEqual({ value: 1 });
  },
);

test('a crash fails only the run whose process it was', async () => {
  const sandbox = sandboxWith();
  const other = heldRun(sandbox);
  await other.started;
  const [first, second, third] = await Promise.all([
    run(sandbox, { kind: 'exit', status: 7 }),
    run(sandbox, { kind: 'throw' }),
    echo(sandbox, 3),
  ]);
  other.finish();
  await other.result;
  expect([first, second, third]).toEqual([
    { ended: 'crash', exitStatus: 7 },
    { ended: 'crash', exitStatus: 1 },
    { value: 3 },
  ]);
});

test('after the end of its process a run gets no more answers', async () => {
  const answers = await sandboxWith().run(
    async (process) => [
      await ask(process, { kind: 'exit', status: 7 }),
      await ask(process, { kind: 'echo', value: 1 }),
    ],
    { signal: never },
  );
  expect(answers).toEqual([
    { ended: 'crash', exitStatus: 7 },
    { ended: 'crash', exitStatus: 7 },
  ]);
});

test('a process that is killed while it waits is replaced', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  await echo(sandbox, 1);
  process.kill(sandbox.pids[0]!, 'SIGKILL');
  await expect.poll(() => sandbox.pids).toEqual([]);
  expect(await echo(sandbox, 2)).toEqual({ value: 2 });
});

test('a process that breaks a bound after its answer goes to no other run', async () => {
  const sandbox = sandboxWith({ processes: 1, outputBytes: 10_000 });
  const [pid = 0] = await sandbox.run(
    async (process) => {
      await ask(process, { kind: 'print later', text: 'x'.repeat(20_000) });
      return sandbox.pids;
    },
    { signal: never },
  );
  await expect.poll(() => isAlive(pid)).toBe(false);
  expect(await echo(sandbox, 1)).toEqual({ value: 1 });
});

test('a process that still owes an answer goes to no other run, and a run that is over reaches none', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  let kept: SandboxProcess | undefined;
  await sandbox.run(
    async (process) => {
      kept = process;
      void ask(process, { kind: 'loop' });
      await expect(ask(process, { kind: 'count' })).rejects.toThrow('one thing at a time');
    },
    { signal: never },
  );
  expect(await run(sandbox, { kind: 'count' })).toEqual({ value: 1 });
  await expect(kept?.ask({ kind: 'count' }, 1_000)).rejects.toThrow('over');
});

test('what a run throws is what its caller gets, and the process stays', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  const failing = sandbox.run(() => Promise.reject(new Error('mine')), { signal: never });
  await expect(failing).rejects.toThrow('mine');
  const pids = sandbox.pids;
  await echo(sandbox, 1);
  expect([pids.length, sandbox.pids]).toEqual([1, pids]);
});

test('runs that are aborted leave the line, or have their process killed', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  await echo(sandbox, 1);
  const [pid = 0] = sandbox.pids;
  const [leaving, waiting] = [new AbortController(), new AbortController()];
  const busy = run(sandbox, { kind: 'loop' }, 60_000, leaving.signal);
  const queued = run(sandbox, { kind: 'loop' }, 60_000, waiting.signal);
  const last = echo(sandbox, 2);
  waiting.abort(new Error('left the line'));
  await expect(queued).rejects.toThrow('left the line');
  leaving.abort(new Error('left'));
  await expect(busy).rejects.toThrow('left');
  expect([isAlive(pid), await last]).toEqual([false, { value: 2 }]);
  await expect(run(sandbox, { kind: 'loop' }, 60_000, leaving.signal)).rejects.toThrow('left');
});

test('runs have their turn in the order of asking', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  const order: number[] = [];
  const one = async (i: number) => {
    await echo(sandbox, i);
    order.push(i);
  };
  await Promise.all([0, 1, 2, 3, 4].map(one));
  expect(order).toEqual([0, 1, 2, 3, 4]);
});

test('a run that finds the line full is refused at once', async () => {
  const sandbox = sandboxWith({ processes: 1, maxWaiting: 1 });
  const busy = heldRun(sandbox);
  await busy.started;
  const waiting = echo(sandbox, 1);
  await expect(echo(sandbox, 2)).rejects.toMatchObject({ name: 'SandboxUnavailable', reason: 'busy' });
  busy.finish();
  expect(await waiting).toEqual({ value: 1 });
  expect(await echo(sandbox, 3)).toEqual({ value: 3 });
});

const cannotStart = { name: 'SandboxUnavailable', reason: 'start' };

test.each<[string, Partial<SandboxSettings>]>([
  ['whose module is missing', { entry: new URL('file:///nowhere/entry.js') }],
  ['that throws', { args: ['fail'] }],
  ['whose runtime is missing', { runtime: (launch) => ({ ...nodeRuntime(launch), command: '/nowhere/node' }) }],
  // A path that no process can be given: starting one throws at once.
  ['that the system refuses', { runtime: (launch) => ({ ...nodeRuntime(launch), command: 'no\0path' }) }],
])('runs of an entry %s are told that it does not start', async (_, settings) => {
  const sandbox = sandboxWith({ ...settings, processes: 1 });
  sandbox.warm();
  const waiting = [echo(sandbox, 1), echo(sandbox, 2), echo(sandbox, 3)];
  for (const one of waiting) await expect(one).rejects.toMatchObject(cannotStart);
  await expect.poll(() => sandbox.pids).toEqual([]);
});

test('a process that takes too long to start is killed', async () => {
  const command = (launch: Parameters<typeof nodeRuntime>[0]) => {
    const { command } = nodeRuntime(launch);
    return { command, args: ['-e', 'setInterval(() => undefined, 1_000)'] };
  };
  const sandbox = sandboxWith({ runtime: command, startLimitMs: 100 });
  await expect(echo(sandbox, 1)).rejects.toMatchObject(cannotStart);
});

test('nobody waits for a process that cannot be replaced', async () => {
  let isBroken = false;
  const sandbox = sandboxWith({
    processes: 1,
    runtime: (launch) => (isBroken ? { command: 'no\0path', args: [] } : nodeRuntime(launch)),
  });
  await echo(sandbox, 1);
  const last = run(sandbox, { kind: 'exit', status: 0 });
  const waiting = [echo(sandbox, 2), echo(sandbox, 3)];
  isBroken = true;
  expect(await last).toEqual({ ended: 'crash', exitStatus: 0 });
  for (const one of waiting) await expect(one).rejects.toMatchObject(cannotStart);
  isBroken = false;
  expect(await echo(sandbox, 4)).toEqual({ value: 4 });
});

test('those who wait are served by the processes that are left', async () => {
  let isBroken = false;
  const sandbox = sandboxWith({
    runtime: (launch) => (isBroken ? { command: 'no\0path', args: [] } : nodeRuntime(launch)),
  });
  const other = heldRun(sandbox);
  await other.started;
  const last = run(sandbox, { kind: 'exit', status: 0 });
  const waiting = [echo(sandbox, 2), echo(sandbox, 3)];
  isBroken = true;
  await last;
  other.finish();
  expect(await Promise.all(waiting)).toEqual([{ value: 2 }, { value: 3 }]);
});

test('a terminal’s signals are left to the server', async () => {
  const sandbox = sandboxWith({ processes: 1 });
  await echo(sandbox, 1);
  const pids = sandbox.pids;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(pids[0]!, signal);
  expect(await run(sandbox, { kind: 'count' })).toEqual({ value: 2 });
  expect(sandbox.pids).toEqual(pids);
});

/** A server of its own that has two processes, and asks each to do this. */
async function serverWith(deed: Deed) {
  const script = `
    import { createSandbox } from './core/sandbox/sandbox.ts';
    import { systemClock } from './core/clock.ts';
    const sandbox = createSandbox({
      entry: new URL(${JSON.stringify(ENTRY)}), processes: 2, memoryMb: 256, outputBytes: 10_000, clock: systemClock,
    });
    sandbox.hold();
    let started = 0;
    const one = () => sandbox.run(async (process) => {
      await process.ask({ kind: 'count' }, 10_000);
      const answer = process.ask(${JSON.stringify(deed)}, 60_000);
      if (++started === 2) console.log(sandbox.pids.join(' '));
      return answer;
    }, { signal: new AbortController().signal });
    // Its processes do not keep a server alive, so this timer does.
    const timer = setInterval(() => undefined, 1_000);
    await Promise.all([one(), one()]);
    clearInterval(timer);`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(server.stdout.setEncoding('utf8'), 'data')) as [string];
  return { server, pids: said.trim().split(' ').map(Number) };
}

test('processes end with a server that is killed, even in the middle of work', async () => {
  const { server, pids } = await serverWith({ kind: 'loop' });
  expect([pids.length, pids.every(isAlive)]).toEqual([2, true]);
  server.kill('SIGKILL');
  await once(server, 'exit');
  await expect.poll(() => pids.filter(isAlive), { timeout: 3_000 }).toEqual([]);
});

test('idle processes keep no server alive, and end with it', async () => {
  const { server, pids } = await serverWith({ kind: 'count' });
  const [status] = (await once(server, 'exit')) as [number];
  expect([status, pids.length]).toEqual([0, 2]);
  await expect.poll(() => pids.filter(isAlive), { timeout: 3_000 }).toEqual([]);
});
