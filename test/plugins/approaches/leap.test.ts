import { describe, expect, test } from 'vitest';
import { createKept } from '../../../core/kept.ts';
import type { ChatRequest } from '../../../core/index.ts';
import { contentText } from '../../../core/approach/index.ts';
import leap from '../../../plugins/approaches/leap/index.ts';
import { createMemory } from '../../../plugins/approaches/leap/memory.ts';
import { runApproach, USAGE, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const QUESTION = [{ role: 'user', content: 'Q: 1+1\nA: 2\nQ: 2+2\nA: 4\nQ: 3+3\nA: 6\nQ: 4+4\nA:' }];
const TURNS = [
  { role: 'system', content: 'Add the numbers.' },
  ...[1, 2, 3].flatMap((i) => [
    { role: 'user', content: `${i}+${i}` },
    { role: 'assistant', content: `${2 * i}` },
  ]),
  { role: 'user', content: '4+4' },
];
const EXAMPLES = [1, 2, 3].map((i) => ({ question: `${i}+${i}`, answer: 2 * i }));
const output = (text: string) => `Well.\n<output>${text}</output>`;
const SCRIPT = {
  examples: [output(JSON.stringify(EXAMPLES))],
  mistake: [output('11'), output('22'), output('33')],
  principles: [output('Add, do not join.'), output('Count.'), output('Check.')],
  condense: [output('\n1. Add.\n\n2. Check.\n')],
  answer: ['It is 8.'],
};

const ask = ({ request, ...options }: RunOptions) =>
  runApproach('leap', { plugins: [leap], request: { messages: QUESTION, ...request }, ...options });
type Run = Awaited<ReturnType<typeof ask>>;
const shape = ({ text, calls, rounds }: Run) => [text, calls.length, rounds];
const degraded = ({ exchange }: Run) => exchange.headers.get('x-optigate-degraded');
const textOf = ({ messages }: ChatRequest) => messages.map(({ content }) => contentText(content)).join('\n\n');
const promptOf = (run: Run, role: string) =>
  run.calls.filter((call) => call.role === role).map((call) => textOf(call.request))[0] ?? '';

describe('learning from mistakes', () => {
  test('takes 3 + E + m calls in five rounds, and answers with the condensed list in mind', async () => {
    const run = await ask({ script: SCRIPT });
    expect(shape(run)).toEqual(['It is 8.', 9, 5]);
    expect(promptOf(run, 'answer')).toContain('<principles>\n1. Add.\n2. Check.\n</principles>');
    expect(run.calls.at(-1)?.request.messages.at(-1)).toEqual(QUESTION[0]);
    for (const part of ['Add, do not join.', 'Count.', 'Check.']) expect(promptOf(run, 'condense')).toContain(part);
    expect(run.completion.usage?.total_tokens).toBe(9 * (USAGE.total_tokens ?? 0));
  });

  test('shows each reflection its own mistake beside the right answer', async () => {
    const run = await ask({ script: SCRIPT });
    const reflections = run.calls.filter(({ role }) => role === 'principles').map(({ request }) => textOf(request));
    for (const [i, part] of ['1+1', '2+2', '3+3'].entries()) {
      expect(reflections[i]).toContain(`<question>\n${part}\n</question>`);
      expect(reflections[i]).toContain(`<right_answer>\n${2 * (i + 1)}\n</right_answer>`);
    }
  });

  test('takes examples that are turns as they are, in one call and round less', async () => {
    const run = await ask({ script: { ...SCRIPT, examples: [] }, request: { messages: TURNS } });
    expect(shape(run)).toEqual(['It is 8.', 8, 4]);
    expect(promptOf(run, 'mistake')).toContain('<task>\nAdd the numbers.\n</task>');
  });

  test('answers without principles where there is no mistake', async () => {
    const two = output(JSON.stringify(EXAMPLES.slice(0, 2)));
    const script = { examples: [two], mistake: [output('2.0'), output('4 apples')], answer: ['It is 8.'] };
    const run = await ask({ script });
    expect(shape(run)).toEqual(['It is 8.', 4, 3]);
    expect(run.calls.at(-1)?.request.messages).toEqual(QUESTION);
    expect(degraded(run)).toBeUndefined();
  });

  test('reads fenced examples', async () => {
    const examples = [output(`\`\`\`json\n${JSON.stringify(EXAMPLES)}\n\`\`\``)];
    expect(shape(await ask({ script: { ...SCRIPT, examples } }))).toEqual(['It is 8.', 9, 5]);
  });

  test('uses the whole examples of a list that was cut', async () => {
    const text = `<output>${JSON.stringify(EXAMPLES).slice(0, -8)}`;
    expect(shape(await ask({ script: { ...SCRIPT, examples: [{ text, finish: 'length' }] } }))).toEqual([
      'It is 8.',
      7,
      5,
    ]);
  });

  test('uses no more examples and keeps no more principles than it may', async () => {
    const request = { leap_max_examples: 2, leap_max_principles: 1 };
    const run = await ask({ script: SCRIPT, request });
    expect(shape(run)).toEqual(['It is 8.', 7, 5]);
    expect(promptOf(run, 'answer')).toContain('<principles>\n1. Add.\n</principles>');
  });

  test('samples real mistakes where asked to', async () => {
    const mistake = [output('2'), output('3'), output('2'), ...Array.from({ length: 6 }, () => output('4'))];
    const run = await ask({ script: { ...SCRIPT, mistake }, request: { leap_mistakes: 'sampled' } });
    expect(run.calls.filter(({ role }) => role === 'mistake').map(({ request }) => request.n)).toEqual([3, 3, 3]);
    // Of the three examples two were solved wrongly.
    expect(shape(run)).toEqual(['It is 8.', 3 + 3 + 2, 5]);
    expect(promptOf(run, 'principles')).toContain('<wrong_answer>\n3\n</wrong_answer>');
    expect(promptOf(run, 'mistake')).not.toContain('careless');
  });
});

describe('without examples', () => {
  test('a question that shows none takes one call', async () => {
    const messages = [{ role: 'user', content: 'What is six times seven?' }];
    const run = await ask({ script: { answer: ['42'] }, request: { messages } });
    expect(shape(run)).toEqual(['42', 1, 1]);
    expect(run.calls[0]?.request.messages).toEqual(messages);
    expect(degraded(run)).toBe('leap: no examples');
  });

  test.each([output('[]'), output('["a", "b"]'), output('none'), 'none', ''])(
    'a question in which %j is found takes two',
    async (examples) => {
      const run = await ask({ script: { examples: [examples], answer: ['It is 8.'] } });
      expect(shape(run)).toEqual(['It is 8.', 2, 2]);
      expect(run.calls[1]?.request.messages).toEqual(QUESTION);
    },
  );
});

describe('what was learned', () => {
  const file = { leap: {} };
  const script = Object.fromEntries(
    Object.entries(SCRIPT).map(([role, texts]) => [role, (_: unknown, i: number) => texts[i % texts.length] ?? '']),
  );

  test('is known when the same prompt comes again', async () => {
    const kept = createKept();
    const first = await ask({ script, kept, file });
    const again = await ask({ script, kept, file });
    expect([shape(first), shape(again)]).toEqual([
      ['It is 8.', 9, 5],
      ['It is 8.', 1, 1],
    ]);
    expect(again.calls[0]?.bytes).toBe(first.calls.at(-1)?.bytes);
  });

  test('is known for another question with the same examples', async () => {
    const kept = createKept();
    await ask({ script, kept, request: { messages: TURNS } });
    const messages = [...TURNS.slice(0, -1), { role: 'user', content: '5+5' }];
    expect(shape(await ask({ script, kept, request: { messages } }))).toEqual(['It is 8.', 1, 1]);
  });

  test('is known within a budget that would not do for learning it', async () => {
    const kept = createKept();
    await ask({ script, kept });
    const run = await ask({ script, kept, request: { optigate: { max_calls: 1 } } });
    expect([promptOf(run, 'answer').includes('1. Add.'), degraded(run)]).toEqual([true, undefined]);
  });

  test('that there is nothing to learn is known as well', async () => {
    const kept = createKept();
    const none = { ...script, examples: () => output('[]') };
    await ask({ script: none, kept });
    expect(shape(await ask({ script: none, kept }))).toEqual(['It is 8.', 1, 1]);
  });

  test.each([
    ['another caller', { identity: { id: 'other' } }],
    ['another model', { request: { model: 'other' } }],
    ['another system text', { request: { messages: [{ role: 'system', content: 'x' }, ...QUESTION] } }],
    ['a request that wants none of it', { request: { leap_cache: false } }],
  ])('is not known to %s', async (_, options) => {
    const kept = createKept();
    await ask({ script, kept });
    expect(shape(await ask({ script, kept, ...options }))).toEqual(['It is 8.', 9, 5]);
  });

  test.each([
    ['a lost mistake', { mistake: (_: unknown, i: number): Scripted => (i === 1 ? { status: 500 } : output('99')) }],
    ['a lost condensation', { condense: () => '' }],
  ])('is not kept after %s', async (_, part) => {
    const kept = createKept();
    await ask({ script: { ...script, ...part }, kept });
    expect((await ask({ script, kept })).calls.length).toBe(8);
  });

  test('is forgotten after a day', () => {
    let now = 1;
    const { principles } = createMemory(() => now);
    principles.set('a', ['1. Add.']);
    now += 86_400_000;
    expect(principles.get('a')).toEqual(['1. Add.']);
    now += 1;
    expect(principles.get('a')).toBeUndefined();
  });
});

describe('failures', () => {
  test.each([
    ['a mistake', { mistake: [output('11'), { status: 500 }, output('33')] }, 8, 5],
    ['a mistake without an answer', { mistake: [output('11'), '', output('33')] }, 8, 5],
    ['a cut mistake', { mistake: [output('11'), { text: '<output>2', finish: 'length' }, output('33')] }, 8, 5],
    ['a reflection', { principles: [output('Add.'), { status: 500 }, output('Check.')] }, 9, 5],
    ['an empty reflection', { principles: [output('Add.'), 'x', output('Check.')] }, 9, 5],
  ] as const)(
    '%s that is lost costs its example alone',
    async (_, part: Record<string, readonly Scripted[]>, ...shaped) => {
      expect(shape(await ask({ script: { ...SCRIPT, ...part } }))).toEqual(['It is 8.', ...shaped]);
    },
  );

  test.each(['', 'no tags', { status: 500 }])('principles as they are where condensing brings %j', async (condense) => {
    const run = await ask({ script: { ...SCRIPT, condense: [condense] } });
    expect(shape(run)).toEqual(['It is 8.', 9, 5]);
    expect(promptOf(run, 'answer')).toContain('<principles>\nAdd, do not join.\nCount.\nCheck.\n</principles>');
  });

  test.each([429, 500])('examples that cannot be looked for (%i) leave the plain answer', async (status) => {
    const run = await ask({ script: { ...SCRIPT, examples: [{ status }] } });
    expect(shape(run)).toEqual(['It is 8.', 2, 2]);
    expect([run.exchange.isPartial, degraded(run)]).toEqual([true, 'examples_failed']);
  });

  test('says so where every mistake is lost', async () => {
    const mistake = [{ status: 500 }, { status: 500 }, { status: 500 }];
    const run = await ask({ script: { ...SCRIPT, mistake } });
    expect([...shape(run), degraded(run)]).toEqual(['It is 8.', 5, 3, 'principles_failed']);
  });

  test.each([401, 429, 500])('a last call refused with %i is the answer', async (status) => {
    const run = await ask({ script: { ...SCRIPT, answer: [{ status }] } });
    expect([run.reply.status, run.calls.length]).toEqual([status, 9]);
  });

  test('an empty answer is an error', async () => {
    await expect(ask({ script: { ...SCRIPT, answer: [''] } })).rejects.toMatchObject({ status: 502 });
  });

  test('a cut answer is shown as it was cut', async () => {
    const run = await ask({ script: { ...SCRIPT, answer: [{ text: 'It', finish: 'length' }] } });
    expect(run.completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'It' } });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('a budget of %i calls is kept, and ends with an answer', async (max_calls) => {
    const run = await ask({ script: SCRIPT, request: { optigate: { max_calls } } });
    expect(run.text).toBe('It is 8.');
    expect(run.calls.length).toBeLessThanOrEqual(max_calls);
    expect(degraded(run)).toBe('budget');
  });
});

describe('what the upstream gets', () => {
  test('the client’s tools and sampling for the answer alone', async () => {
    const request = { temperature: 0.3, tools: [{ type: 'function' }], max_tokens: 99 };
    const run = await ask({ script: SCRIPT, request });
    expect(run.calls.at(-1)?.request).toMatchObject(request);
    for (const { role, request: internal } of run.calls.slice(0, -1)) {
      expect(internal).not.toHaveProperty('tools');
      expect(internal.max_tokens).toBe(99);
      expect(internal.temperature).toBe(role === 'mistake' ? 0.7 : undefined);
    }
  });

  test('a conversation that ends in a tool result, as it is', async () => {
    const called = { id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } };
    const messages = [
      ...QUESTION,
      { role: 'assistant', content: null, tool_calls: [called] },
      { role: 'tool', tool_call_id: 'c', content: '8' },
    ];
    const run = await ask({ script: SCRIPT, request: { messages } });
    expect(shape(run)).toEqual(['It is 8.', 9, 5]);
    expect(run.calls.at(-1)?.request.messages.slice(1)).toEqual(messages);
  });

  test('the same calls, byte for byte, when the request is repeated', async () => {
    const bytes = async () => (await ask({ script: SCRIPT })).calls.map((call) => call.bytes);
    expect(await bytes()).toEqual(await bytes());
  });
});

test('streams the answer live', async () => {
  const run = await ask({ script: SCRIPT, request: { stream: true } });
  expect([run.reply.kind, ...shape(run)]).toEqual(['stream', 'It is 8.', 9, 5]);
  expect(run.calls.filter(({ request }) => request.stream === true).map(({ role }) => role)).toEqual(['answer']);
});

describe('three choices', () => {
  test.each(['honours', 'rejects', 'ignores'] as const)(
    'learn once and take the rounds of one, from an upstream that %s n',
    async (n) => {
      const answer = ['one', 'two', 'three'];
      const run = await ask({ script: { ...SCRIPT, answer }, n, request: { n: 3 } });
      expect(run.completion.choices.map(({ message }) => message.content)).toEqual(answer);
      expect([run.calls.length, run.rounds]).toEqual([8 + 3, 5]);
    },
  );

  test.each([3, 4, 5, 6, 7, 8, 9, 10])('come within %i calls', async (max_calls) => {
    const run = await ask({
      script: { ...SCRIPT, answer: () => 'It is 8.' },
      request: { n: 3, optigate: { max_calls } },
    });
    expect(run.completion.choices.length).toBe(3);
    expect(run.calls.length).toBeLessThanOrEqual(max_calls);
  });
});
