/** mars: which solutions are verified, and what becomes of those that are not. */
import { describe, expect, test } from 'vitest';
import type { Run, Scripted } from '../../support/scripted-handler.ts';
import {
  type Script,
  ask,
  correct,
  incorrect,
  answering,
  SCRIPT,
  counts,
  callsOf,
  optionsOf,
  ALONE,
  PLAIN,
  verifying,
} from './mars-run.ts';

describe('verification', () => {
  test('one failed pass of two is made up for by a third', async () => {
    const verification = [correct(), incorrect(), correct()];
    const run = await ask({ ...SCRIPT, verification }, optionsOf(ALONE));
    expect([run.text, ...counts(run)]).toEqual([answering('agent', 42)(0, 0), 4, 3]);
  });

  test('neither two failed passes nor a third that fails', async () => {
    const rejecting = { ...SCRIPT, verification: [incorrect(), incorrect()] };
    expect((await ask(rejecting, optionsOf({ ...ALONE, max_iterations: 0 }))).text).toBe(
      'In sum, the final answer is 42.',
    );
    const third = { ...SCRIPT, verification: [correct(), incorrect(), incorrect()] };
    expect((await ask(third, optionsOf({ ...ALONE, max_iterations: 0 }))).text).toBe('In sum, the final answer is 42.');
  });

  test('attempts are never fewer than have to pass', async () => {
    const options = { ...ALONE, verification_passes_required: 3, max_verification_attempts: 1 };
    expect(counts(await ask(SCRIPT, optionsOf(options)))).toEqual([1 + 3, 2]);
  });

  test('a solution that nobody judged is not rejected: nothing is improved', async () => {
    for (const verification of [() => 'Hard to say.', (): Scripted => ({ status: 500 })]) {
      const run = await ask({ ...SCRIPT, verification }, optionsOf(PLAIN));
      expect([run.text, ...counts(run)]).toEqual([expect.stringContaining('agent'), 9, 2]);
    }
  });

  test.each<Scripted>([{ status: 500 }, 'Hard to say.'])('without any verdict is said (%o)', async (verification) => {
    const run = await ask({ ...SCRIPT, verification: () => verification });
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('a verifier gets question and solution in plain words, and no tools', async () => {
    const run = await ask(SCRIPT, optionsOf(ALONE, { tools: [{ type: 'function' }], top_p: 0.2 }));
    const [request] = callsOf(run, 'verification').map((call) => call.request);
    expect(request).toMatchObject({ temperature: 0.1, max_tokens: 64_000, reasoning: { effort: 'low' } });
    for (const field of ['tools', 'top_p']) expect(request).not.toHaveProperty(field);
    for (const part of ['six times seven', 'agent 1 works'])
      expect(JSON.stringify(request?.messages).split(part).length).toBe(2);
  });
});

describe('an early stop', () => {
  const LATE = 5;
  /** Verifications of enhanced solutions take long. */
  const slow = (hangs: boolean) => (request: { readonly messages: unknown }) => ({
    text: correct(),
    ...(JSON.stringify(request.messages).includes('enhanced') ? (hangs ? { hangs } : { waves: LATE }) : {}),
  });

  test('aborts what is open once verified solutions agree', async () => {
    const run = await ask({ ...SCRIPT, verification: slow(true) }, { request: { optigate: { trace: true } } });
    expect(run.rounds).toBe(5);
    const open = callsOf(run, 'verification').filter(({ end_ms }) => end_ms === Infinity);
    expect(open.map(({ signal }) => signal.aborted)).toEqual(Array(6).fill(true));
    const { mars: facts } = run.completion['optigate'] as { mars: { saved_calls: number } };
    expect(facts.saved_calls).toBeGreaterThanOrEqual(6);
  });

  test('does not happen where it is off, or nobody agrees', async () => {
    const script = { ...SCRIPT, verification: slow(false) };
    const ends = (run: Run) => Math.max(...run.calls.map(({ end_ms }) => end_ms));
    expect(ends(await ask(script, optionsOf({ early_termination: false })))).toBe(4 + LATE);
    expect(ends(await ask(script, optionsOf({ consensus_threshold: 10 })))).toBe(4 + LATE);
  });

  test('ends the improving, too', async () => {
    const improvement = (_: unknown, index: number): Scripted =>
      index < 2 ? 'the final answer is 42' : { text: 'late', hangs: true };
    const verification = verifying((prompt) => prompt.includes(String.raw`<solution>\nthe final`));
    const run = await ask({ ...SCRIPT, improvement, verification }, optionsOf(PLAIN));
    expect([run.text, ...counts(run)]).toEqual(['the final answer is 42', 9 + 3 + 4, 4]);
    expect(callsOf(run, 'improvement')[2]?.signal.aborted).toBe(true);
  });
});

describe('improving', () => {
  test('only what changed is verified again, until one passes', async () => {
    const verification = verifying((prompt) => prompt.includes('improved'));
    const run = await ask({ ...SCRIPT, verification }, optionsOf({ ...PLAIN, max_iterations: 5 }));
    expect([run.text, ...counts(run)]).toEqual([answering('improved', 42)(0, 0), 9 + 9, 4]);
    const temperatures = callsOf(run, 'improvement').map(({ request }) => request.temperature);
    expect(temperatures).toEqual([0.8 * 0.3, 0.8 * 0.6, 0.8]);
  });

  test('a failed improvement leaves the solution as it was', async () => {
    const script: Script = { ...SCRIPT, verification: incorrect, improvement: () => ({ status: 500 }) };
    const run = await ask(script, optionsOf(PLAIN));
    expect([run.text, ...counts(run)]).toEqual([expect.stringContaining('agent'), 9 + 3, 3]);
  });

  test('goes on while fewer are verified than wanted', async () => {
    const verification = verifying((prompt) => prompt.includes('agent 1') || prompt.includes('improved'));
    const wanted = { ...PLAIN, min_verified_solutions: 2, early_termination: false };
    expect(counts(await ask({ ...SCRIPT, verification }, optionsOf(wanted)))).toEqual([9 + 6, 4]);
    expect(counts(await ask({ ...SCRIPT, verification }, optionsOf(PLAIN)))).toEqual([9, 2]);
  });
});
