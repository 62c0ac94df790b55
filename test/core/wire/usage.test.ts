import { describe, expect, test } from 'vitest';
import { EventStreamWatch } from '../../../core/wire/event-stream.ts';
import { addUsage, readUsage } from '../../../core/wire/usage.ts';
import { wires } from '../../../core/wire/wires.ts';

/** The same 5 and 7 tokens in the words of each API. */
const WORDS = {
  chat: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
  responses: { input_tokens: 5, output_tokens: 7, total_tokens: 12 },
  messages: { input_tokens: 2, cache_read_input_tokens: 2, cache_creation_input_tokens: 1, output_tokens: 7 },
} as const;
const COUNTED = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };

const ANSWERS = {
  chat: { choices: [{ message: { role: 'assistant', content: 'Hi' } }] },
  completions: { choices: [{ text: 'Hi' }] },
  embeddings: { data: [] },
  responses: { object: 'response', status: 'completed' },
  messages: { type: 'message', content: [] },
} as const;

const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
const STREAMS = {
  chat: (usage: object) => event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) + event({ usage }),
  completions: (usage: object) => event({ choices: [{ index: 0, text: '', finish_reason: 'stop' }], usage }),
  responses: (usage: object) => event({ type: 'response.completed', response: { usage } }),
  messages: (usage: object) => event({ type: 'message_delta', usage }) + event({ type: 'message_stop' }),
} as const;

const words = Object.entries(WORDS);
const inAnswers = Object.entries(ANSWERS).flatMap(([wire, answer]) =>
  words.map(([name, usage]) => ({ wire: wire as keyof typeof ANSWERS, answer, name, usage })),
);
const inStreams = Object.entries(STREAMS).flatMap(([wire, stream]) =>
  words.map(([name, usage]) => ({ wire: wire as keyof typeof STREAMS, stream, name, usage })),
);

describe('servers mix the words of the APIs: tokens are counted by the words, on any wire', () => {
  test.each(inAnswers)('an answer of $wire in the words of $name', ({ wire, answer, usage }) => {
    const body = Buffer.from(JSON.stringify({ ...answer, usage }));
    expect(wires[wire].examine(body, true)).toMatchObject({ kind: 'answer', usage: COUNTED });
  });

  test.each(inStreams)('a stream of $wire in the words of $name', ({ wire, stream, usage }) => {
    const watch = new EventStreamWatch({ wire: wires[wire] });
    watch.push(Buffer.from(stream(usage)));
    expect(watch.usage).toMatchObject(COUNTED);
  });
});

test('details are kept; what Anthropic’s cache read is part of the prompt', () => {
  expect(readUsage({ input_tokens: 5, output_tokens: 7, input_tokens_details: { cached_tokens: 2 } })).toEqual({
    ...COUNTED,
    prompt_tokens_details: { cached_tokens: 2 },
  });
  expect(readUsage(WORDS.messages)).toEqual({ ...COUNTED, prompt_tokens_details: { cached_tokens: 2 } });
});

test.each([undefined, null, 5, 'text', [], {}, { prompt_tokens: '5' }, { tokens: 5 }])(
  '%j reports no tokens',
  (value) => {
    expect(readUsage(value)).toBeUndefined();
  },
);

test('two reports are added, with their details', () => {
  const a = { ...COUNTED, prompt_tokens_details: { cached_tokens: 2 } };
  expect(addUsage(a, { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 3, audio_tokens: 4 } })).toEqual({
    prompt_tokens: 6,
    completion_tokens: 7,
    total_tokens: 13,
    prompt_tokens_details: { cached_tokens: 5, audio_tokens: 4 },
  });
});
