/** Fitting the work to a limit on calls. */
import type { Options } from './options.ts';

/** How much is done. */
export interface Extent {
  readonly candidates: number;
  /** For each candidate; 0 = there is no call for more than a plain answer. */
  readonly proposals: number;
  readonly isDiverse: boolean;
}

/** What is wanted, with fewer candidates and then fewer proposals where calls do not suffice. Ratings may fall away. */
export function affordable(options: Options, wanted: number, callsLeft: number): Extent {
  const { planning_n } = options;
  // Without an attempt nobody follows an approach.
  const isDiverse = options.use_plan_diversity && callsOfAttempt(options) > 0;
  const cost = ({ candidates, proposals }: Omit<Extent, 'isDiverse'>) =>
    Number(isDiverse) + candidates * callsOf(options, proposals);
  const fewerCandidates = countdown(wanted).map((candidates) => ({ candidates, proposals: planning_n }));
  const fewerProposals = countdown(planning_n).map((proposals) => ({ candidates: 1, proposals }));
  const fitting = [...fewerCandidates, ...fewerProposals].find((extent) => cost(extent) <= callsLeft);
  if (fitting) return { ...fitting, isDiverse };
  // Later steps may fall away; what came before them is then the answer.
  return { candidates: 1, proposals: callsLeft < callsOfAttempt(options) ? 0 : 1, isDiverse: false };
}

/** Calls of one candidate whose attempts all succeed. */
function callsOf(options: Options, proposals: number): number {
  const { planning_max_tokens_step3, planning_max_tokens_step4 } = options;
  const later = Number(planning_max_tokens_step3 > 0) + Number(planning_max_tokens_step4 > 0);
  return Math.max(proposals * callsOfAttempt(options), 1) + later;
}

export function callsOfAttempt({ planning_max_tokens_step1, planning_max_tokens_step2 }: Options): number {
  return Number(planning_max_tokens_step1 > 0) + Number(planning_max_tokens_step2 > 0);
}

function countdown(from: number): readonly number[] {
  return Array.from({ length: from }, (_, index) => from - index);
}
