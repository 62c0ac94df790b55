import {
  ByteStream,
  completeReply,
  delay,
  gatewayError,
  onEnd,
  Payload,
  streamReply,
  type Call,
  type ChatCompletion,
  type Clock,
  type HeaderList,
  type Reply,
  type Usage,
} from '../../../core/index.ts';
import type { DemoSettings } from './settings.ts';

/** How a stream is sent. */
export interface Pace {
  /** The time between two events. */
  readonly stepMs: number;
  /** Counted when the last event is sent. */
  readonly usage: Usage;
  /** Fail after the last event, as a stream that breaks off? Usage is then not counted. */
  readonly isCut: boolean;
  readonly clock: Clock;
}

/** A stream of events at a pace. It pauses if the reader is slow, and stops if it leaves. */
export function pacedStream(call: Call, events: readonly string[], how: Pace): Reply {
  const left = new AbortController();
  const produce = async function* () {
    for (const [index, event] of events.entries()) {
      if (index > 0) await pause(how.stepMs, left.signal, how.clock);
      left.signal.throwIfAborted();
      // Counted before the last event is sent, so that the sum is complete when the reader has seen the end.
      if (index === events.length - 1 && !how.isCut) call.addUsage(how.usage);
      yield event;
    }
    if (how.isCut)
      throw gatewayError('upstream_stream_interrupted', { upstream: call.upstream.name, detail: 'cut on demand' });
  };
  const body = ByteStream.from(produce(), () => left.abort());
  const onAbort = () => {
    left.abort(call.signal.reason);
    body.fail(call.signal.reason);
  };
  call.signal.addEventListener('abort', onAbort, { once: true });
  const reply = streamReply(body);
  onEnd(reply, () => call.signal.removeEventListener('abort', onAbort));
  return reply;
}

/** The refusal that the upstream's setting `fail` asks for. */
export function failure({ status, retry_after: seconds }: NonNullable<DemoSettings['fail']>): Reply {
  const isLimit = status === 429;
  return refusal({
    status,
    code: isLimit ? 'rate_limit_exceeded' : 'demo_failure',
    type: isLimit ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error',
    message: 'This failure was asked for by the upstream setting fail',
    headers: seconds === undefined ? [] : ['retry-after', String(seconds)],
  });
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly type?: string;
  /** The field at fault. */
  readonly param?: string;
  readonly headers?: HeaderList;
}

/** An error as OpenAI's API writes it. */
export function refusal({ status, code, message, type, param, headers }: Refusal): Reply {
  const error = { message: `[demo] ${message}`, type: type ?? 'invalid_request_error', param: param ?? null, code };
  return jsonReply({ error }, status, headers);
}

/** A JSON reply. Replies are typed by chat completions, so any other body is cast here. */
export function jsonReply(body: object, status = 200, headers: HeaderList = []): Reply {
  return completeReply(Payload.fromValue(body as ChatCompletion), status, [
    'content-type',
    'application/json',
    ...headers,
  ]);
}

/** Waits, unless `ms` is 0. Rejects if the signal aborts. */
export function pause(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  return ms > 0 ? delay(clock, ms, signal) : Promise.resolve();
}
