/** How many rounds does an approach take, with an upstream that answers each call after the same time? */
import { EVERY_APPROACH, type ApproachCase } from '../../test/support/every-approach.ts';
import { spreadOf, type Row } from '../measure.ts';
import { benchConfig, startOptigate, type Program } from '../optigate.ts';
import { DELAY_MS, MODELS, TARGET } from '../script.ts';
import type { Question, Stage } from '../stage.ts';
import type { Interval } from '../upstream.ts';

/** The same question is asked again and again. leap must not answer from what it learned the first time. */
const OPTIONS: Readonly<Record<string, object>> = { leap: { leap: { leap_cache: false } } };

/** How often each approach is asked. The highest number of rounds counts. */
const ASKED = 5;

/** Rows `upstream rounds of <approach>`. */
export const approachRounds: Question = {
  name: 'approaches',
  title: 'How many rounds does an approach take, with an upstream that answers each call after the same time?',
  async ask(stage) {
    const optigate = await startOptigate({
      config: benchConfig(
        stage.upstreamOrigin,
        EVERY_APPROACH.map(({ slug }) => OPTIONS[slug] ?? slug).filter((plugin) => plugin !== 'none'),
      ),
    });
    try {
      const rows: Row[] = [];
      for (const approach of EVERY_APPROACH) rows.push(await roundsOf(approach, stage, optigate));
      return rows;
    } finally {
      await optigate.stop();
    }
  },
};

async function roundsOf(approach: ApproachCase, { upstream }: Stage, { origin }: Program): Promise<Row> {
  const { slug, messages, rounds: path } = approach;
  const rounds: number[] = [];
  const calls: number[] = [];
  const times: number[] = [];
  // The first time is not counted: optigate learns then, for example, which fields the upstream accepts.
  for (let turn = -1; turn < ASKED; turn++) {
    const body = JSON.stringify({ model: MODELS.delay, messages, optillm_approach: slug });
    const startedAt = performance.now();
    const [name, value] = TARGET.headers;
    const headers = { 'content-type': 'application/json', [name]: value };
    const response = await fetch(origin + TARGET.path, { method: 'POST', headers, body });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${slug}: status ${response.status}: ${text}`);
    const intervals = await upstream.ask('intervals', {});
    if (turn < 0) continue;
    rounds.push(longestChain(intervals));
    calls.push(intervals.length);
    times.push(performance.now() - startedAt);
  }
  const spread = spreadOf(rounds);
  const overMs = spreadOf(times).median - spread.median * DELAY_MS;
  return {
    name: `upstream rounds of ${slug}`,
    unit: 'rounds',
    optigate: spread,
    figure: spread.max,
    figureUnit: '',
    budget: path,
    stretch: path,
    note: `${spreadOf(calls).median} calls, ${overMs.toFixed(0)} ms beside the upstream's time`,
  };
}

/** The length of the longest chain of calls of which each began after the one before had ended. */
export function longestChain(intervals: readonly Interval[]): number {
  let chain = 0;
  let end = -Infinity;
  for (const interval of intervals.toSorted((a, b) => a.end - b.end)) {
    if (interval.start < end) continue;
    chain++;
    end = interval.end;
  }
  return chain;
}
