import { expect, test } from 'vitest';
import { findProblem, isAnswer, QUESTIONS } from '../../../plugins/providers/demo/questions.ts';
import { SUM, candidates, complete, statedIn, textIn } from './demo-call.ts';

test('a known question is answered rightly six times in ten', async () => {
  let right = 0;
  for (let seed = 0; seed < 20; seed++) {
    for (const question of QUESTIONS) {
      const { choices } = await complete({ text: question.text, request: { n: 10, seed } });
      right += choices.filter(({ message }) => isAnswer(question, statedIn(message.content))).length;
    }
  }
  expect(Math.abs(right / 4000 - 0.6)).toBeLessThan(0.03);
});

test('wrong values are the plausible ones and no others', async () => {
  const problem = findProblem(SUM)!;
  const { choices } = await complete({ text: SUM, request: { n: 100 } });
  for (const { message } of choices) expect([problem.answer, ...problem.slips]).toContain(statedIn(message.content));
});

test('a judge rates a right candidate high and a wrong one low, nine times in ten', async () => {
  let reliable = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const value = seed % 2 === 0 ? '391' : '392';
    const text = `Question: ${SUM}\n<answer>\n[demo] I make it ${value}.\n\nFinal answer: ${value}\n</answer>\nRate it from 0 to 10. End with a line "Score: <0-10>".`;
    const { choices } = await complete({ text, asked: SUM, role: 'judge', request: { seed } });
    const score = Number(/Score: (\d+)$/.exec(textIn(choices))?.[1]);
    expect(score).toBeGreaterThanOrEqual(0);
    if (score > 5 === (value === '391')) reliable++;
  }
  expect(Math.abs(reliable / 1000 - 0.9)).toBeLessThan(0.03);
});

test('a judge who is to choose names the first right candidate, nine times in ten', async () => {
  let reliable = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const { choices } = await complete({
      text: `${SUM}\n${candidates('392', '401', '391')}\nReply with the number of the best one as "Choice: <n>".`,
      asked: SUM,
      role: 'judge',
      request: { seed },
    });
    if (textIn(choices).endsWith('Choice: 3')) reliable++;
  }
  expect(Math.abs(reliable / 1000 - 0.9)).toBeLessThan(0.03);
});

test('a synthesis takes up the right candidate, nine times in ten, wherever the critique stands', async () => {
  let right = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const text = `${SUM}\n${candidates('392', '392', '391')}\n[demo] Critique: Candidate 1 (392) holds.\nWrite one final answer.`;
    const { choices } = await complete({ text, asked: SUM, role: 'synthesis', request: { seed } });
    if (statedIn(choices[0]!.message.content) === '391') right++;
  }
  expect(Math.abs(right / 1000 - 0.9)).toBeLessThan(0.03);
});

test('a critique names the best candidate where it is asked to, nine times in ten', async () => {
  let right = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const text = `${SUM}\n${candidates('392', '391')}\nEnd with "Best: <number>".`;
    const { choices } = await complete({ text, asked: SUM, role: 'critique', request: { seed } });
    if (textIn(choices).endsWith('\nBest: 2')) right++;
  }
  expect(Math.abs(right / 1000 - 0.9)).toBeLessThan(0.03);
});

test('earlier answers of the conversation are no candidates', async () => {
  const messages = [
    { role: 'user', content: SUM },
    { role: 'assistant', content: '[demo] I make it 391.\n\nFinal answer: 391' },
    { role: 'user', content: `What is 2 * 3?\n${candidates('7')}` },
  ];
  const { choices } = await complete({ role: 'critique', request: { messages } });
  expect(textIn(choices)).toMatch(/^\[demo\] Critique: Candidate 1 \(7\) [^\n]*$/);
});

test('a synthesis of wrong candidates stays wrong', async () => {
  const text = `${SUM}\n${candidates('392', '401', '401')}`;
  const { choices } = await complete({ text, asked: SUM, role: 'synthesis', request: { n: 50 } });
  expect(new Set(choices.map(({ message }) => statedIn(message.content)))).toEqual(new Set(['401']));
});

test('a critique speaks of each candidate and states no answer of its own', async () => {
  const text = `${SUM}\n${candidates('392', '391')}`;
  const { choices } = await complete({ text, asked: SUM, role: 'critique' });
  expect(choices[0]!.message.content).toMatch(/^\[demo\] Critique: Candidate 1 \(392\) .*\nCandidate 2 \(391\) /);
  expect(choices[0]!.message.content).not.toContain('Final answer');
});
