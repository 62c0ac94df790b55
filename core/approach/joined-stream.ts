import { ByteStream } from '../bytes/byte-stream.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { Call, StreamStamp } from '../exchange/exchange.ts';
import { isFinished, readChunk, type ChunkFrame } from '../wire/chat/chunk.ts';
import { CHOSEN_PIECE, completionToChunks } from '../wire/chat/completion-chunks.ts';
import { DONE, encodeData, SseDecoder, type SseEvent } from '../wire/sse.ts';
import type { Chunk, ChunkChoice } from '../wire/chat/chat-types.ts';
import { streamReply, type CompleteReply, type StreamReply } from '../exchange/reply.ts';
import { completionOf } from './whole.ts';

/** A reply whose choices become part of a joined stream. */
export interface StreamPart {
  readonly reply: CompleteReply | StreamReply;
  /** Where its choices go in the whole: its own index → the client's. Default: unchanged. */
  readonly indexOf?: (index: number) => number;
  /** Goes into `optigate.approach` of its choices. */
  readonly label?: string | undefined;
  /** Replaces one of its chunks; `indexOf` comes after it. */
  readonly change?: (chunk: Chunk) => readonly Chunk[];
  /** Its stream is over, all well: further chunks, or further parts to be added, before anything ends. */
  readonly onEnd?: () => Promise<readonly Chunk[]> | readonly Chunk[];
  /** Its stream broke off: chunks that end it all the same, or undefined where the whole is to fail. */
  readonly onFail?: (error: unknown) => readonly Chunk[] | undefined;
}

export interface JoinInit {
  readonly call: Call;
  /** Id and time that all chunks carry; undefined = those that the first one came with. */
  readonly stamp: StreamStamp | undefined;
  /** Members for a last chunk of its own (the trace), asked for when everything else went out. */
  readonly extension?: (() => Readonly<Record<string, unknown>> | undefined) | undefined;
}

/**
 * Several replies as one event stream, their chunks interleaved as they come: one id, one usage chunk with the sum over
 * all calls if the client asked for usage or a plugin counts it, one `[DONE]`. Parts may be added while it flows; `close`
 * says there are no more. A part that breaks off fails the whole, and aborts the others, unless its `onFail` ends it.
 */
export class JoinedStream {
  readonly body: ByteStream;
  readonly #init: JoinInit;
  /** Does the client itself want usage? */
  readonly #isAsked: boolean;
  readonly #wantsUsage: boolean;
  /** A part that streamed told none: the sum would be wrong, and only who asks gets it. */
  #lacksUsage = false;
  readonly #sources = new Set<ByteStream>();
  /** As soon as there was a chunk. */
  #stamp: StreamStamp | undefined;
  readonly #told = new Set<number>();
  #open = 0;
  #isClosed = false;
  #isFull = false;
  #isOver = false;

  constructor(init: JoinInit) {
    this.#init = init;
    const { request, exchange } = init.call;
    this.#isAsked = request.value.stream_options?.include_usage === true;
    this.#wantsUsage = this.#isAsked || exchange.ledger.needsStreamUsage;
    this.body = new ByteStream({
      pause: () => (this.#isFull = true),
      resume: () => {
        this.#isFull = false;
        for (const source of this.#sources) source.resume();
      },
      cancel: (reason) => this.#stop(reason),
    });
  }

  add(part: StreamPart): void {
    if (this.#isOver) {
      if (part.reply.kind !== 'complete') part.reply.cancel();
      return;
    }
    this.#open++;
    if (part.reply.kind === 'complete') {
      const { reply } = part;
      this.#guard(() => {
        const completion = completionOf(reply, this.#init.call);
        for (const chunk of completionToChunks(completion, { pieces: CHOSEN_PIECE })) this.#take(chunk, part);
        this.#finishPart(part);
      });
      return;
    }
    const { body } = part.reply;
    const decoder = new SseDecoder();
    let hasUsage = false;
    const read = (events: readonly SseEvent[]) => {
      for (const event of events) {
        const chunk = chunkIn(readChunk(event), this.#init.call);
        if (!chunk) continue;
        hasUsage ||= Boolean(chunk.usage);
        this.#take(chunk, part);
      }
    };
    this.#sources.add(body);
    body.pipe({
      write: (bytes) => {
        this.#guard(() => read(decoder.push(bytes)));
        return !this.#isFull;
      },
      end: () => {
        this.#sources.delete(body);
        this.#guard(() => {
          read(decoder.end());
          this.#lacksUsage ||= !hasUsage;
          this.#finishPart(part);
        });
      },
      fail: (error) => {
        this.#sources.delete(body);
        this.#guard(() => {
          const instead = part.onFail?.(error);
          if (!instead) throw error;
          this.#lacksUsage ||= !hasUsage;
          this.#closePart(instead, part);
        });
      },
    });
  }

  /** No further parts will come. */
  close(): void {
    this.#isClosed = true;
    this.#endIfDone();
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#stop(error);
    this.body.fail(error);
  }

  #take(chunk: Chunk, part: StreamPart): void {
    for (const changed of part.change?.(chunk) ?? [chunk]) this.#emit(changed, part);
  }

  #emit(chunk: Chunk, { indexOf, label }: StreamPart): void {
    const { progress } = this.#init.call.exchange;
    if (!this.#stamp) {
      // Azure's first chunk, which only carries filter results, names none.
      const model = chunk.model || this.#init.call.request.value.model;
      progress.began(model);
      const { id, created } = this.#init.stamp ?? chunk;
      this.#stamp = { id, created, model: progress.model ?? model };
    }
    const { usage, ...rest } = chunk;
    if (chunk.choices.length === 0 && usage) return;
    const choices = chunk.choices.map((choice) =>
      this.#labelled({ ...choice, index: indexOf?.(choice.index) ?? choice.index }, label),
    );
    if (choices.some(({ index, finish_reason }) => index === 0 && isFinished(finish_reason))) progress.ended();
    this.#write({ ...rest, ...this.#stamp, choices, ...(this.#wantsUsage ? { usage: null } : {}) });
  }

  /** Tells which branch of `a|b` made a choice; once is enough, in its first chunk. */
  #labelled(choice: ChunkChoice, label: string | undefined): ChunkChoice {
    if (label === undefined || this.#told.has(choice.index)) return choice;
    this.#told.add(choice.index);
    return { ...choice, optigate: { approach: label } };
  }

  #write(chunk: Chunk): void {
    this.body.push(encodeData(chunk));
  }

  #finishPart(part: StreamPart): void {
    const more = part.onEnd?.() ?? [];
    if (more instanceof Promise) {
      more
        .then((chunks) => this.#guard(() => this.#closePart(chunks, part)))
        .catch((error: unknown) => this.fail(error));
    } else this.#closePart(more, part);
  }

  #closePart(chunks: readonly Chunk[], part: StreamPart): void {
    for (const chunk of chunks) this.#emit(chunk, part);
    this.#open--;
    this.#endIfDone();
  }

  /** By now every part's usage is in the ledger: whoever counts does so before a body's reader hears of its end. */
  #endIfDone(): void {
    if (!this.#isClosed || this.#open > 0 || this.#isOver) return;
    this.#isOver = true;
    const { call, extension } = this.#init;
    const last = { ...(this.#stamp ?? this.#init.stamp ?? STAMPLESS), object: 'chat.completion.chunk', choices: [] };
    const tellsUsage = this.#isAsked || (this.#wantsUsage && !this.#lacksUsage);
    const usage = tellsUsage ? call.exchange.ledger.answerUsage : undefined;
    const more = extension?.();
    // Usage that nobody asked for is taken out again with its chunk, so nothing else may stand in it.
    if (more && !(usage && this.#isAsked)) this.#write({ ...last, ...more });
    if (usage) this.#write({ ...last, usage, ...(this.#isAsked ? more : {}) });
    this.body.push(DONE);
    this.body.end();
  }

  #stop(reason: unknown): void {
    this.#isOver = true;
    for (const source of this.#sources) source.cancel(reason);
    this.#sources.clear();
  }

  #guard(step: () => void): void {
    try {
      if (!this.#isOver) step();
    } catch (error) {
      this.fail(error);
    }
  }
}

const STAMPLESS: StreamStamp = { id: 'chatcmpl-0', created: 0, model: '' };

/** The reply's chunks changed on their way, with the plan's own usage at the end. For approaches that edit a live answer. */
export function changedStream(
  reply: StreamReply,
  call: Call,
  { change, onEnd, onFail }: Pick<StreamPart, 'change' | 'onEnd' | 'onFail'>,
): StreamReply {
  const joined = new JoinedStream({ call, stamp: undefined });
  joined.add({ reply, ...(change ? { change } : {}), ...(onEnd ? { onEnd } : {}), ...(onFail ? { onFail } : {}) });
  joined.close();
  return { ...streamReply(joined.body), headers: reply.headers };
}

/** The chunk in a frame; undefined where it adds nothing. Throws where it is an error, or no chunk at all. */
function chunkIn(frame: ChunkFrame, call: Call): Chunk | undefined {
  switch (frame.kind) {
    case 'chunk':
      return frame.chunk;
    case 'failure':
      throw interrupted(call, JSON.stringify(frame.value?.['error'] ?? frame.failure.message));
    case 'garbage':
      throw interrupted(call, 'it sent something that is no chunk');
    default:
      return undefined;
  }
}

function interrupted({ upstream }: Call, detail: string): GatewayError {
  return gatewayError('upstream_stream_interrupted', { upstream: upstream.name, detail });
}
