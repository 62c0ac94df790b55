import type { Clock } from '../clock.ts';
import { childSignal, type ChildSignal } from '../signals.ts';
import { FetchError } from './fetch-error.ts';
import type { FetchTimeouts } from './fetch-options.ts';

/** A part of a fetch with a time limit of its own. */
export type FetchPhase = 'connect' | 'headers' | 'idle';

/** The timers of one fetch: one for all of it, one for its current phase. If one runs out, `signal` aborts. */
export class TimeLimits {
  readonly #clock: Clock;
  readonly #timeouts: FetchTimeouts;
  readonly #child: ChildSignal;
  readonly #cancelTotal: () => void;
  #cancelPhase = () => {};
  #host: string | undefined;

  constructor({ clock, timeouts, signal }: { clock: Clock; timeouts: FetchTimeouts; signal: AbortSignal | undefined }) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#child = childSignal(signal ?? new AbortController().signal);
    this.#cancelTotal = this.#start(timeouts.totalMs, 'it took longer than');
  }

  /** Aborts with a `FetchError` when a limit is reached, and with the caller's reason when its signal aborts. */
  get signal(): AbortSignal {
    return this.#child.signal;
  }

  /** Starts the timer of a phase. If that is the current phase, its timer begins again. */
  enter(phase: FetchPhase, host: string): void {
    this.#host = host;
    this.#cancelPhase();
    if (this.signal.aborted) return;
    const [ms, text] = {
      connect: [this.#timeouts.connectMs, 'no connection was made within'] as const,
      headers: [this.#timeouts.headersMs, 'it did not answer within'] as const,
      idle: [this.#timeouts.idleMs, 'its answer paused for'] as const,
    }[phase];
    this.#cancelPhase = this.#start(ms, text);
  }

  end(): void {
    this.#cancelTotal();
    this.#cancelPhase();
    this.#child.release();
  }

  #start(ms: number, text: string): () => void {
    return this.#clock.setTimeout(
      () => this.#child.abort(new FetchError('timeout', this.#host, { detail: `${text} ${ms} ms` })),
      ms,
    );
  }
}
