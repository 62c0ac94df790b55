import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkAssembler } from '../../../core/wire/chat/chunk-assembler.ts';
import { completionToChunks } from '../../../core/wire/chat/completion-chunks.ts';
import {
  TextChunkAssembler,
  textCompletionToChunks,
  type TextCompletion,
} from '../../../core/wire/completions/text-chunks.ts';
import { encodeData } from '../../../core/wire/sse.ts';
import type { ChatCompletion, Chunk } from '../../../core/wire/chat/chat-types.ts';
import { expectLinear } from '../../support/doubling.ts';

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 7, model: 'm' };
const chunk = (delta: Record<string, unknown>, rest: object = {}, index = 0): Chunk => ({
  ...HEAD,
  choices: [{ index, delta, ...rest }],
});

function assemble(chunks: Iterable<Chunk>, n?: number) {
  const assembler = new ChunkAssembler({ n });
  for (const each of chunks) assembler.add(each);
  return assembler;
}

const text = fc.string({ unit: 'binary' });
const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const logprob = fc.record({
  token: text,
  logprob: fc.integer(),
  bytes: fc.array(fc.nat(255)),
  top_logprobs: fc.constant([]),
});
const logprobs = nullable(fc.record({ content: nullable(fc.array(logprob)), refusal: nullable(fc.array(logprob)) }));
const toolCall = fc.oneof(
  fc.record({
    id: fc.uuid(),
    type: fc.constant('function'),
    function: fc.record({ name: fc.string({ minLength: 1 }), arguments: text }),
  }),
  fc.record({
    id: fc.uuid(),
    type: fc.constant('custom'),
    custom: fc.record({ name: fc.string({ minLength: 1 }), input: text }),
  }),
  fc.record({
    id: fc.uuid(),
    type: fc.constant('function'),
    function: fc.record({ name: fc.string({ minLength: 1 }), arguments: text }),
    extra_content: fc.record({ google: fc.record({ thought_signature: fc.string() }) }),
  }),
);
const message = fc.record(
  {
    role: fc.constant('assistant'),
    content: nullable(text),
    refusal: nullable(text),
    reasoning_content: nullable(text),
    reasoning: text,
    tool_calls: fc.array(toolCall, { maxLength: 3 }),
    annotations: fc.array(fc.record({ type: fc.constant('url_citation') })),
    reasoning_details: fc.array(fc.record({ type: fc.string(), text })),
    audio: nullable(fc.record({ id: fc.string(), data: fc.base64String(), expires_at: fc.nat(), transcript: text })),
    function_call: fc.record({ name: fc.string(), arguments: text }),
    ['__proto__']: fc.constant('data'),
    x_score: fc.double({ noNaN: true }),
    x_note: text,
  },
  { requiredKeys: ['role', 'content'] },
);
const completion = fc
  .record(
    {
      id: fc.string({ minLength: 1 }),
      object: fc.constant('chat.completion'),
      created: fc.integer({ min: 1 }),
      model: fc.string({ minLength: 1 }),
      choices: fc.array(
        fc.record(
          {
            message,
            finish_reason: nullable(fc.constantFrom('stop', 'length', 'tool_calls', 'odd')),
            logprobs,
            stop_reason: fc.jsonValue(),
            content_filter_results: fc.jsonValue(),
          },
          { requiredKeys: ['message', 'finish_reason'] },
        ),
        { maxLength: 3 },
      ),
      usage: nullable(
        fc.record({
          prompt_tokens: fc.nat(),
          completion_tokens: fc.nat(),
          completion_tokens_details: fc.record({ reasoning_tokens: fc.nat() }),
        }),
      ),
      system_fingerprint: nullable(fc.string()),
      service_tier: fc.string(),
      citations: fc.array(fc.string()),
      x_groq: fc.jsonValue(),
    },
    { requiredKeys: ['id', 'object', 'created', 'model', 'choices'] },
  )
  .map((value) => ({
    ...value,
    choices: value.choices.map((choice, index) => ({ index, ...choice })),
  }))
  .filter(({ choices, usage }) => choices.length > 0 || Boolean(usage));

describe('a completion', () => {
  test('is the same after it was cut into chunks and put together again', () => {
    fc.assert(
      fc.property(completion, fc.integer({ min: 1, max: 8 }), (whole, units) => {
        const assembler = assemble(
          completionToChunks(whole, { pieces: units, includeUsage: true }),
          whole.choices.length,
        );
        expect(assembler.toCompletion()).toEqual(whole);
        expect(assembler.isWhole).toBe(
          whole.choices.length > 0 && whole.choices.every((choice) => choice.finish_reason),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('is the same after it went over the wire in bytes cut anywhere', () => {
    fc.assert(
      fc.property(completion, fc.array(fc.nat()), (whole, cuts) => {
        const chunks = [...completionToChunks(whole, { pieces: 3, includeUsage: true })];
        const wire = Buffer.concat([...chunks.map(encodeData), Buffer.from('data: [DONE]\n\n')]);
        const borders = [0, ...cuts.map((cut) => cut % wire.length).toSorted((a, b) => a - b), wire.length];
        const assembler = new ChunkAssembler();
        for (const [index, to] of borders.slice(1).entries()) assembler.push(wire.subarray(borders[index], to));
        expect(assembler.toCompletion()).toEqual(JSON.parse(JSON.stringify(whole)));
        expect(assembler.hasFailed).toBe(false);
      }),
    );
  });

  test('becomes a stream as OpenAI sends it: roles, text, one finish each, usage alone and last', () => {
    const whole: ChatCompletion = {
      id: 'a',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'a😀b', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    };
    const head = { id: 'b', object: 'chat.completion.chunk', created: 2, model: 'm' };
    const of = (delta: object, finish_reason: string | null = null) => ({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      usage: null,
    });
    expect([...completionToChunks(whole, { id: 'b', created: 2, pieces: 2, includeUsage: true })]).toEqual([
      of({ role: 'assistant', content: '', refusal: null }),
      of({ content: 'a😀' }),
      of({ content: 'b' }),
      of({}, 'stop'),
      { ...head, choices: [], usage: whole.usage },
    ]);
  });

  test('tells no usage unless asked', () => {
    const whole = assemble([chunk({ content: 'a' }, { finish_reason: 'stop' })]).toCompletion();
    for (const each of completionToChunks({ ...whole, usage: { prompt_tokens: 1 } }))
      expect(each).not.toHaveProperty('usage');
  });

  test('names a tool call in its first delta, and sends its arguments after it', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const whole = assemble([
      chunk({ tool_calls: [{ index: 0, ...call }] }, { finish_reason: 'tool_calls' }),
    ]).toCompletion();
    const told = [...completionToChunks(whole, { pieces: 4 })].map(({ choices }) => choices[0]?.delta);
    expect(told).toEqual([
      { role: 'assistant', content: null },
      { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      {},
    ]);
  });
});

describe('chunks', () => {
  test('of several choices may be interleaved, and come in any order', () => {
    const assembler = assemble(
      [
        chunk({ content: 'b' }, {}, 1),
        chunk({ content: 'a' }, { finish_reason: 'stop' }, 0),
        chunk({ content: 'B' }, { finish_reason: 'length' }, 1),
      ],
      2,
    );
    expect(assembler.isWhole).toBe(true);
    expect(
      assembler
        .toCompletion()
        .choices.map(({ index, message: { content }, finish_reason }) => [index, content, finish_reason]),
    ).toEqual([
      [0, 'a', 'stop'],
      [1, 'bB', 'length'],
    ]);
  });

  test('are not whole before each choice asked for has finished', () => {
    expect(assemble([]).isWhole).toBe(false);
    expect(assemble([chunk({ content: 'a' }, { finish_reason: '' })]).isWhole).toBe(false);
    expect(assemble([chunk({}, { finish_reason: 'stop' })], 2).isWhole).toBe(false);
  });

  test('with an error among them are not whole', () => {
    const assembler = assemble([chunk({ content: 'a' }, { finish_reason: 'stop' })]);
    assembler.push(Buffer.from('data: {"error":{"message":"m"}}\n\n'));
    expect([assembler.isWhole, assembler.hasFailed]).toEqual([false, true]);
  });

  test('that repeat their role, change their id, or have no choices are taken as they are', () => {
    const assembler = assemble([
      { ...HEAD, id: '', created: 0, model: '', choices: [], prompt_filter_results: [1] },
      chunk({ role: 'assistant', content: 'a' }, { finish_reason: null }),
      { ...chunk({ role: 'assistant', content: 'b' }, { finish_reason: 'stop', stop_reason: 'x' }), id: 'other' },
      { ...HEAD, choices: null, usage: { prompt_tokens: 1 }, obfuscation: 'zzz' } as unknown as Chunk,
      { ...HEAD, choices: [], usage: { prompt_tokens: 2 } },
    ]);
    expect(assembler.toCompletion()).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 7,
      model: 'm',
      prompt_filter_results: [1],
      usage: { prompt_tokens: 2 },
      choices: [{ index: 0, message: { role: 'assistant', content: 'ab' }, stop_reason: 'x', finish_reason: 'stop' }],
    });
  });

  test('of tool calls are told apart by index, by id, or by arrival', () => {
    const call = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '{}' } });
    const calls = (...deltas: Record<string, unknown>[][]) =>
      assemble(deltas.map((tool_calls) => chunk({ tool_calls }))).toCompletion().choices[0]?.message.tool_calls;

    expect(calls([call('a', 'f')], [call('b', 'g')])).toEqual([call('a', 'f'), call('b', 'g')]);
    expect(calls([call('a', 'f'), call('b', 'g')])).toEqual([call('a', 'f'), call('b', 'g')]);
    expect(calls([{ index: 1, ...call('b', 'g') }], [{ index: 0, ...call('a', 'f') }])).toEqual([
      call('a', 'f'),
      call('b', 'g'),
    ]);
    expect(
      calls(
        [{ id: 'a', function: { name: 'f', arguments: '{' } }],
        [{ id: 'a', function: { arguments: '}' } }],
        [{ function: { arguments: ' ' } }],
      ),
    ).toEqual([{ id: 'a', function: { name: 'f', arguments: '{} ' } }]);
    expect(
      calls([{ index: 0, ...call('a', 'f') }], [{ index: 0, id: 'z', function: { name: '', arguments: '1' } }]),
    ).toEqual([{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}1' } }]);
    expect(calls([{ index: 0, id: 'a', type: 'function', function: { name: 'f' } }])).toEqual([
      { id: 'a', type: 'function', function: { name: 'f', arguments: '' } },
    ]);
  });

  test('of audio and logprobs run on', () => {
    const [choice] = assemble([
      chunk({ audio: { id: 'a', transcript: 'x' } }, { logprobs: { content: [1], refusal: null } }),
      chunk({ audio: { data: 'AA', transcript: 'y' } }, { logprobs: null }),
      chunk({ audio: { data: 'BB', expires_at: 3 } }, { logprobs: { content: [2] } }),
    ]).toCompletion().choices;
    expect(choice?.message['audio']).toEqual({ id: 'a', transcript: 'xy', data: 'AABB', expires_at: 3 });
    expect(choice?.logprobs).toEqual({ content: [1, 2], refusal: null });
  });

  test('that are no chunks at all do not throw', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const assembler = new ChunkAssembler();
        for (const value of values) assembler.push(encodeData(value));
        for (const value of values) assembler.push(encodeData({ choices: [{ delta: value }, value] }));
        assembler.toCompletion();
      }),
    );
  });

  test('keep __proto__ as data', () => {
    const assembler = new ChunkAssembler();
    assembler.push(
      Buffer.from('data: {"__proto__":{"a":1},"choices":[{"delta":{"__proto__":"x","content":"a"}}]}\n\n'),
    );
    const whole = assembler.toCompletion();
    expect(Object.getPrototypeOf(whole)).toBe(Object.prototype);
    expect(JSON.stringify(whole)).toContain('"__proto__":{"a":1}');
  });
});

test('a text completion is the same after it was cut into chunks and put together again', () => {
  const choice = fc.record(
    {
      text,
      finish_reason: fc.constantFrom('stop', 'length'),
      logprobs: nullable(fc.record({ tokens: fc.array(fc.string()), text_offset: fc.array(fc.nat()) })),
      stop_reason: fc.jsonValue(),
    },
    { requiredKeys: ['text', 'finish_reason'] },
  );
  fc.assert(
    fc.property(fc.array(choice, { minLength: 1 }), fc.boolean(), (choices, hasUsage) => {
      const whole: TextCompletion = {
        id: 'cmpl-1',
        object: 'text_completion',
        created: 1,
        model: 'm',
        x: 1,
        choices: choices.map((each, index) => ({ index, ...each })),
        ...(hasUsage ? { usage: { prompt_tokens: 1 } } : {}),
      };
      const assembler = new TextChunkAssembler({ n: choices.length });
      const byBytes = new TextChunkAssembler();
      for (const each of textCompletionToChunks(whole, { pieces: 2, includeUsage: true })) {
        assembler.add(each);
        byBytes.push(encodeData(each));
      }
      expect(assembler.toCompletion()).toEqual(whole);
      expect(byBytes.toCompletion()).toEqual(JSON.parse(JSON.stringify(whole)));
      expect(assembler.isWhole).toBe(true);
    }),
  );
});

describe('assembling takes time in proportion to the stream, however odd it is', () => {
  const kinds: Record<string, (k: number) => Record<string, unknown>> = {
    'calls of one index': (k) => ({
      tool_calls: [{ index: 0, id: `c${k}`, function: { name: 'f', arguments: '{}' } }],
    }),
    'calls without index': (k) => ({ tool_calls: [{ id: `c${k}`, function: { name: 'f', arguments: '{}' } }] }),
    'content in parts': (k) => ({ content: [{ type: k % 2 === 0 ? 'thinking' : 'text', text: 'x' }] }),
  };
  test.each(Object.keys(kinds))('%s', (kind) => {
    const assembled = (count: number) =>
      assemble(Array.from({ length: count }, (_, k) => chunk(kinds[kind]?.(k) ?? {}))).toCompletion().choices[0]
        ?.message;
    // Each letter stands for a chunk.
    expectLinear((letters) => assembled(letters.length), 'c');
    const { tool_calls, content } = assembled(10) ?? {};
    expect((tool_calls ?? content)?.length).toBe(10);
  });
});
