/** What the client reads as reasoning while an approach works. Costs nothing when nobody listens. */
export interface Progress {
  /** Does anybody listen? Spares the making of texts nobody sees. */
  readonly isOn: boolean;
  /** One step in plain words: "3 of 5 candidates, rating them". */
  say(text: string): void;
  /** The model that all chunks name, progress and answer alike: the first one that answered. Core's own, as all below. */
  readonly model: string | undefined;
  /** An upstream call has succeeded, answered by this model: from now on texts may go out. */
  began(model: string): void;
  /** The choice that progress is shown in has finished: nothing more may be said in it. */
  ended(): void;
}

export const SILENT: Progress = Object.freeze({
  isOn: false,
  model: undefined,
  say: () => undefined,
  began: () => undefined,
  ended: () => undefined,
});
