import { describe, expect, test } from 'vitest';
import { bringsContent, isLast, readChunk } from '../../../core/wire/chat/chunk.ts';
import { ChunkAssembler } from '../../../core/wire/chat/chunk-assembler.ts';
import { wires } from '../../../core/wire/wires.ts';
import { chatChunk, events, json, scriptedUpstream, sse } from '../../support/scripted-upstream.ts';
import { startGateway } from '../../support/gateway.ts';

const read = (data: unknown) => readChunk({ data: typeof data === 'string' ? data : JSON.stringify(data) });
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

describe('an event of a chat stream', () => {
  test('that is a whole chunk is itself', () => {
    const frame = read(chatChunk({ content: 'a' }));
    expect(frame).toEqual({ kind: 'chunk', chunk: chatChunk({ content: 'a' }) });
  });

  test.each<[string, object, object[]]>([
    [
      'a choice without a delta',
      { choices: [{ index: 0, finish_reason: null }] },
      [{ index: 0, delta: {}, finish_reason: null }],
    ],
    ['a delta that is null', { choices: [{ index: 1, delta: null }] }, [{ index: 1, delta: {} }]],
    ['a choice without an index', { choices: [{ delta: { content: 'a' } }] }, [{ index: 0, delta: { content: 'a' } }]],
    [
      'a whole message in place of a delta',
      { choices: [{ index: 0, message: { content: 'a' } }] },
      [{ index: 0, delta: { content: 'a' } }],
    ],
    ['choices that are null, beside usage', { choices: null, usage: USAGE }, []],
    ['usage alone', { usage: USAGE }, []],
    ['metadata alone', { id: 'x', provider: 'y' }, []],
    ['a choice that is null', { choices: [null] }, []],
    ['an error that is null', { error: null, choices: [] }, []],
  ])('with %s is a chunk all the same', (_, given, choices) => {
    expect(read(given)).toEqual({ kind: 'chunk', chunk: { ...given, choices } });
  });

  test.each([
    ['null', 'noise'],
    ['5', 'noise'],
    ['"text"', 'noise'],
    ['[]', 'noise'],
    ['[DONE]', 'done'],
    ['hello', 'garbage'],
    ['{"choices":', 'garbage'],
    ['{"error":{"message":"m"}}', 'failure'],
    ['{"error":"m","choices":[]}', 'failure'],
  ])('%s is %s', (data, kind) => {
    expect(read(data)).toMatchObject({ kind });
  });

  test('brings something where it has text, a tool call or a refusal, and ends a choice by a reason that is not empty', () => {
    const brings = (delta: object) => bringsContent(chatChunk(delta) as never);
    expect([{ content: 'a' }, { refusal: 'no' }, { tool_calls: [{}] }].map(brings)).toEqual([true, true, true]);
    expect([{}, { content: ' \n' }, { tool_calls: [] }, { reasoning_content: 'a' }].map(brings)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([null, '', 'stop'].map((reason) => isLast(chatChunk({}, reason) as never))).toEqual([false, false, true]);
  });
});

/** Frames that servers are known to send between the others, and that add nothing. */
const ODD_FRAMES = [
  'data: null\n\n',
  sse({ ...chatChunk({}), choices: null, usage: USAGE }),
  sse({ id: 'x', object: 'chat.completion.chunk' }),
  sse({ ...chatChunk({}), error: null }),
  sse({ ...chatChunk({}), choices: [{ index: 0, finish_reason: null }] }),
  sse(chatChunk({ content: 'lo', tool_calls: [] })),
];
const STREAM = [
  sse(chatChunk({ role: 'assistant', content: 'Hel' })),
  ...ODD_FRAMES,
  sse(chatChunk({}, 'stop')),
  sse({ ...chatChunk({}), choices: [], usage: USAGE }),
  sse('[DONE]'),
];

describe('a stream with frames that add nothing', () => {
  test('makes one whole completion', () => {
    const assembler = new ChunkAssembler();
    assembler.push(Buffer.from(STREAM.join('')));
    expect(assembler.isWhole).toBe(true);
    expect(assembler.toCompletion()).toMatchObject({
      choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
      usage: USAGE,
    });
    expect(wires.chat.toAnswer(Buffer.from(STREAM.join('')))).toMatchObject({ choices: [{ finish_reason: 'stop' }] });
  });

  test.each([
    ['passes as it is without an approach', 'none', 'gpt'],
    ['is shown through an approach that edits a live stream', 'cot_reflection', 'cot_reflection-gpt'],
    ['is shown as the answer that an approach streams live', 'moa', 'moa-gpt'],
    ['is merged with another branch', 're2|none', 're2|none-gpt'],
  ])('%s', async (_, approach, model) => {
    await using upstream = await scriptedUpstream((request) => {
      if (request.path === '/v1/models') return json({ data: [] });
      return request.json['stream'] === true ? events(STREAM) : json(DRAFTS);
    });
    await using gateway = await startGateway(upstream, { yaml: 'plugins: [re2, cot_reflection, moa]' });
    const response = await gateway.chat({ model, stream: true });
    expect([response.status, response.headers.get('x-optigate-approach')]).toEqual([200, approach]);
    const text = await response.text();
    const chunks = text
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)) as Chunk);
    const content = chunks
      .flatMap(({ choices }) => choices ?? [])
      .filter(({ index = 0 }) => index === 0)
      .map(({ delta }) => delta?.content ?? '');
    expect(content.join('')).toBe('Hello');
    expect(text).not.toContain('"error":{');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });
});

interface Chunk {
  readonly choices?:
    | readonly { readonly index?: number; readonly delta?: { readonly content?: string } | null }[]
    | null;
}

const DRAFTS = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'gpt',
  choices: [0, 1, 2].map((index) => ({
    index,
    message: { role: 'assistant', content: `draft ${index}` },
    finish_reason: 'stop',
  })),
  usage: USAGE,
};
