import type { Helper } from './ipc.ts';
import type { Job, Load, Report } from './load.ts';
import { cpuMicros } from './usage.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

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
  /** What is held against the budget: the ratio of medians, or the median itself. */
  readonly figure?: number;
  /** `×` where it is a ratio. */
  readonly figureUnit: string;
  readonly budget: number;
  readonly stretch: number;
  /** More is better: the budget is the least that is accepted. */
  readonly isFloor?: boolean;
  /** Why there are no figures, or what to know about them. */
  readonly note?: string;
}

export interface Contender {
  readonly pid: number;
  readonly origin: string;
}

export interface Race {
  readonly load: Helper<Load>;
  readonly bare: Contender;
  readonly optigate: Contender;
  /** The same for both; where it differs, what optigate gets instead. */
  readonly job: Omit<Job, 'origin'>;
  readonly optigateJob?: Omit<Job, 'origin'>;
  readonly rounds: number;
  /** What is counted in a round: requests, or chunks. */
  readonly unitsIn: (report: Report) => number;
  /** After each round of optigate's: throws where the figures would mean something else. */
  readonly check?: () => Promise<void>;
}

/** CPU microseconds per unit of work, bare and optigate in turns, after a warm-up of each. */
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
  // The compilers of the runtime are done after some ten thousand requests.
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
