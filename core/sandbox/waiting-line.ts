import { SandboxUnavailable } from './unavailable.ts';

interface Place<T> {
  serve(value: T): void;
  fail(error: unknown): void;
}

/**
 * The runs that wait for a process, first come, first served. Its length is limited. A run leaves it if its signal
 * aborts.
 */
export class WaitingLine<T> {
  readonly #maxLength: number;
  readonly #places = new Set<Place<T>>();

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#places.size;
  }

  /** Resolves with what `serve` gives. Rejects with the signal's reason, or if the line is full. */
  join(signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.length >= this.#maxLength) {
        reject(new SandboxUnavailable('busy', `${this.length} runs are waiting for a process already`));
        return;
      }
      const leave = () => {
        this.#places.delete(place);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => place.fail(signal.reason);
      const place: Place<T> = {
        serve(value) {
          leave();
          resolve(value);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#places.add(place);
    });
  }

  /** Gives the first in the line what it waits for. */
  serve(value: T): void {
    this.#first?.serve(value);
  }

  /** Sends the first in the line away with an error. */
  fail(error: unknown): void {
    this.#first?.fail(error);
  }

  /** A set keeps the order in which its members came. */
  get #first(): Place<T> | undefined {
    return this.#places.values().next().value;
  }
}
