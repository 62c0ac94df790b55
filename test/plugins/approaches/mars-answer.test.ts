/** mars: which solution is the answer, and how it is shown. */
import { describe, expect, test } from 'vitest';
import type { Scripted } from '../../support/scripted-handler.ts';
import {
  type Script,
  ask,
  incorrect,
  SCRIPT,
  counts,
  promptsOf,
  optionsOf,
  ALONE,
  PLAIN,
  verifying,
} from './mars-run.ts';

describe('the answer', () => {
  const candidate = ['so the answer is 42', 'thus the answer is 42', 'hence the answer is 17'];

  test('is one that the verifier passes', async () => {
    const verification = verifying((prompt) => prompt.includes('answer is 17'));
    const run = await ask({ ...SCRIPT, candidate, verification }, optionsOf({ ...PLAIN, max_iterations: 0 }));
    expect(run.text).toBe('hence the answer is 17');

    const only42 = verifying((prompt) => /<solution>.*42.*<\/solution>/.test(prompt));
    const whole = await ask({ ...SCRIPT, candidate, verification: only42 });
    expect([whole.text, whole.rounds]).toEqual([expect.stringContaining('42'), 5]);
    expect(whole.calls.length).toBeLessThanOrEqual(34);
  });

  test('is of the largest verified group, then the one whose verifiers are surest', async () => {
    const sure = (request: { readonly messages: unknown }) =>
      `CONFIDENCE: ${/thus|hence/.test(JSON.stringify(request.messages)) ? 9 : 6}\nVERDICT: CORRECT`;
    const script = { ...SCRIPT, candidate, verification: sure };
    expect((await ask(script, optionsOf({ ...PLAIN, early_termination: false }))).text).toBe('thus the answer is 42');
  });

  test('is voted for where none is verified', async () => {
    const run = await ask(
      { ...SCRIPT, candidate: candidate.toReversed(), verification: incorrect },
      optionsOf({ ...PLAIN, max_iterations: 0 }),
    );
    expect([run.text, ...counts(run)]).toEqual(['thus the answer is 42', 9, 2]);
  });

  const undecided = ['the answer is 1', 'the answer is 2', 'the answer is 3'];
  const UNDECIDED: Script = { ...SCRIPT, candidate: undecided, verification: incorrect };
  const plain = (rest: object = {}) => optionsOf({ ...PLAIN, max_iterations: 0 }, rest);

  test('is synthesised where nothing decides, live', async () => {
    const run = await ask(UNDECIDED, plain({ stream: true }));
    expect([run.reply.kind, run.text, ...counts(run)]).toEqual(['stream', 'In sum, the final answer is 42.', 10, 3]);
    const [prompt = ''] = promptsOf(run, 'synthesis');
    for (const part of [...undecided, '0 of 2 verifications passed', 'Solution 3: 3']) expect(prompt).toContain(part);
  });

  test.each([{ status: 500 }, { text: '' }])(
    'falls back on the best where that fails (%o)',
    async (synthesis: Scripted) => {
      for (const stream of [false, true]) {
        const run = await ask({ ...UNDECIDED, synthesis: [synthesis] }, plain({ stream }));
        expect(run.text).toBe('the answer is 1');
        expect(run.exchange.headers.get('x-optigate-degraded')).toBeDefined();
      }
    },
  );
});

describe('the client’s wish for reasoning', () => {
  const solution = String.raw`Since 1/2 is half, the result is \boxed{\frac{1}{2}}.`;
  const SOLVED: Script = { ...SCRIPT, candidate: () => solution };

  test('unasked, the solution is the answer as it came', async () => {
    const run = await ask(SOLVED, optionsOf(ALONE));
    expect(run.completion.choices[0]?.message).toEqual({ role: 'assistant', content: solution });
  });

  test('include_reasoning gives the solution as reasoning, the short answer as content', async () => {
    for (const stream of [false, true]) {
      const run = await ask(SOLVED, optionsOf(ALONE, { include_reasoning: true, stream }));
      const shown = { content: String.raw`\frac{1}{2}`, reasoning_content: solution };
      expect(run.completion.choices[0]?.message).toMatchObject(shown);
    }
  });

  test('thinking tags are there where they are set', async () => {
    const run = await ask(SOLVED, optionsOf({ ...ALONE, use_thinking_tags: true }));
    expect(run.text).toBe(`<think>\n${solution}\n</think>\n\n${String.raw`\frac{1}{2}`}`);
  });

  test.each([{ use_thinking_tags: false }, { answer_extraction_mode: 'none' }, { answer_extraction_mode: 'code' }])(
    'the solution stays whole with %o',
    async (options) => {
      const run = await ask(SOLVED, optionsOf({ ...ALONE, ...options }, { include_reasoning: true }));
      expect(run.text).toBe(solution);
    },
  );

  test('a format of the client’s stays as it is', async () => {
    const json = '{"text":"The answer is 42"}';
    const request = { response_format: { type: 'json_schema', json_schema: {} }, include_reasoning: true };
    for (const options of [ALONE, { ...ALONE, use_thinking_tags: true }]) {
      const run = await ask({ ...SCRIPT, candidate: () => json }, optionsOf(options, request));
      expect(run.text).toBe(json);
    }
  });

  test('a synthesised answer is shown the same way', async () => {
    const script: Script = { ...SOLVED, verification: incorrect, synthesis: ['Well. The answer is 7'] };
    for (const stream of [false, true]) {
      const run = await ask(script, optionsOf({ ...ALONE, max_iterations: 0 }, { include_reasoning: true, stream }));
      const shown = { content: '7', reasoning_content: 'Well. The answer is 7' };
      expect(run.completion.choices[0]?.message).toMatchObject(shown);
    }
  });
});
