/** Texts that the client sees as reasoning while an approach works. Costs nothing if nobody listens. */
export interface Progress {
  /** Does anybody listen? Check it before composing a costly text. */
  readonly isOn: boolean;
  /** Reports one step in plain words: "3 of 5 candidates, rating them". */
  say(text: string): void;
  /**
   * The model that the chunks of progress and answer name: the first one that answered. For core only, as all below.
   */
  readonly model: string | undefined;
  /** An upstream call has succeeded, answered by this model. From now on texts may be sent. */
  began(model: string): void;
  /** The choice that shows the progress has finished. No more text may be added to it. */
  ended(): void;
}

/** Progress that nobody listens to. */
export const SILENT: Progress = Object.freeze({
  isOn: false,
  model: undefined,
  say: () => undefined,
  began: () => undefined,
  ended: () => undefined,
});
