/** The messages between the server and a solver's process. */

/** Asks for one evaluation. The process answers with a string, the solver's output. */
export interface Evaluate {
  /** SMT-LIB. */
  readonly text: string;
  /** True for the first evaluation of a job: the solver forgets all that was evaluated before. */
  readonly isFresh: boolean;
  readonly memoryMb: number;
}

/**
 * In characters. Of a longer output only the beginning comes, one character too long so that the cut is seen. The values
 * that a solver prints are short.
 */
export const LONGEST_OUTPUT = 16_000;

/** The exit status of a solver that ran out of memory. */
export const OUT_OF_MEMORY = 101;
