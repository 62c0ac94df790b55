/** z3: the answer without a solver’s result, because none helps, a call failed, or a budget ended. */
import { afterAll, describe, expect, test } from 'vitest';
import type { Scripted } from '../../support/scripted-handler.ts';
import {
  ask,
  RIGHT,
  UNDECLARED,
  ENDLESS,
  fenced,
  formulated,
  degraded,
  counted,
  SOLVED,
  isInstalled,
  releaseSolvers,
} from './z3-run.ts';

afterAll(releaseSolvers);

const refused = 'An open question.\nSOLVER_CAN_BE_APPLIED: False';

describe.skipIf(!isInstalled)('where no solver helps (needs the optional package z3-solver)', () => {
  test('the direct answer costs one call more', async () => {
    const run = await ask({ script: { analysis: [refused], answer: ['direct'] } });
    expect(counted(run)).toEqual(['direct', 2, 2]);
    expect(degraded(run)).toBeUndefined();
    expect(run.calls[1]?.request.messages).toEqual([{ role: 'user', content: 'What is six times seven?' }]);
  });

  test.each(['SOLVER_CAN_BE_APPLIED: True\nNo program.', 'It depends.', ''])('also after %j', async (analysis) => {
    const run = await ask({ script: { analysis: [analysis], answer: ['direct'] } });
    expect(counted(run)).toEqual(['direct', 2, 2]);
  });

  test('the last verdict counts', async () => {
    const run = await ask({
      script: { analysis: [`${formulated(RIGHT)}\nNo, SOLVER_CAN_BE_APPLIED: False`], answer: ['direct'] },
    });
    expect(counted(run)).toEqual(['direct', 2, 2]);
  });

  test.each(['hallo', [{ type: 'image_url', image_url: { url: 'data:,' } }]])(
    'tools and images stay: %j',
    async (content) => {
      const request = { messages: [{ role: 'user', content }], tools: [{ type: 'function' }], temperature: 0.7 };
      const run = await ask({ script: { analysis: [refused], answer: ['direct'] }, request });
      expect(run.calls[0]?.request).not.toHaveProperty('tools');
      expect(run.calls[1]?.request).toMatchObject(request);
    },
  );

  test('a conversation that ends in a tool’s result goes on', async () => {
    const messages = [
      { role: 'user', content: 'Add.' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: '3' },
    ];
    const run = await ask({ script: SOLVED, request: { messages } });
    expect(run.calls[1]?.request.messages.slice(1)).toEqual(messages);
  });
});

describe.skipIf(!isInstalled)('z3_speculative (needs the optional package z3-solver)', () => {
  const request = { z3_speculative: true };

  test('has the direct answer in one round', async () => {
    const run = await ask({ script: { analysis: [refused], answer: ['direct'] }, request });
    expect(counted(run)).toEqual(['direct', 2, 1]);
  });

  test('shows nothing of it before it is chosen, and ends it when the solver has a result', async () => {
    const run = await ask({
      script: { ...SOLVED, answer: [{ text: 'direct', hangs: true }] },
      request: { ...request, stream: true },
    });
    expect([run.text, run.calls.length]).toEqual(['six and four', 3]);
    const spare = run.calls.find(({ role }) => role === 'answer');
    expect([spare?.request.stream, spare?.signal.aborted]).toEqual([undefined, true]);
  });

  test('spares the last round where no program works', async () => {
    const run = await ask({
      script: {
        analysis: [formulated(UNDECLARED)],
        repair: [fenced(UNDECLARED), fenced(UNDECLARED)],
        answer: ['direct'],
      },
      request,
    });
    expect(counted(run)).toEqual(['direct', 4, 3]);
  });

  test('asks again where the early answer failed', async () => {
    const run = await ask({ script: { analysis: [refused], answer: [{ status: 500 }, 'direct'] }, request });
    expect(counted(run)).toEqual(['direct', 3, 2]);
  });
});

describe.skipIf(!isInstalled)('failures (need the optional package z3-solver)', () => {
  test.each([{ status: 500 }, { status: 429 }])(
    'of the first call leave the direct answer (%o)',
    async (failed: Scripted) => {
      const run = await ask({ script: { analysis: [failed], answer: ['direct'] } });
      expect(counted(run)).toEqual(['direct', 2, 2]);
      expect(degraded(run)).toBe('z3: analysis failed');
      expect(run.exchange.isPartial).toBe(true);
    },
  );

  test('of a repair leave the direct answer', async () => {
    const run = await ask({
      script: { analysis: [formulated(UNDECLARED)], repair: [{ status: 500 }], answer: ['direct'] },
    });
    expect(counted(run)).toEqual(['direct', 3, 3]);
  });

  test.each([{ status: 500 }, { text: '' }, { text: 'x', finish: 'content_filter' }])(
    'of the answer leave the direct one (%o)',
    async (synthesis: Scripted) => {
      const run = await ask({ script: { ...SOLVED, synthesis: [synthesis], answer: ['direct'] } });
      expect(counted(run)).toEqual(['direct', 3, 3]);
    },
  );

  test('an answer that is cut stays as it is', async () => {
    const run = await ask({ script: { ...SOLVED, synthesis: [{ text: 'six', finish: 'length' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'six' } });
  });

  test('of all calls are the upstream’s own', async () => {
    const run = await ask({ script: { analysis: [{ status: 500 }], answer: [{ status: 503 }] } });
    expect(run.reply.status).toBe(503);
  });

  test('a client that leaves ends the solver’s work', async () => {
    const leaving = new AbortController();
    const running = ask({
      script: { analysis: [formulated(ENDLESS)] },
      signal: leaving.signal,
      progress: (text) => text.startsWith('Running') && setTimeout(() => leaving.abort(new Error('gone')), 50),
    });
    await expect(running).rejects.toThrow();
  });
});

describe.skipIf(!isInstalled)('a budget (needs the optional package z3-solver)', () => {
  test.each([1, 2, 3, 4])('of %i calls is never exceeded, and there is an answer', async (max_calls) => {
    for (const z3_speculative of [false, true]) {
      const run = await ask({
        script: {
          analysis: [formulated(UNDECLARED)],
          repair: [fenced(UNDECLARED), fenced(RIGHT)],
          answer: ['direct'],
          synthesis: ['six and four'],
        },
        request: { z3_speculative, optigate: { max_calls } },
      });
      expect(run.calls.length).toBeLessThanOrEqual(max_calls);
      expect(run.text).toBe(max_calls === 4 && !z3_speculative ? 'six and four' : 'direct');
    }
  });

  test('of two calls is spent on the answer with the solver’s result, not on one without', async () => {
    const request = { z3_speculative: true, optigate: { max_calls: 2 } };
    const run = await ask({ script: { ...SOLVED, answer: ['direct'] }, request });
    expect(counted(run)).toEqual(['six and four', 2, 2]);
  });

  test('of tokens that is gone leaves what the solver found', async () => {
    const run = await ask({ script: SOLVED, request: { optigate: { max_tokens: 5 } } });
    expect(run.text).toContain('((x 6)');
    expect(degraded(run)).toBe('budget');
  });
});
