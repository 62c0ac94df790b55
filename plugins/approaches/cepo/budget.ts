/** How much can be done within a limit on calls. */
import type { Options } from './options.ts';

/** How much is done for one answer. */
export interface Extent {
  readonly candidates: number;
  /** For each candidate; 0 = the calls suffice for a plain answer only. */
  readonly proposals: number;
  /** Does each candidate get an approach of its own? */
  readonly isDiverse: boolean;
}

/**
 * What is wanted, or, if the calls do not suffice, fewer candidates and then fewer proposals. Calls of judges are not
 * counted: without them the candidates are ranked by agreement.
 */
export function affordable(options: Options, wanted: number, callsLeft: number): Extent {
  const { planning_n } = options;
  // If no plan or execution is made, there is nothing that could follow an approach.
  const isDiverse = options.use_plan_diversity && callsOfAttempt(options) > 0;
  const cost = ({ candidates, proposals }: Omit<Extent, 'isDiverse'>) =>
    Number(isDiverse) + candidates * callsOf(options, proposals);
  const fewerCandidates = countdown(wanted).map((candidates) => ({ candidates, proposals: planning_n }));
  const fewerProposals = countdown(planning_n).map((proposals) => ({ candidates: 1, proposals }));
  const fitting = [...fewerCandidates, ...fewerProposals].find((extent) => cost(extent) <= callsLeft);
  if (fitting) return { ...fitting, isDiverse };
  // The review and the answer step are left out if no call is left for them: the proposal is then the answer.
  return { candidates: 1, proposals: callsLeft < callsOfAttempt(options) ? 0 : 1, isDiverse: false };
}

/** Calls of one candidate if all its attempts succeed. */
function callsOf(options: Options, proposals: number): number {
  const { planning_max_tokens_step3, planning_max_tokens_step4 } = options;
  const later = Number(planning_max_tokens_step3 > 0) + Number(planning_max_tokens_step4 > 0);
  return Math.max(proposals * callsOfAttempt(options), 1) + later;
}

/** Calls of one attempt at a proposal: a plan and its execution, of which either may be turned off. */
export function callsOfAttempt({ planning_max_tokens_step1, planning_max_tokens_step2 }: Options): number {
  return Number(planning_max_tokens_step1 > 0) + Number(planning_max_tokens_step2 > 0);
}

function countdown(from: number): readonly number[] {
  return Array.from({ length: from }, (_, index) => from - index);
}
