import { createParser } from 'eventsource-parser';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeData, SseDecoder, type SseEvent } from '../../../core/wire/sse.ts';

const decode = (pieces: readonly Buffer[]) => {
  const decoder = new SseDecoder();
  return [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()];
};

const cutAt = (wire: Buffer, cuts: readonly number[]) => {
  const borders = [0, ...cuts.map((cut) => cut % (wire.length + 1)).toSorted((a, b) => a - b), wire.length];
  return borders.slice(1).map((to, index) => wire.subarray(borders[index], to));
};

function oracle(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = createParser({ onEvent: ({ event, data }) => events.push(event ? { event, data } : { data }) });
  parser.feed(text);
  return events;
}

const line = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
  fc.constantFrom(
    'data',
    'data:',
    'data: ',
    'data:  two',
    ': comment',
    'event: error',
    'event:',
    'id: 7',
    'retry: 10',
    'unknown: 1',
    'dataset: 1',
    '',
  ),
);
const stream = fc
  .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n'))), fc.boolean())
  .map(([lines, hasMark]) => `${hasMark ? '\uFEFF' : ''}${lines.map(([text, end]) => text + end).join('')}\n\n`);

test('decodes what an independent decoder does, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat()), (text, cuts) => {
      expect(decode(cutAt(Buffer.from(text), cuts))).toEqual(oracle(text));
    }),
    { numRuns: 500 },
  );
});

test('a multi-byte character and a CRLF may be cut at every byte', () => {
  const wire = Buffer.from('\uFEFFevent: e\r\ndata: né 😀\r\ndata: b\r\n\r\ndata: c\r\n\r\n');
  for (let offset = 0; offset <= wire.length; offset++) {
    expect(decode([wire.subarray(0, offset), wire.subarray(offset)])).toEqual([
      { event: 'e', data: 'né 😀\nb' },
      { data: 'c' },
    ]);
  }
});

test('an event without its empty line is incomplete', () => {
  const decoder = new SseDecoder();
  expect(decoder.push(Buffer.from('data: a\n'))).toEqual([]);
  expect(decoder.isBetweenEvents).toBe(false);
  expect(decoder.end()).toEqual([]);
});

test('one event of 4 MiB in small reads takes linear time', () => {
  const data = 'x'.repeat(4 * 1024 * 1024);
  const wire = Buffer.from(`data: ${data}\n\n`);
  const startedAt = performance.now();
  const pieces = Array.from({ length: Math.ceil(wire.length / 512) }, (_, index) =>
    wire.subarray(index * 512, index * 512 + 512),
  );
  expect(decode(pieces)[0]?.data).toBe(data);
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test('encodes a value as one event', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      expect(decode([encodeData(JSON.parse(json))]).map(({ data }) => JSON.parse(data))).toEqual([JSON.parse(json)]);
    }),
  );
});
