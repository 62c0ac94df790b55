import { expect, test } from 'vitest';
import { isAnswer, QUESTIONS } from '../../../plugins/providers/demo/questions.ts';
import { startGateway } from '../../support/gateway.ts';

const SEEDS = 15;

test.each([
  ['none', 0.6, 0.65],
  ['re2', 0.6, 0.65],
  ['bon', 0.7, 1],
  ['moa', 0.7, 1],
  ['self_consistency', 0.7, 1],
  ['re2&bon', 0.7, 1],
])('over the built-in questions, %s is right as often as it should be', async (approach, least, most) => {
  await using gateway = await startGateway(undefined, {
    yaml: 'upstreams: { demo: { provider: demo } }\nplugins: [re2, bon, moa, self_consistency]\nmodel: demo-small\n',
  });
  let right = 0;
  for (const question of QUESTIONS) {
    for (let seed = 0; seed < SEEDS; seed++) {
      const messages = [{ role: 'user', content: question.text }];
      const response = await gateway.chat({ messages, seed, optillm_approach: approach });
      const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
      const stated = /Final answer: (.+)/.exec(choices[0]!.message.content)?.[1];
      if (stated !== undefined && isAnswer(question, stated)) right++;
    }
  }
  const accuracy = right / (QUESTIONS.length * SEEDS);
  expect(accuracy).toBeGreaterThan(least - 0.05);
  expect(accuracy).toBeLessThanOrEqual(most);
});

test.each([false, true])('its calls show in the trace as those of a real server do (stream: %s)', async (stream) => {
  await using gateway = await startGateway(undefined, {
    yaml: 'upstreams: { demo: { provider: demo } }\nplugins: [bon]\nmodel: demo-small\n',
  });
  const messages = [{ role: 'user', content: 'What is 17 * 23?' }];

  const response = await gateway.chat({ stream, messages, optillm_approach: 'bon', optigate: { trace: true } });

  const text = await response.text();
  const whole = stream ? /^data: (.*"optigate":.*)$/m.exec(text)?.[1] : text;
  type Step = { approach: string; steps: object[] };
  const { optigate } = JSON.parse(whole ?? '') as { optigate: { trace: { steps: Step[] } } };
  expect(optigate).toMatchObject({ calls: 4, rounds: 2 });
  const [bon] = optigate.trace.steps;
  expect(bon?.steps).toHaveLength(4);
  expect(bon?.steps[0]).toMatchObject({ role: 'candidate', upstream: 'demo', status: 200 });
});
