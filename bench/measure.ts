import type { Helper } from './ipc.ts';
import type { Job, Load, Report } from './load.ts';
import { cpuMicros } from './usage.ts';

/** How measured values spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, minimum and maximum; NaN if there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly bare?: Spread;
  readonly optigate?: Spread;
  /** What is compared with the budget: the ratio of the medians, or another figure of optigate's. */
  readonly figure?: number;
  /** `×` if it is a ratio. */
  readonly figureUnit: string;
  /** The highest figure that is accepted. */
  readonly budget: number;
  /** The figure to aim for. */
  readonly stretch: number;
  /** More is better: the budget is the lowest figure that is accepted. */
  readonly isFloor?: boolean;
  /** Why there are no figures, or what to know about them. */
  readonly note?: string;
}

/** A program that is measured. */
export interface Contender {
  readonly pid: number;
  readonly origin: string;
}

/** What to measure, and how often. */
export interface Race {
  readonly load: Helper<Load>;
  readonly bare: Contender;
  readonly optigate: Contender;
  readonly job: Omit<Job, 'origin'>;
  /** The job for optigate, if it differs. */
  readonly optigateJob?: Omit<Job, 'origin'>;
  readonly rounds: number;
  /** The units of work in a round: requests, or chunks. */
  readonly unitsIn: (report: Report) => number;
  /** Called after each round of optigate's. Throws if the round did not measure what it should. */
  readonly check?: () => Promise<void>;
}

/** Measures CPU microseconds per unit of work, of both programs in turns, after a warm-up of each. */
export async function race({ load, bare, optigate, job, optigateJob = job, rounds, unitsIn, check }: Race) {
  let from = job.from ?? 0;
  const once = async (contender: Contender, own: Omit<Job, 'origin'>) => {
    const before = cpuMicros(contender.pid);
    const report = await load.ask('run', { ...own, origin: contender.origin, from });
    const units = unitsIn(report);
    if (units === 0) throw new Error('nothing was answered in this round');
    if (contender === optigate) from += report.requests;
    return (cpuMicros(contender.pid) - before) / units;
  };
  // Warm-up: after some ten thousand requests the runtime has compiled what is hot.
  await once(bare, job);
  await once(optigate, optigateJob);
  await once(optigate, optigateJob);
  const costs = { bare: [] as number[], optigate: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    costs.bare.push(await once(bare, job));
    costs.optigate.push(await once(optigate, optigateJob));
    await check?.();
  }
  const [bareSpread, optigateSpread] = [spreadOf(costs.bare), spreadOf(costs.optigate)];
  return { bare: bareSpread, optigate: optigateSpread, figure: optigateSpread.median / bareSpread.median };
}
