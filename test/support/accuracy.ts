/** How often an approach is right by a model that is right with probability p, measured over the statistical upstream. */
import { Capabilities } from '../../core/run/capabilities.ts';
import { Random } from '../../core/approach/index.ts';
import { createKept } from '../../core/kept.ts';
import { EVERY_APPROACH } from './every-approach.ts';
import { prepare, runApproach, type RunOptions } from './scripted-handler.ts';
import { finalIn, RIGHT, statisticalUpstream, type Odds, type Script } from './statistical-upstream.ts';

export interface Expectation {
  readonly approach: string;
  /** Where the expected value is from, as a formula. */
  readonly law: string;
  readonly odds: Odds;
  /** The share of right answers. */
  readonly expected: number;
  /** What is accepted in 2,000 trials; default: three standard deviations to either side. */
  readonly least?: number;
  readonly most?: number;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly n?: RunOptions['n'];
  /** Default: U(p, r, 4). */
  readonly upstream?: (random: Random, odds: Odds) => Script;
  /** Where a trial takes long. */
  readonly maxTrials?: number;
  /** Of the runs that come to an answer alone. */
  readonly isConditional?: boolean;
  /** The one of its approach, where one has to do. */
  readonly isTypical?: boolean;
}

/** The share of right answers; with another `part` in other trials. */
export async function accuracyOf(expectation: Expectation, trials: number, part = 0): Promise<number> {
  const { approach, law, odds, request, n, upstream = statisticalUpstream } = expectation;
  const { maxTrials = trials, isConditional = false } = expectation;
  const of = EVERY_APPROACH.find(({ slug }) => slug === approach);
  if (!of) throw new Error(`there is no approach ${approach}`);
  const options = {
    plugins: [of.plugin],
    script: upstream(new Random(approach, law, odds.p, odds.r ?? 1, part), odds),
    request: { messages: of.messages, ...request },
    capabilities: new Capabilities(),
    kept: createKept(),
    ...(n ? { n } : {}),
  };
  // What the runs share, such as solvers, lasts from the first to the last of them.
  const { shutdown } = await prepare(approach, options);
  const finals: (number | undefined)[] = [];
  try {
    for (let trial = 0; trial < Math.min(trials, maxTrials); trial++) {
      const { text } = await runApproach(approach, options);
      finals.push(finalIn(text ?? ''));
    }
  } finally {
    await shutdown.promise();
  }
  const counted = isConditional ? finals.filter((final) => final !== undefined) : finals;
  return counted.filter((final) => final === RIGHT).length / counted.length;
}

/** What the bounds of an expectation are stated for. */
const FULL_TRIALS = 2_000;

/** What is accepted: three standard deviations at p = 0.5, more in fewer trials, where chance has more room. */
export function boundsOf(
  { expected, least, most, maxTrials = Infinity }: Expectation,
  trials = FULL_TRIALS,
): { readonly least: number; readonly most: number } {
  const deviation = (count: number) => 3 * Math.sqrt(0.25 / count);
  const tolerance = deviation(FULL_TRIALS);
  const wider = Math.max(0, deviation(Math.min(trials, maxTrials)) - tolerance);
  return { least: (least ?? expected - tolerance) - wider, most: (most ?? expected + tolerance) + wider };
}
