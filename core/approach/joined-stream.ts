/** Several replies as one event stream, and the change of a single live reply, which is the same with one part. */
import { ByteStream } from '../bytes/byte-stream.ts';
import { gatewayError, type GatewayError } from '../errors.ts';
import type { Call, StreamStamp } from '../exchange/exchange.ts';
import { readChunk, type ChunkFrame } from '../wire/chat/chunk.ts';
import { CHOSEN_PIECE, completionToChunks } from '../wire/chat/completion-chunks.ts';
import { isFinished } from '../wire/chat/finish.ts';
import { DONE, encodeData, SseDecoder, type SseEvent } from '../wire/sse.ts';
import type { Chunk, ChunkChoice } from '../wire/chat/chat-types.ts';
import { withReasoningTokens } from '../wire/usage.ts';
import { streamReply, type CompleteReply, type StreamReply } from '../exchange/reply.ts';
import { completionOf } from './whole.ts';

/** A reply whose choices become part of a joined stream. */
export interface StreamPart {
  readonly reply: CompleteReply | StreamReply;
  /** Maps the index of one of its choices to the index that the client sees. Default: unchanged. */
  readonly indexOf?: (index: number) => number;
  /** Goes into `optigate.approach` of its choices. Absent = nothing is added. */
  readonly label?: string | undefined;
  /** Replaces one of its chunks by any number of chunks; `indexOf` is applied to these afterwards. */
  readonly change?: (chunk: Chunk) => readonly Chunk[];
  /** Called if its stream ended well. Returns further chunks, and may `add` further parts, before the whole can end. */
  readonly onEnd?: () => Promise<readonly Chunk[]> | readonly Chunk[];
  /** Called if its stream broke off. Returns chunks that end the part all the same, or undefined to fail the whole. */
  readonly onFail?: (error: unknown) => readonly Chunk[] | undefined;
}

/** What a joined stream is made with. */
export interface JoinInit {
  /** The client's call: says whether usage is wanted, and which exchange counts it. */
  readonly call: Call;
  /** Id and time of all chunks; undefined = those of the first chunk that comes. */
  readonly stamp: StreamStamp | undefined;
  /** Called after everything else went out: members for a last chunk of their own, such as the trace. */
  readonly extension?: (() => Readonly<Record<string, unknown>> | undefined) | undefined;
}

/**
 * Several replies as one event stream, whose chunks are interleaved as they come: one id, one `[DONE]`, and one usage
 * chunk with the sum over all calls of the exchange if the client asked for usage or a plugin counts it. Parts may be
 * added while the stream flows, until `close`. A part that breaks off fails the whole and cancels the other parts, unless
 * its `onFail` returns chunks.
 */
export class JoinedStream {
  readonly body: ByteStream;
  readonly #init: JoinInit;
  /** Did the client itself ask for usage? */
  readonly #isAsked: boolean;
  readonly #wantsUsage: boolean;
  /** Did a streamed part end without usage? The sum is then too low, and goes out only if the client asked for it. */
  #lacksUsage = false;
  readonly #sources = new Set<ByteStream>();
  /** Undefined until the first chunk went out. */
  #stamp: StreamStamp | undefined;
  /** Choices whose label went out. */
  readonly #labelledChoices = new Set<number>();
  /** Choices whose role went out. */
  readonly #roles = new Set<number>();
  /** Parts that have not ended. */
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

  /** Takes in one more reply. If the whole is over already, cancels it instead. */
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

  /** Says that no further parts will come: the stream ends with the last open one. */
  close(): void {
    this.#isClosed = true;
    this.#endIfDone();
  }

  /** Fails the stream and cancels all parts. */
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
      // Azure's first chunk carries filter results alone and names no model.
      const model = chunk.model || this.#init.call.request.value.model;
      progress.began(model);
      const { id, created } = this.#init.stamp ?? chunk;
      this.#stamp = { id, created, model: progress.model ?? model };
    }
    const { usage, ...rest } = chunk;
    if (chunk.choices.length === 0 && usage) return;
    const choices = chunk.choices.map((choice) =>
      this.#onceOnly({ ...choice, index: indexOf?.(choice.index) ?? choice.index }, label),
    );
    if (choices.some(({ index, finish_reason }) => index === 0 && isFinished(finish_reason))) progress.ended();
    this.#write({ ...rest, ...this.#stamp, choices, ...(this.#wantsUsage ? { usage: null } : {}) });
  }

  /** A choice has its role once, since clients join what comes twice, and once the branch of `a|b` that made it. */
  #onceOnly(choice: ChunkChoice, label: string | undefined): ChunkChoice {
    const { index } = choice;
    const { role, ...delta } = choice.delta;
    const isLabelled = label === undefined || this.#labelledChoices.has(index);
    const isRepeated = role !== undefined && this.#roles.has(index);
    if (label !== undefined) this.#labelledChoices.add(index);
    if (role) this.#roles.add(index);
    if (isLabelled && !isRepeated) return choice;
    return {
      ...choice,
      ...(isRepeated ? { delta } : {}),
      ...(isLabelled ? {} : { optigate: { approach: label } }),
    };
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

  /** The ledger is complete here, because usage is counted before the reader of a part's body is told of its end. */
  #endIfDone(): void {
    if (!this.#isClosed || this.#open > 0 || this.#isOver) return;
    this.#isOver = true;
    const { call, extension } = this.#init;
    const last = { ...(this.#stamp ?? this.#init.stamp ?? STAMPLESS), object: 'chat.completion.chunk', choices: [] };
    const showsUsage = this.#isAsked || (this.#wantsUsage && !this.#lacksUsage);
    const usage = showsUsage ? call.exchange.ledger.answerUsage : undefined;
    const more = extension?.();
    // If only a plugin wants usage, that chunk is removed before the client: the extension needs a chunk of its own.
    if (more && !(usage && this.#isAsked)) this.#write({ ...last, ...more });
    if (usage) this.#write({ ...last, usage: withReasoningTokens(usage), ...(this.#isAsked ? more : {}) });
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

/** A live reply whose chunks are changed on their way. Its last chunk has the usage of all calls of the exchange. */
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

/** The chunk in a frame; undefined if the frame adds nothing. Throws if it is an error, or not a chunk at all. */
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
