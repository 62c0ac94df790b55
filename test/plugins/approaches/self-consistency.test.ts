import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/run/capabilities.ts';
import selfConsistency from '../../../plugins/approaches/self_consistency/index.ts';
import { likeness } from '../../../plugins/approaches/self_consistency/votes.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (candidate: readonly Scripted[], options: Partial<RunOptions> = {}) =>
  runApproach('self_consistency', { plugins: [selfConsistency], script: { candidate }, ...options });

/** What is known of a model that takes no `n`. */
async function withoutN(): Promise<Capabilities> {
  const capabilities = new Capabilities();
  await ask(['answer: 1', 'answer: 1', 'answer: 1', 'answer: 1', 'answer: 1'], { n: 'ignores', capabilities });
  return capabilities;
}

const SAMPLES = [
  'Six sevens make it.\nFinal answer: 42',
  'I count 17. The answer is 17',
  String.raw`By the table \boxed{42} it is`,
  'Answer: 99',
  'First 21, doubled.\nThe final answer is 42.',
];

describe('the vote', () => {
  test.each(['honours', 'ignores'] as const)('goes by final answers, in one round (%s n)', async (n) => {
    const capabilities = new Capabilities();
    if (n === 'ignores') await ask(SAMPLES, { n, capabilities });
    const run = await ask(SAMPLES, { n, capabilities });
    expect([run.text, run.calls.length, run.rounds]).toEqual([SAMPLES[0], n === 'honours' ? 1 : 5, 1]);
  });

  test('treats equal numbers as equal, however written', async () => {
    const samples = [
      'The answer is $42$',
      String.raw`\boxed{42}`,
      'The answer is 42.0',
      'The answer is forty',
      'The answer is 17',
    ];
    expect((await ask(['The answer is 17', ...samples.slice(0, 4)])).text).toBe(samples[0]);
    const thousands = ['answer: 7', 'answer: 1,234', 'answer: 8', 'answer: 1234', 'answer: 1234.00'];
    expect((await ask(thousands)).text).toBe(thousands[1]);
  });

  test('keeps answers apart that only look alike', async () => {
    const samples = [42, 42, 43, 43, 43].map((answer) => `The answer is ${answer}.`);
    expect((await ask(samples)).text).toBe('The answer is 43.');
  });

  test('leaves failed samples out, and the answer is not kept as a complete one', async () => {
    const samples = [{ status: 500 }, { status: 500 }, 'answer: 7', 'answer: 7', 'answer: 8'];
    const run = await ask(samples, { capabilities: await withoutN() });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['answer: 7', 5, 1]);
    expect([run.exchange.isPartial, run.exchange.headers.get('x-optigate-degraded')]).toEqual([true, undefined]);
  });

  test('leaves empty and filtered samples out', async () => {
    const run = await ask(['', { text: 'answer: 1', finish: 'content_filter' }, '<think>hm', 'answer: 7', 'answer: 8']);
    expect([run.text, run.calls.length]).toEqual(['answer: 7', 1]);
  });

  test('the only usable sample needs no vote and no judge', async () => {
    const run = await ask(['', 'Rain falls', { text: 'Dro', finish: 'length' }, '', ''], { request: PROSE });
    expect([run.text, run.calls.length]).toEqual(['Rain falls', 1]);
  });

  test('without a usable sample it is an error', async () => {
    await expect(ask(['', '', '', '', ''])).rejects.toMatchObject({ status: 502 });
    const run = await ask([], { script: { candidate: () => ({ status: 429 }) }, capabilities: await withoutN() });
    expect([run.reply.status, run.calls.length]).toEqual([429, 5]);
  });

  test('goes by code where all is code, and by tool calls where those came', async () => {
    const code = (body: string) => `Here:\n\`\`\`js\n${body}\n\`\`\`\nDone.`;
    expect((await ask([code('a'), code('b '), code('b'), code('c'), code('d')], { request: PROSE })).text).toBe(
      code('b '),
    );
    const call = (text: string): Scripted => ({
      toolCalls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }],
    });
    const run = await ask([call('{"a":1}'), call('{"b":2,"a":1}'), call('{"a":1,"b":2}'), call('{}'), 'no'], {
      request: { tools: [{}] },
    });
    expect(run.completion.choices[0]?.message.tool_calls?.[0]?.function?.arguments).toBe('{"b":2,"a":1}');
  });

  test('lets a judge choose among programs of which no two are the same', async () => {
    const programs = ['a', 'b', 'c', 'd', 'e'].map((name) => `\`\`\`js\n// ${name}\nreturn ${name};\n\`\`\``);
    const request = { messages: [{ role: 'user', content: 'Write a function.' }], optigate: { trace: true } };
    const script = { candidate: programs, judge: ['Both 2 and 4 are right.\nChoice: 4'] };
    const run = await ask([], { script, request });
    expect([run.text, run.calls.length, run.rounds]).toEqual([programs[3], 2, 2]);
    expect(run.completion['optigate']).toMatchObject({
      self_consistency: { why: 'no two programs agree: the judge chose it' },
    });
    const alike = await ask([...programs.slice(1), programs[4]!.replace('// e', '// The same.')], { request });
    expect([alike.text, alike.calls.length]).toEqual([programs[4], 1]);
    const unread = await ask([], { script: { ...script, judge: ['Hm.'] }, request });
    expect([unread.text, unread.calls.length]).toEqual([programs[0], 2]);
  });

  test('a truncated sample votes but is not shown while a complete one says the same', async () => {
    const cut = { text: 'answer: 42', finish: 'length' };
    const run = await ask(['answer: 1', cut, 'I say: answer: 42', 'answer: 2', 'answer: 3']);
    expect(run.text).toBe('I say: answer: 42');
  });

  test('in a tie a truncated sample is half a vote', async () => {
    const cut = { text: 'answer: 42', finish: 'length' };
    expect((await ask([cut, 'x answer: 42', 'answer: 7', 'answer: 7', 'answer: 9'])).text).toBe('answer: 7');
  });

  test('a truncated sample without a final answer does not vote, and is not shown', async () => {
    const cut = { text: 'the same cut text', finish: 'length' };
    for (const self_consistency_mode of ['auto', 'text', 'answer'])
      expect((await ask([cut, cut, cut, 'answer: 7', 'x'], { request: { self_consistency_mode } })).text).toBe(
        'answer: 7',
      );
  });

  test('texts beside tool calls are no group of their own', async () => {
    const call = (text: string): Scripted => ({
      toolCalls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }],
    });
    const run = await ask(['a', 'b', call('{"a":1}'), call('{}'), call('{}')], { request: { tools: [{}] } });
    expect(run.completion.choices[0]?.message.tool_calls?.[0]?.function?.arguments).toBe('{}');
  });

  test('is reported', async () => {
    const run = await ask(SAMPLES, { request: { optigate: { trace: true } } });
    expect(run.completion['optigate']).toMatchObject({
      self_consistency: {
        samples: 5,
        confidence: 0.6,
        winner: 0,
        why: 'most samples agree with it',
        votes: [
          { answer: '42', votes: 3 },
          { answer: '17', votes: 1 },
          { answer: '99', votes: 1 },
        ],
      },
    });
  });
});

const PROSE = { messages: [{ role: 'user', content: 'Write a poem about rain.' }] };
const POEMS = [
  'Rain falls on roofs',
  'Clouds gather, grey',
  'Drops upon the pane',
  'A wet street shines',
  'The gutters sing',
];

describe('free texts', () => {
  test('are chosen from by a judge', async () => {
    const run = await ask(POEMS, { script: { candidate: POEMS, judge: ['Choice: 3'] }, request: PROSE });
    expect([run.text, run.calls.length, run.rounds]).toEqual([POEMS[2], 2, 2]);
    expect(run.calls[1]?.request.temperature).toBe(0);
  });

  test('without n take k + 1 calls', async () => {
    const script = { candidate: POEMS, judge: ['Choice: 3'] };
    const run = await ask(POEMS, { script, capabilities: await withoutN(), request: PROSE });
    expect([run.text, run.calls.length, run.rounds]).toEqual([POEMS[2], 6, 2]);
  });

  test('the first stays where the judge fails, and the client is told', async () => {
    const script = { candidate: POEMS, judge: [{ status: 500 }] };
    const run = await ask(POEMS, { script, request: PROSE });
    expect([run.text, run.exchange.isPartial]).toEqual([POEMS[0], true]);
    expect(run.exchange.headers.get('x-optigate-degraded')).toBe('judges_failed');
  });

  test('the first stays where the judge chooses none, which is no failure', async () => {
    const run = await ask(POEMS, { script: { candidate: POEMS, judge: ['all fine'] }, request: PROSE });
    expect([run.text, run.exchange.isPartial]).toEqual([POEMS[0], undefined]);
  });

  test('the trace says that a judge chose, and holds none of the texts', async () => {
    const request = { ...PROSE, optigate: { trace: true } };
    const run = await ask(POEMS, { script: { candidate: POEMS, judge: ['Choice: 3'] }, request });
    expect(run.completion['optigate']).toMatchObject({ self_consistency: { winner: 2, why: 'the judge chose it' } });
    const text = await ask(POEMS, { request: { ...request, self_consistency_mode: 'text' } });
    for (const { completion } of [run, text]) expect(JSON.stringify(completion['optigate'])).not.toContain('Rain');
  });

  test('mode judge asks the judge though answers could be counted', async () => {
    const script = { candidate: SAMPLES, judge: ['Choice: 2'] };
    const run = await ask(SAMPLES, { script, request: { self_consistency_mode: 'judge' } });
    expect([run.text, run.calls.length, run.rounds]).toEqual([SAMPLES[1], 2, 2]);
  });

  test('mode text groups what reads alike', async () => {
    const samples = [
      'the cat sat on the mat today',
      'dogs bark',
      'dogs bark loudly at night and day',
      'dogs bark loudly at night and day!',
      'x y z',
    ];
    const request = { ...PROSE, self_consistency_mode: 'text' };
    expect((await ask(samples, { request })).text).toBe(samples[2]);
    expect(likeness('a b c', 'a b c')).toBe(1);
    expect(likeness('a b c', 'd e f')).toBe(0);
  });
});

describe('early stop', () => {
  const slow = (text: string): Scripted => ({ text, waves: 5 });
  const request = { self_consistency_early_stop: true, optigate: { trace: true } };
  const isAborted = ({ signal, end_ms }: { signal: AbortSignal; end_ms: number }) =>
    signal.aborted && end_ms === Infinity;

  test('aborts what can change nothing, and the answer is as good as complete', async () => {
    const samples = ['answer: 42', 'answer: 42', 'answer: 42', slow('answer: 1'), slow('answer: 2')];
    const run = await ask(samples, { capabilities: await withoutN(), request });
    expect([run.text, run.calls.length, run.rounds]).toEqual(['answer: 42', 5, 1]);
    expect(run.calls.filter(isAborted).length).toBe(2);
    expect(run.completion['optigate']).toMatchObject({ self_consistency: { saved_calls: 2, samples: 3 } });
    expect([run.exchange.isPartial, run.exchange.headers.get('x-optigate-degraded')]).toEqual([undefined, undefined]);
  });

  test('is off by default', async () => {
    const samples = ['answer: 42', 'answer: 42', 'answer: 42', slow('answer: 1'), slow('answer: 2')];
    expect((await ask(samples, { capabilities: await withoutN() })).calls.filter(isAborted)).toEqual([]);
  });

  test('waits for a majority of all that were planned', async () => {
    const samples = ['answer: 42', 'answer: 42', 'answer: 1', slow('answer: 1'), slow('answer: 1')];
    const run = await ask(samples, { capabilities: await withoutN(), request });
    expect([run.text, run.calls.filter(isAborted).length]).toEqual(['answer: 1', 0]);
  });

  test('waits for a complete sample to show', async () => {
    const cut = { text: 'answer: 42', finish: 'length' };
    const samples = [cut, cut, cut, slow('I say answer: 42'), { text: 'answer: 1', waves: 9 }];
    const run = await ask(samples, { capabilities: await withoutN(), request });
    expect([run.text, run.calls.filter(isAborted).length]).toEqual(['I say answer: 42', 1]);
  });

  test('counts the samples that a model that ignores n gave at once', async () => {
    const samples = ['answer: 42', 'answer: 42', 'answer: 42', slow('answer: 1'), slow('answer: 2')];
    const run = await ask(samples, { n: 'ignores', request });
    expect([run.text, run.calls.filter(isAborted).length]).toEqual(['answer: 42', 2]);
  });

  test('leaves n: top its choices', async () => {
    const samples = ['answer: 42', 'answer: 42', 'answer: 42', slow('answer: 1'), slow('answer: 2')];
    const top = { self_consistency_early_stop: true, n: 3, optigate: { n: 'top' } };
    const run = await ask(samples, { capabilities: await withoutN(), request: top });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual([
      'answer: 42',
      'answer: 1',
      'answer: 2',
    ]);
  });
});

describe('n', () => {
  test('ignored costs one round once', async () => {
    const capabilities = new Capabilities();
    const first = await ask(SAMPLES, { n: 'ignores', capabilities });
    const second = await ask(SAMPLES, { n: 'ignores', capabilities });
    expect([first.calls.length, first.rounds, second.calls.length, second.rounds]).toEqual([5, 2, 5, 1]);
  });

  test('of the client’s is so many votes at once', async () => {
    const script = { candidate: (_: unknown, index: number) => SAMPLES[index % 5]! };
    const run = await ask([], { script, request: { n: 3 } });
    expect(run.completion.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, SAMPLES[0]],
      [1, SAMPLES[0]],
      [2, SAMPLES[0]],
    ]);
    expect([run.calls.length, run.rounds]).toEqual([3, 1]);
  });

  test('rejected costs one round once', async () => {
    const capabilities = new Capabilities();
    const first = await ask(SAMPLES, { n: 'rejects', capabilities });
    const second = await ask(SAMPLES, { n: 'rejects', capabilities });
    expect([first.calls.length, first.rounds, second.calls.length, second.rounds]).toEqual([6, 2, 5, 1]);
  });

  test('top gives one sample per class, largest first', async () => {
    const run = await ask(SAMPLES, { request: { n: 2, optigate: { n: 'top' } } });
    expect(run.completion.choices.map(({ message }) => message.content)).toEqual([SAMPLES[0], SAMPLES[1]]);
  });
});

test('asks for a closing line, but not where the client has a format of its own', async () => {
  expect(JSON.stringify((await ask(SAMPLES)).calls[0]?.request.messages)).toContain('Final answer:');
  const request = { response_format: { type: 'json_object' } };
  const samples = SAMPLES.map(() => 'answer: 1');
  expect(JSON.stringify((await ask(samples, { request })).calls[0]?.request.messages)).not.toContain('Final answer:');
});

test.each([1, 2, 3, 4, 5, 6])('with a budget of %i calls there is an answer, and never one call more', async (max) => {
  for (const capabilities of [new Capabilities(), await withoutN()]) {
    const script = { candidate: (_: unknown, i: number) => POEMS[i % 5]!, judge: ['Choice: 2'] };
    const request = { ...PROSE, optigate: { max_calls: max } };
    const run = await ask([], { script, capabilities, request });
    expect(POEMS).toContain(run.text);
    expect(run.calls.length).toBeLessThanOrEqual(max);
  }
});

test('asks the same, byte for byte, each time', async () => {
  const options = { script: { candidate: POEMS, judge: ['Choice: 2'] }, request: PROSE };
  const [one, other] = [await ask([], options), await ask([], options)];
  expect(other.calls.map(({ bytes }) => bytes)).toEqual(one.calls.map(({ bytes }) => bytes));
});

test('goes on after a tool result', async () => {
  const messages = [
    { role: 'user', content: 'Add.' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: '3' },
  ];
  const run = await ask(SAMPLES, { request: { messages } });
  expect(run.text).toBe(SAMPLES[0]);
  expect(run.calls[0]?.request.messages.slice(1)).toEqual(messages);
});

test('streams the winner once it is chosen', async () => {
  const run = await ask(SAMPLES, { request: { stream: true } });
  expect([run.text, run.calls[0]?.request.stream]).toEqual([SAMPLES[0], undefined]);
});

test('says what it does while it works', async () => {
  const said: string[] = [];
  await ask(SAMPLES, { progress: (text) => said.push(text) });
  expect(said).toEqual(['Asking for 5 independent solutions.', '5 of 5 solutions are there, 3 of them agree.']);
});

test.each([
  { self_consistency_samples: 0 },
  { self_consistency_samples: 65 },
  { self_consistency_similarity: 1.1 },
  { self_consistency_mode: 'vote' },
])('refuses %o, naming the field', async (given) => {
  const refused = ask([], { request: { optigate: { self_consistency: given } } });
  const [field] = Object.keys(given);
  await expect(refused).rejects.toMatchObject({ status: 400, param: `optigate.self_consistency.${field}` });
});
