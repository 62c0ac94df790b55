import { describe, expect, test } from 'vitest';
import { ByteStream } from '../../../core/bytes/byte-stream.ts';
import { stripUsage, withUsageAsked } from '../../../core/wire/chat/stream-usage.ts';
import type { ChatRequest } from '../../../core/wire/chat/chat-types.ts';
import { Payload } from '../../../core/bytes/payload.ts';

const request = (json: string) => Payload.fromBytes<ChatRequest>(Buffer.from(json));

async function stripped(...blocks: string[]): Promise<string> {
  const chunks = await Array.fromAsync(stripUsage(ByteStream.from(blocks)));
  return Buffer.concat(chunks).toString();
}

describe('asking for usage', () => {
  test('splices the option into the bytes and keeps the others', () => {
    expect(withUsageAsked(request('{"seed":9007199254740993,"model":"m","stream":true}')).bytes.toString()).toBe(
      '{"seed":9007199254740993,"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    );
    expect(
      withUsageAsked(
        request('{"stream_options":{"include_obfuscation":false,"include_usage":false}}'),
      ).bytes.toString(),
    ).toBe('{"stream_options":{"include_obfuscation":false,"include_usage":true}}');
    expect(withUsageAsked(request('{"stream_options":null}')).bytes.toString()).toBe(
      '{"stream_options":{"include_usage":true}}',
    );
  });

  test('changes nothing where the client asked', () => {
    const asking = request('{"stream_options": {"include_usage": true}}');
    expect(withUsageAsked(asking)).toBe(asking);
  });
});

describe('taking usage out', () => {
  test('removes the chunk that only tells it', async () => {
    const rest = 'data: {"choices":[{"delta":{"content":"\\"usage\\": null"}}]}\n\n';
    expect(
      await stripped(rest, 'data: {"id":"a","choices":[],"usage":{"prompt_tokens":1}}\n\n', 'data: [DONE]\n\n'),
    ).toBe(`${rest}data: [DONE]\n\n`);
    expect(await stripped(`${rest}data: {"usage":{"prompt_tokens":1},"choices": [ ]}\n\ndata: [DONE]\n\n`)).toBe(
      `${rest}data: [DONE]\n\n`,
    );
    expect(await stripped('data: {"usage":{"prompt_tokens":1}}\r\n\r\ndata: [DONE]\r\n\r\n')).toBe(
      'data: [DONE]\r\n\r\n',
    );
  });

  test.each([
    ['data: {"a":1.0,"usage":null}\n\n', 'data: {"a":1.0}\n\n'],
    ['data: {"usage":null,"a":1.0}\n\n', 'data: {"a":1.0}\n\n'],
    ['data: {"a":1.0, "usage" : null , "b":[]}\n\n', 'data: {"a":1.0, "b":[]}\n\n'],
    ['data:{"usage":null}\r\r', 'data:{}\r\r'],
    [': c\nid: 1\ndata: {"a":1,"usage":null}\n\ndata: {"usage":null}\n\n', ': c\nid: 1\ndata: {"a":1}\n\ndata: {}\n\n'],
    [
      'data: {"choices":[],"prompt_filter_results":[1],"usage":null}\n\n',
      'data: {"choices":[],"prompt_filter_results":[1]}\n\n',
    ],
  ])('removes only the member where it is null: %s', async (given, expected) => {
    expect(await stripped(given)).toBe(expected);
  });

  test.each([
    'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n',
    'data: {"choices":[{"delta":{"usage":null}}]}\n\n',
    'data: {"choices":[{"delta":{"content":"usage"}}]}\n\ndata: "usage"\n\n',
    'data: {"choices":[],\ndata: "usage":{}}\n\n',
    ': "usage"\n\ndata: [DONE]\n\n',
    'data: {"usage":"none"}\n\n',
  ])('leaves every other byte: %s', async (given) => {
    expect(await stripped(given)).toBe(given);
  });

  test('passes the very buffer on where no usage is in it', async () => {
    const block = Buffer.from('data: {"choices":[]}\n\n');
    const [passed] = await Array.fromAsync(stripUsage(ByteStream.from([block])));
    expect(passed).toBe(block);
  });

  test('takes linear time for 10,000 events in one read', async () => {
    const event = 'data: {"id":"a","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}\n\n';
    const startedAt = performance.now();
    expect(await stripped(event.repeat(10_000))).toBe(event.replace(',"usage":null', '').repeat(10_000));
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
