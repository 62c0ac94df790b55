/** What the server and a solver's process say to each other. */

/** One evaluation. The first one of a job is fresh: nothing of what was evaluated before is left. The answer is a string. */
export interface Evaluate {
  readonly text: string;
  readonly isFresh: boolean;
  readonly memoryMb: number;
}

/** In characters; of more than this only the beginning is told. A solver prints values, and those are short. */
export const LONGEST_OUTPUT = 16_000;

/** The exit status of a solver that ran out of memory. */
export const OUT_OF_MEMORY = 101;
