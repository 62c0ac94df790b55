import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ByteStream, type Ending, type Sink } from '../../../core/bytes/byte-stream.ts';

function scripted() {
  const source = { pause: vi.fn(), resume: vi.fn(), cancel: vi.fn() };
  const stream = new ByteStream(source);
  const endings: Ending[] = [];
  stream.onEnd((ending) => endings.push(ending));
  return { source, stream, endings };
}

function collector(accept: () => boolean = () => true) {
  const sink = {
    text: '',
    isEnded: false,
    failure: undefined as unknown,
    write: (chunk: Buffer) => {
      sink.text += chunk.toString();
      return accept();
    },
    end: () => void (sink.isEnded = true),
    fail: (error: unknown) => void (sink.failure = error),
  };
  return sink satisfies Sink;
}

const bytes = (text: string) => Buffer.from(text);
const read = async (stream: ByteStream) => Buffer.concat(await Array.fromAsync(stream)).toString();

describe('a body', () => {
  test('keeps what came before its reader, then flows', () => {
    const { stream, endings } = scripted();
    const sink = collector();
    stream.push(bytes('a'));
    stream.pipe(sink);
    stream.push(bytes('b'));
    expect([sink.text, endings]).toEqual(['ab', []]);
    stream.end();
    expect([sink.isEnded, endings]).toEqual([true, [{ kind: 'ended' }]]);
  });

  test('pauses its producer above 64 KB without a reader, and resumes it with one', () => {
    const { stream, source } = scripted();
    stream.push(Buffer.alloc(64 * 1024));
    expect(source.pause).not.toHaveBeenCalled();
    stream.push(bytes('a'));
    stream.push(bytes('b'));
    expect(source.pause).toHaveBeenCalledTimes(1);
    stream.pipe(collector());
    expect(source.resume).toHaveBeenCalledTimes(1);
  });

  test('pauses its producer while the sink is full, and loses nothing', () => {
    const { stream, source, endings } = scripted();
    const sink = collector(() => false);
    stream.pipe(sink);
    stream.push(bytes('a'));
    expect(source.pause).toHaveBeenCalledTimes(1);
    stream.push(bytes('b'));
    stream.push(bytes('c'));
    stream.end();
    expect([sink.text, sink.isEnded]).toEqual(['a', false]);
    stream.resume();
    expect(sink.text).toBe('ab');
    stream.resume();
    stream.resume();
    expect([sink.text, sink.isEnded, endings]).toEqual(['abc', true, [{ kind: 'ended' }]]);
    expect(source.resume).not.toHaveBeenCalled();
  });

  test('that nobody reads yet does not flow when told to resume', () => {
    const { stream } = scripted();
    stream.push(bytes('a'));
    stream.resume();
    const sink = collector();
    stream.pipe(sink);
    expect(sink.text).toBe('a');
  });

  test('delivers what it holds before its failure', () => {
    const { stream, endings } = scripted();
    const error = new Error('cut');
    stream.push(bytes('a'));
    stream.fail(error);
    expect(endings).toEqual([]);
    const sink = collector();
    stream.pipe(sink);
    expect([sink.text, sink.failure, endings]).toEqual(['a', error, [{ kind: 'failed', error }]]);
  });

  test('fails a reader that comes after the failure or the cancelling', () => {
    const failed = scripted();
    failed.stream.fail('x');
    expect(failed.endings).toEqual([{ kind: 'failed', error: 'x' }]);
    const late = collector();
    failed.stream.pipe(late);
    expect(late.failure).toBe('x');

    const cancelled = scripted();
    cancelled.stream.cancel('y');
    const later = collector();
    cancelled.stream.pipe(later);
    expect(later.failure).toBe('y');
  });

  test('tells its producer of a cancelling once, and takes nothing more', () => {
    const { stream, source, endings } = scripted();
    const sink = collector();
    stream.pipe(sink);
    stream.push(bytes('a'));
    stream.cancel('gone');
    stream.cancel('again');
    stream.push(bytes('b'));
    stream.end();
    stream.fail('late');
    expect(source.cancel.mock.calls).toEqual([['gone']]);
    expect([sink.text, sink.isEnded, sink.failure]).toEqual(['a', false, undefined]);
    expect(endings).toEqual([{ kind: 'cancelled', reason: 'gone' }]);
  });

  test('does not cancel a producer that has ended', () => {
    const { stream, source, endings } = scripted();
    stream.push(bytes('a'));
    stream.end();
    stream.cancel();
    expect(source.cancel).not.toHaveBeenCalled();
    expect(endings).toHaveLength(1);
  });

  test('can be read once', () => {
    const { stream } = scripted();
    stream.pipe(collector());
    expect(() => stream.pipe(collector())).toThrow(/only once/);
  });

  test('tells a listener that comes late at once', () => {
    const { stream } = scripted();
    stream.cancel();
    const listener = vi.fn();
    stream.onEnd(listener);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('tells every listener and its sink of the end, though one of them throws', () => {
    const { stream } = scripted();
    stream.onEnd(() => {
      throw new Error('listener');
    });
    const released = vi.fn();
    stream.onEnd(released);
    const sink = collector();
    stream.pipe(sink);
    expect(() => stream.end()).toThrow('listener');
    expect([released.mock.calls.length, sink.isEnded]).toEqual([1, true]);
  });

  test('ends exactly once, whatever happens to it', () => {
    const step = fc.constantFrom('push', 'end', 'fail', 'cancel', 'pipe', 'resume');
    fc.assert(
      fc.property(fc.array(step), fc.func(fc.boolean()), (steps, accept) => {
        const { stream, endings } = scripted();
        let isPiped = false;
        for (const [index, name] of steps.entries()) {
          if (name === 'push') stream.push(bytes('a'));
          else if (name === 'pipe') {
            if (!isPiped) stream.pipe(collector(() => accept(index)));
            isPiped = true;
          } else stream[name]('reason');
        }
        stream.cancel();
        expect(endings).toHaveLength(1);
      }),
    );
  });

  test('shows every chunk to its observers before the reader gets it', () => {
    const { stream } = scripted();
    const seen: string[] = [];
    stream.observe((chunk) => seen.push(`observed ${chunk.toString()}`));
    stream.push(bytes('a'));
    stream.pipe({ write: (chunk) => Boolean(seen.push(`read ${chunk.toString()}`)), end: () => {}, fail: () => {} });
    stream.push(bytes('b'));
    expect(seen).toEqual(['observed a', 'read a', 'observed b', 'read b']);
  });
});

describe('a mapped body', () => {
  test('changes chunks, drops them, and adds a last one', () => {
    const { stream, endings } = scripted();
    const sink = collector();
    const mapped = stream.map(
      (chunk) => (chunk.toString() === 'x' ? undefined : bytes(chunk.toString().toUpperCase())),
      () => bytes('!'),
    );
    mapped.pipe(sink);
    for (const text of ['a', 'x', 'b']) stream.push(bytes(text));
    stream.end();
    expect([sink.text, sink.isEnded, endings]).toEqual(['AB!', true, [{ kind: 'ended' }]]);
  });

  test('passes back-pressure on to the producer', () => {
    const { stream, source } = scripted();
    const sink = collector(() => false);
    const mapped = stream.map((chunk) => chunk);
    mapped.pipe(sink);
    stream.push(bytes('a'));
    expect(source.pause).toHaveBeenCalledTimes(1);
    stream.push(bytes('b'));
    mapped.resume();
    expect([sink.text, source.resume.mock.calls.length]).toEqual(['ab', 0]);
    mapped.resume();
    expect(source.resume).toHaveBeenCalledTimes(1);
  });

  test('passes cancelling and failing on', () => {
    const cancelled = scripted();
    cancelled.stream.map((chunk) => chunk).cancel('gone');
    expect(cancelled.source.cancel.mock.calls).toEqual([['gone']]);

    const failed = scripted();
    const sink = collector();
    failed.stream
      .map(
        (chunk) => chunk,
        () => bytes('never'),
      )
      .pipe(sink);
    failed.stream.fail('cut');
    expect([sink.text, sink.failure]).toEqual(['', 'cut']);
  });

  test('fails when the body below it is cancelled, so that nobody waits for it', () => {
    const { stream } = scripted();
    const sink = collector();
    stream.map((chunk) => chunk).pipe(sink);
    stream.cancel('elsewhere');
    expect(sink.failure).toBe('elsewhere');
  });

  test('fails and cancels the producer when the change throws', () => {
    const { stream, source } = scripted();
    const sink = collector();
    const error = new Error('change');
    stream
      .map(() => {
        throw error;
      })
      .pipe(sink);
    stream.push(bytes('a'));
    expect([sink.failure, source.cancel.mock.calls]).toEqual([error, [[error]]]);
  });
});

describe('iterating', () => {
  test('gives every chunk, then ends', async () => {
    const { stream } = scripted();
    stream.push(bytes('a'));
    const reading = read(stream);
    stream.push(bytes('b'));
    queueMicrotask(() => {
      stream.push(bytes('c'));
      stream.end();
    });
    expect(await reading).toBe('abc');
  });

  test('throws the failure after the chunks before it', async () => {
    const { stream } = scripted();
    const seen: string[] = [];
    stream.push(bytes('a'));
    stream.fail(new Error('cut'));
    await expect(
      (async () => {
        for await (const chunk of stream) seen.push(chunk.toString());
      })(),
    ).rejects.toThrow('cut');
    expect(seen).toEqual(['a']);
  });

  test('cancels when its reader breaks off', async () => {
    const { stream, source, endings } = scripted();
    stream.push(bytes('a'));
    for await (const _ of stream) break;
    expect(source.cancel).toHaveBeenCalledTimes(1);
    expect(endings).toMatchObject([{ kind: 'cancelled' }]);
  });

  test('throws when somebody else cancels meanwhile', async () => {
    const { stream } = scripted();
    const reading = read(stream);
    await Promise.resolve();
    stream.cancel(new Error('stopped'));
    await expect(reading).rejects.toThrow('stopped');
  });
});

describe('made of an iterable', () => {
  test('gives what the iterable gives', async () => {
    expect(await read(ByteStream.from(['a', new Uint8Array([98]), bytes('c')]))).toBe('abc');
  });

  test('does not run ahead of its reader', async () => {
    let made = 0;
    const stream = ByteStream.from(
      (function* () {
        for (; made < 100; made++) yield Buffer.alloc(10_000);
      })(),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBeLessThan(8);
    expect((await read(stream)).length).toBe(1_000_000);
  });

  test('closes the iterable and calls back when it is cancelled', async () => {
    const closed = vi.fn();
    const cancel = vi.fn();
    async function* chunks() {
      try {
        for (;;) yield 'a'.repeat(70_000);
      } finally {
        closed();
      }
    }
    const stream = ByteStream.from(chunks(), cancel);
    await new Promise((resolve) => setImmediate(resolve));
    stream.cancel();
    await new Promise((resolve) => setImmediate(resolve));
    expect([closed.mock.calls.length, cancel.mock.calls.length]).toEqual([1, 1]);
  });

  test('fails when the iterable throws', async () => {
    async function* chunks() {
      yield 'a';
      throw new Error('producer');
    }
    await expect(read(ByteStream.from(chunks()))).rejects.toThrow('producer');
  });
});
