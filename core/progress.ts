import type { Reply } from './reply.ts';

/** What the client reads as reasoning while an approach works. Costs nothing when nobody listens. */
export interface Progress {
  /** Does anybody listen? Spares the making of texts nobody sees. */
  readonly isOn: boolean;
  /** One step in plain words: "3 of 5 candidates, rating them". */
  say(text: string): void;
  /** An upstream call has succeeded: from now on texts may go out. Core's own. */
  began(reply: Reply): void;
}

export const SILENT: Progress = Object.freeze({ isOn: false, say: () => undefined, began: () => undefined });
