import { expect, test } from 'vitest';
import { statedIn, SUM } from './demo-call.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';

const APPROACHES =
  'none re2 cot_reflection self_consistency bon moa mcts rto z3 pvg rstar plansearch leap cepo mars'.split(' ');
const TASK = 'Write a JavaScript function that reverses a text.';
const FEW_SHOT = 'Q: What is 2 * 3?\nA: 6\n\nQ: What is 30 + 4?\nA: 34\n\nQ: What is 17 * 23?\nA:';

function demoGateway(...plugins: readonly string[]): Promise<TestGateway> {
  const yaml = `upstreams: { demo: { provider: demo } }\nplugins: [${plugins.join(', ')}]\nmodel: demo-small\n`;
  return startGateway(undefined, { yaml });
}

async function ask(gateway: TestGateway, content: string, request: object): Promise<string> {
  const response = await gateway.chat({ messages: [{ role: 'user', content }], ...request });
  expect(response.status).toBe(200);
  const text = await response.text();
  type Body = { choices: { message?: { content: string }; delta?: { content?: string } }[] };
  const lines = text.startsWith('data: ') ? [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => json!) : [text];
  const choices = lines.flatMap((line) => (JSON.parse(line) as Body).choices);
  return choices.map(({ message, delta }) => message?.content ?? delta?.content ?? '').join('');
}

test.each(APPROACHES)('%s brings a labelled answer to a sum and to a task for a program', async (approach) => {
  await using gateway = await demoGateway(approach);
  for (const stream of [false, true]) {
    const request = { stream, optillm_approach: approach };
    const sum = await ask(gateway, SUM, request);
    expect(sum).toMatch(/^(?:<\w+>\s*)?\[demo\] /);
    expect(sum).toMatch(/^Final answer: 3\d\d$|^Final answer: 4\d\d$|\[demo\] Final answer: [34]\d\d/m);
    const program = await ask(gateway, TASK, request);
    expect(program).toMatch(/^\[demo\] [^]*```javascript\n[^]*solve[^]*```$/);
  }
});

test.each(APPROACHES)('%s takes no part of its own prompts for the question', async (approach) => {
  await using gateway = await demoGateway(approach);
  const answer = await ask(gateway, 'Tell me about whales', { optillm_approach: approach });
  expect(answer).toMatch(/^\[demo\] This is a canned reply/);
});

test.each([
  ['bon', {}],
  ['self_consistency', {}],
  ['mcts', {}],
  ['pvg', { pvg_rounds: 1 }],
  ['rstar', { rstar_num_rollouts: 3, rstar_max_depth: 2 }],
  ['cepo', { bestofn_n: 2, planning_n: 2, planning_m: 2 }],
  ['mars', { num_agents: 2, enable_aggregation: false, enable_strategy_network: false, max_iterations: 1 }],
])('%s is right at least as often as a single sample', async (approach, options) => {
  await using gateway = await demoGateway(approach);
  const shareOf = async (optillm_approach: string, optigate: object) => {
    const seeds = Array.from({ length: 120 }, (_, seed) => seed);
    const answers = await Promise.all(seeds.map((seed) => ask(gateway, SUM, { seed, optillm_approach, optigate })));
    return answers.filter((answer) => statedIn(answer) === '391').length / answers.length;
  };
  const single = await shareOf('none', {});
  expect(await shareOf(approach, { [approach]: options })).toBeGreaterThanOrEqual(single);
});

test('z3 has the solver compute sums, and states what that computed', async () => {
  await using gateway = await demoGateway('z3');
  const stated = async (sum: string, seed: number) =>
    statedIn(await ask(gateway, `What is ${sum}?`, { seed, optillm_approach: 'z3' }));
  for (let seed = 0; seed < 10; seed++) expect(await stated('17 * 23', seed)).toBe('391');
  expect(await stated('(3 - 8) / 2', 0)).toBe('-2.5');
  expect(await stated('2 ^ 70 + 1', 0)).toBe('1180591620717411303425');
});

test.each([
  ['leap', FEW_SHOT, {}, { mistakes: 2, principles: 5 }],
  ['plansearch', TASK, {}, { observations: 3, derived: 2, has_sketch: true }],
  ['rto', TASK, {}, { came_back: 1 }],
  ['mcts', SUM, { mcts_exploration: 0 }, { values: [expect.any(Number), expect.any(Number)] }],
  ['pvg', SUM, { pvg_rounds: 1 }, { winning_round: 0 }],
  ['rstar', SUM, { rstar_num_rollouts: 12 }, { path_lengths: expect.arrayContaining([1, 2]) }],
  ['mars', SUM, {}, { agents: 3, solutions: 9 }],
])('%s can read all that the demo says to it', async (approach, content, options, facts) => {
  await using gateway = await demoGateway(approach);
  const messages = [{ role: 'user', content }];
  const optigate = { trace: true, [approach]: options };
  const response = await gateway.chat({ messages, seed: 3, optillm_approach: approach, optigate });
  const body = (await response.json()) as { optigate: { trace: { steps: object[] } } };
  expect(body.optigate).not.toHaveProperty('degraded');
  expect(body.optigate.trace.steps[0]).toMatchObject(facts);
});

test.each(['absolute', 'pairwise', 'majority'])('cepo chooses by %s ratings, from plans of its own', async (type) => {
  await using gateway = await demoGateway('cepo');
  const cepo = { bestofn_rating_type: type, use_plan_diversity: true };
  const optigate = { trace: true, cepo };
  const messages = [{ role: 'user', content: SUM }];
  const response = await gateway.chat({ messages, optillm_approach: 'cepo', optigate });
  const body = (await response.json()) as { optigate: object };
  expect(body.optigate).not.toHaveProperty('degraded');
  expect(body.optigate).toMatchObject({ trace: { steps: [{ proposals: [3, 3, 3] }] } });
});
