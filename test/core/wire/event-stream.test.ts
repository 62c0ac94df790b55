import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStreamWatch } from '../../../core/wire/event-stream.ts';
import { SseDecoder } from '../../../core/wire/sse.ts';
import { wires } from '../../../core/wire/wires.ts';

const chunk = (delta: object, rest: object = {}, finish: string | null = null, index = 0) =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index, delta, finish_reason: finish }], ...rest })}\n\n`;
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const CHAT = [
  ': comment\n\n',
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'né 😀 "finish_reason":"stop" "error":{} data: [DONE]\n\n' }),
  chunk({ content: 'finish_reason' }),
  chunk({}, { usage: null }, 'stop'),
  `data: ${JSON.stringify({ id: 'c', choices: [], usage: USAGE })}\n\n`,
  'data: [DONE]\n\n',
].join('');

function run(watch: EventStreamWatch, chunks: readonly (Buffer | string)[]) {
  const out: Buffer[] = [];
  for (const piece of chunks) {
    const block = watch.push(Buffer.from(piece));
    if (block) out.push(block);
  }
  return { out, end: watch.end() };
}

const at = (text: string, offset: number) => {
  const bytes = Buffer.from(text);
  return [bytes.subarray(0, offset), bytes.subarray(offset)];
};

describe.each([
  ['LF', '\n'],
  ['CR', '\r'],
  ['CRLF', '\r\n'],
])('with lines that end in %s', (_name, lineEnd) => {
  const wire = CHAT.replaceAll('\n', lineEnd);

  test('sees the same stream wherever the network cuts it', () => {
    for (let offset = 0; offset <= Buffer.byteLength(wire); offset++) {
      const watch = new EventStreamWatch({ wire: wires.chat });
      const { out, end } = run(watch, at(wire, offset));

      expect(Buffer.concat(out).toString()).toBe(wire);
      expect(end).toEqual({ rest: undefined, isWhole: true });
      expect(watch).toMatchObject({
        sawEndMark: true,
        isComplete: true,
        usage: USAGE,
        hasFailed: false,
        isMidEvent: false,
      });
    }
  });

  test('lets only whole events go out', () => {
    for (let offset = 0; offset <= Buffer.byteLength(wire); offset++) {
      const watch = new EventStreamWatch({ wire: wires.chat });
      for (const piece of at(wire, offset)) {
        const block = watch.push(piece);
        if (!block) continue;
        const decoder = new SseDecoder();
        decoder.push(block);
        expect(decoder.isBetweenEvents).toBe(true);
      }
    }
  });

  test('a stream that was cut before its end is never whole', () => {
    const finished = Buffer.byteLength(wire.slice(0, wire.indexOf('"stop"}')));
    for (let offset = 0; offset < finished; offset++) {
      const watch = new EventStreamWatch({ wire: wires.chat });
      const { end } = run(watch, [at(wire, offset)[0]!]);
      expect(end.isWhole).toBe(false);
      expect(end.append).toBeUndefined();
    }
  });

  test('byte by byte it holds each event until it is whole', () => {
    const watch = new EventStreamWatch({ wire: wires.chat });
    const { out } = run(
      watch,
      [...Buffer.from(wire)].map((byte) => Buffer.of(byte)),
    );
    expect(Buffer.concat(out).toString()).toBe(wire);
    expect(out.filter((block) => block.length > 1)).toHaveLength(7);
  });
});

test('any cuts give the same bytes and the same findings', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(CHAT.length)), fc.constantFrom('\n', '\r', '\r\n'), (cuts, lineEnd) => {
      const wire = Buffer.from(CHAT.replaceAll('\n', lineEnd));
      const borders = [0, ...cuts.map((cut) => cut % wire.length).toSorted((a, b) => a - b), wire.length];
      const watch = new EventStreamWatch({ wire: wires.chat });
      const { out, end } = run(
        watch,
        borders.slice(1).map((to, index) => wire.subarray(borders[index], to)),
      );
      expect(Buffer.concat(out).equals(wire)).toBe(true);
      expect([end.isWhole, watch.usage]).toEqual([true, USAGE]);
    }),
  );
});

test('passes the very buffer on where a read ends at a border', () => {
  const bytes = Buffer.from(chunk({ content: 'a' }));
  expect(new EventStreamWatch({ wire: wires.chat }).push(bytes)).toBe(bytes);
});

test('adds the missing [DONE] once every choice has finished', () => {
  const one = run(new EventStreamWatch({ wire: wires.chat }), [chunk({ content: 'a' }), chunk({}, {}, 'stop')]);
  expect(one.end.append?.toString()).toBe('data: [DONE]\n\n');

  const half = run(new EventStreamWatch({ wire: wires.chat, request: { n: 2 } }), [
    chunk({}, {}, 'stop', 0),
    chunk({}, {}, 'stop', 0),
  ]);
  expect(half.end).toEqual({ rest: undefined, isWhole: false });

  const both = run(new EventStreamWatch({ wire: wires.chat, request: { n: 2 } }), [
    chunk({}, {}, 'stop', 1),
    chunk({}, {}, 'stop', 0),
  ]);
  expect(both.end.isWhole).toBe(true);
});

test('the choices of all prompts of a text completion must finish', () => {
  const text = (index: number) =>
    `data: ${JSON.stringify({ choices: [{ index, text: 'a', finish_reason: 'stop' }] })}\n\n`;
  const asked = (request: object, indexes: readonly number[]) => {
    const watch = new EventStreamWatch({ wire: wires.completions, request: { ...request } });
    return run(watch, indexes.map(text)).end.isWhole;
  };
  expect(asked({ prompt: ['one', 'two'] }, [0])).toBe(false);
  expect(asked({ prompt: ['one', 'two'] }, [1, 0])).toBe(true);
  expect(asked({ prompt: ['one', 'two'], n: 2 }, [0, 1, 2])).toBe(false);
  expect(asked({ prompt: ['one', 'two'], n: 2 }, [0, 1, 2, 3])).toBe(true);
  expect(asked({ prompt: [[15, 27], [9]] }, [0])).toBe(false);
  for (const prompt of ['one', [15, 27, 9], [], undefined]) expect(asked({ prompt }, [0])).toBe(true);
});

test('what comes after an error event still counts: usage, and the end', () => {
  const watch = new EventStreamWatch({ wire: wires.chat });
  const { end } = run(watch, [
    'data: {"error":{"message":"first"}}\n\n',
    `data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`,
    'data: {"error":{"message":"second"}}\n\n',
    'data: [DONE]\n\n',
  ]);
  expect(end.isWhole).toBe(false);
  expect(watch).toMatchObject({
    sawEndMark: true,
    usage: USAGE,
    errorEvent: { body: { error: { message: 'first' } } },
  });
});

test('half a [DONE] after the last finish_reason is dropped and made whole', () => {
  const { out, end } = run(new EventStreamWatch({ wire: wires.chat }), [chunk({}, {}, 'stop'), 'data: [DON']);
  expect(Buffer.concat(out).toString()).not.toContain('DON');
  expect(end).toMatchObject({ rest: undefined, isWhole: true, append: Buffer.from('data: [DONE]\n\n') });
});

test('an empty or null finish_reason finishes nothing', () => {
  const { end } = run(new EventStreamWatch({ wire: wires.chat }), [
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":""}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{},"finish_reason": null}]}\n\n',
    'data: {"choices":null}\n\n',
  ]);
  expect(end.isWhole).toBe(false);
});

test('takes the last usage and does not add them up', () => {
  const watch = new EventStreamWatch({ wire: wires.chat });
  run(watch, [
    chunk({}, { usage: { prompt_tokens: 1 } }),
    chunk({}, { usage: USAGE }, 'stop'),
    chunk({}, { usage: null }),
  ]);
  expect(watch.usage).toEqual(USAGE);
});

test('tells comments from a first event', () => {
  const watch = new EventStreamWatch({ wire: wires.chat });
  watch.push(Buffer.from(': OPENROUTER PROCESSING\n\nretry: 100\n\n'));
  expect(watch.hasEvent).toBe(false);
  watch.push(Buffer.from('data: {"choices":[]}\n\n'));
  expect([watch.hasEvent, watch.first]).toEqual([true, 'part']);
});

test.each<[keyof typeof wires, string, object]>([
  [
    'chat',
    'data: {"error":{"message":"slow down","type":"rate","code":429}}\n\n',
    { message: 'slow down', type: 'rate', code: 429, status: 429 },
  ],
  ['chat', 'data: {"error":"overloaded"}\n\n', { message: 'overloaded', status: 502 }],
  ['chat', 'event: error\ndata: {"message":"gone"}\n\n', { message: 'gone', status: 502 }],
  ['chat', 'event:error\ndata: no json\n\n', { message: 'no json', body: 'no json' }],
  [
    'responses',
    'event: error\ndata: {"type":"error","code":"x","message":"m","param":null}\n\n',
    { message: 'm', code: 'x' },
  ],
  [
    'messages',
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"m"}}\n\n',
    { message: 'm', type: 'overloaded_error' },
  ],
  ['plain', 'data: {"error":{"message":"m","status":503}}\n\n', { message: 'm', status: 503 }],
])('reads an error that comes first on %s: %s', (wire, text, expected) => {
  const watch = new EventStreamWatch({ wire: wires[wire] });
  watch.push(Buffer.from(`: hi\n\n${text}`));
  expect(watch).toMatchObject({ hasEvent: true, first: 'failure', hasFailed: true, errorEvent: expected });
});

test('an error after other events is not a first one', () => {
  const watch = new EventStreamWatch({ wire: wires.chat });
  run(watch, [chunk({ content: 'a' }) + 'data: {"error":{"message":"m"}}\n\n']);
  expect(watch).toMatchObject({ first: 'part', isComplete: false, errorEvent: { message: 'm' } });
});

test('a stream with an error in it is not whole, whatever it says afterwards', () => {
  const error = 'data: {"error":{"message":"m"}}\n\n';
  const chat = run(new EventStreamWatch({ wire: wires.chat }), [chunk({}, {}, 'stop'), error, 'data: [DONE]\n\n']);
  expect(chat.end).toEqual({ rest: undefined, isWhole: false });
  const responses = new EventStreamWatch({ wire: wires.responses });
  const { end } = run(responses, ['event: error\ndata: {"type":"error","message":"m"}\n\n']);
  expect([responses.isComplete, end.isWhole]).toEqual([true, false]);
});

test('errors that are null are none', () => {
  const watch = new EventStreamWatch({ wire: wires.responses });
  watch.push(Buffer.from('event: response.created\ndata: {"type":"response.created","response":{"error":null}}\n\n'));
  expect(watch.errorEvent).toBeUndefined();
});

test.each(['completed', 'incomplete', 'failed'])('a Responses stream ends with response.%s', (kind) => {
  const usage = {
    input_tokens: 5,
    output_tokens: 3,
    input_tokens_details: { cached_tokens: 1 },
    output_tokens_details: { reasoning_tokens: 2 },
  };
  const data = { type: `response.${kind}`, response: { tools: [{ usage: { max_tokens: 1 } }], usage } };
  const watch = new EventStreamWatch({ wire: wires.responses });
  const text = `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"response.completed"}\n\n`;
  watch.push(Buffer.from(text));
  expect(watch.isComplete).toBe(false);
  watch.push(Buffer.from(`event: response.${kind}\ndata: ${JSON.stringify(data)}\n\n`));
  expect(watch.end()).toEqual({ rest: undefined, isWhole: true });
  expect(watch.hasFailed).toBe(kind === 'failed');
  expect(watch.usage).toEqual({
    prompt_tokens: 5,
    completion_tokens: 3,
    total_tokens: 8,
    prompt_tokens_details: { cached_tokens: 1 },
    completion_tokens_details: { reasoning_tokens: 2 },
  });
});

test('merges the usage of an Anthropic stream, cached tokens counted as prompt', () => {
  const watch = new EventStreamWatch({ wire: wires.messages });
  const event = (data: { type: string; [key: string]: unknown }) =>
    `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
  run(watch, [
    event({
      type: 'message_start',
      message: {
        usage: { input_tokens: 10, cache_read_input_tokens: 4, cache_creation_input_tokens: 2, output_tokens: 1 },
      },
    }),
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'message_stop' } }),
    event({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { output_tokens: 7, input_tokens: null },
    }),
  ]);
  expect(watch.isComplete).toBe(false);
  run(watch, [event({ type: 'message_stop' })]);
  expect(watch.isComplete).toBe(true);
  expect(watch.usage).toEqual({
    prompt_tokens: 16,
    completion_tokens: 7,
    total_tokens: 23,
    prompt_tokens_details: { cached_tokens: 4 },
  });
});

test('a stream of another kind is whole as it is, its last half event included', () => {
  const { out, end } = run(new EventStreamWatch({ wire: wires.plain }), ['data: a\n\nda', 'ta']);
  expect(Buffer.concat(out).toString()).toBe('data: a\n\n');
  expect(end).toEqual({ rest: Buffer.from('data'), isWhole: true });
});

test('one event of 4 MiB passes in linear time and without being held', () => {
  const text =
    chunk({ content: 'x'.repeat(4 * 1024 * 1024) }) +
    chunk({ content: 'y' }) +
    chunk({}, { usage: USAGE }, 'stop') +
    'data: [DONE]\n\n';
  const wire = Buffer.from(text);
  const watch = new EventStreamWatch({ wire: wires.chat, request: { n: 2 } });
  const startedAt = performance.now();
  const out: Buffer[] = [];
  let wasMidEvent = false;
  for (let from = 0; from < wire.length; from += 1024) {
    const block = watch.push(wire.subarray(from, from + 1024));
    if (block) out.push(block);
    wasMidEvent ||= watch.isMidEvent;
  }
  expect(performance.now() - startedAt).toBeLessThan(2000);
  expect(Buffer.concat(out).equals(wire)).toBe(true);
  expect(wasMidEvent).toBe(true);
  expect(watch).toMatchObject({ sawEndMark: true, usage: USAGE, isMidEvent: false });
});

test('a cut within an event that was too large to hold is not whole', () => {
  const watch = new EventStreamWatch({ wire: wires.plain });
  expect(watch.push(Buffer.alloc(1024 * 1024, 'a'))).toBeUndefined();
  expect(watch.push(Buffer.from('a'))?.length).toBe(1024 * 1024 + 1);
  expect(watch.isMidEvent).toBe(true);

  const chat = new EventStreamWatch({ wire: wires.chat });
  run(chat, [chunk({}, {}, 'stop'), Buffer.alloc(2 * 1024 * 1024, 'a')]);
  expect(chat.end().isWhole).toBe(false);
});

test('a finish and a usage within an event too large to decode are still seen', () => {
  const wire = Buffer.from(chunk({ content: 'x'.repeat(2 * 1024 * 1024) }, { usage: USAGE }, 'stop'));
  const watch = new EventStreamWatch({ wire: wires.chat });
  for (let from = 0; from < wire.length; from += 65_536) watch.push(wire.subarray(from, from + 65_536));
  expect(watch.end()).toMatchObject({ isWhole: true, append: expect.anything() });
  expect(watch.usage).toEqual(USAGE);
});

test('the line ends of a large event may be cut as well', () => {
  for (const cut of [1, 2, 3, 4]) {
    const wire = Buffer.from(`data: ${'x'.repeat(1_100_000)}\r\n\r\ndata: [DONE]\r\n\r\n`);
    const border = wire.indexOf('\r\n') + cut;
    const watch = new EventStreamWatch({ wire: wires.chat });
    const { out } = run(watch, [wire.subarray(0, 1_060_000), wire.subarray(1_060_000, border), wire.subarray(border)]);
    expect(Buffer.concat(out).equals(wire)).toBe(true);
    expect(watch).toMatchObject({ sawEndMark: true, isMidEvent: false });
  }
});

test('error events are in the words of their wire', () => {
  const failure = { status: 502, message: 'm', type: 'server_error', code: 'upstream_stream_interrupted' };
  expect(wires.chat.errorEvent(failure).toString()).toBe(
    'data: {"error":{"message":"m","type":"server_error","param":null,"code":"upstream_stream_interrupted"}}\n\n',
  );
  expect(wires.responses.errorEvent(failure, 4).toString()).toMatch(
    /^event: error\ndata: \{"type":"error",.*"sequence_number":4\}\n\n$/,
  );
  expect(wires.messages.errorEvent(failure).toString()).toBe(
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"m"}}\n\n',
  );
  for (const wire of Object.values(wires)) {
    const watch = new EventStreamWatch({ wire });
    watch.push(wire.errorEvent(failure));
    expect(watch.errorEvent?.message).toBe('m');
  }
});

test('keep-alives are comments, empty chunks or nothing; Anthropic clients get a ping', () => {
  const head = () => ({ id: 'a', created: 1, model: 'm' });
  expect(wires.chat.keepAlive('comment', head)?.toString()).toBe(': keep-alive\n\n');
  expect(wires.chat.keepAlive('off', head)).toBeUndefined();
  expect(wires.messages.keepAlive('comment', head)?.toString()).toBe('event: ping\ndata: {"type":"ping"}\n\n');
  expect(wires.responses.keepAlive('chunk', head)?.toString()).toBe(': keep-alive\n\n');
  expect(new SseDecoder().push(wires.chat.keepAlive('chunk', head)!)).toEqual([
    {
      data: '{"id":"a","created":1,"model":"m","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":null}]}',
    },
  ]);
});
