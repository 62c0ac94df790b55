import type { Plan, StreamStamp } from '../exchange/exchange.ts';

/** A plan of core's own: what the request wants to see of its making. */
export interface SelectedPlan extends Plan {
  /** `optigate: { trace: true }`: give the exchange a trace that records (`createTrace`) before `run`. */
  readonly wantsTrace: boolean;
  /** false = `optigate: { progress: false }`. */
  readonly wantsProgress: boolean;
  /** Id, time and model of an answer made of several calls: whatever streams before it (progress) carries them, too. Undefined where the upstream's own chunks pass. */
  readonly stamp: StreamStamp | undefined;
}
