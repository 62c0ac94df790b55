import { describe, expect, test } from 'vitest';
import { Capabilities } from '../../../core/approach/capabilities.ts';
import selfConsistency from '../../../plugins/approaches/self_consistency/index.ts';
import { likeness } from '../../../plugins/approaches/self_consistency/votes.ts';
import { runApproach, type RunOptions, type Scripted } from '../../support/scripted-handler.ts';

const ask = (candidate: readonly Scripted[], options: Partial<RunOptions> = {}) =>
  runApproach('self_consistency', { plugins: [selfConsistency], script: { candidate }, ...options });

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

  test('leaves failed samples out', async () => {
    const samples = [{ status: 500 }, { status: 500 }, 'answer: 7', 'answer: 7', 'answer: 8'];
    const capabilities = new Capabilities();
    await ask(SAMPLES, { n: 'ignores', capabilities });
    expect((await ask(samples, { n: 'ignores', capabilities })).text).toBe('answer: 7');
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

  test('a truncated sample votes but is not shown while a complete one says the same', async () => {
    const cut = { text: 'answer: 42', finish: 'length' };
    const run = await ask(['answer: 1', cut, 'I say: answer: 42', 'answer: 2', 'answer: 3']);
    expect(run.text).toBe('I say: answer: 42');
  });

  test('in a tie a truncated sample is half a vote', async () => {
    const cut = { text: 'answer: 42', finish: 'length' };
    expect((await ask([cut, 'x answer: 42', 'answer: 7', 'answer: 7', 'answer: 9'])).text).toBe('answer: 7');
  });

  test('is reported', async () => {
    const run = await ask(SAMPLES, { request: { optigate: { trace: true } } });
    expect(run.completion['optigate']).toMatchObject({
      self_consistency: {
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

  test('the first stays where the judge fails', async () => {
    expect((await ask(POEMS, { script: { candidate: POEMS, judge: [{ status: 500 }] }, request: PROSE })).text).toBe(
      POEMS[0],
    );
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
  test('aborts what can change nothing', async () => {
    const capabilities = new Capabilities();
    await ask(SAMPLES, { n: 'ignores', capabilities });
    const slow = (text: string): Scripted => ({ text, waves: 5 });
    const samples = ['answer: 42', 'answer: 42', 'answer: 42', slow('answer: 1'), slow('answer: 2')];
    const run = await ask(samples, { n: 'ignores', capabilities, request: { self_consistency_early_stop: true } });
    expect([run.text, run.calls.length]).toEqual(['answer: 42', 5]);
    expect(run.calls.filter(({ signal, end_ms }) => signal.aborted && end_ms === Infinity).length).toBe(2);
  });
});

describe('n', () => {
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
