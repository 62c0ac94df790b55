/** How much memory do a thousand open streams take? */
import { setTimeout as wait } from 'node:timers/promises';
import { spreadOf, type Contender } from '../measure.ts';
import { benchConfig, hasBuild, startOptigate } from '../optigate.ts';
import { MODELS, requestBody, TARGET } from '../script.ts';
import { startBareProxy, type Question, type Stage } from '../stage.ts';
import { residentMb } from '../usage.ts';

const STREAMS = 1_000;
const RUNS = 3;
/** Long enough for some chunks on each stream, since there is one per second. */
const HELD_MS = 5_000;

/** Row `memory with 1,000 open streams`. */
export const openStreams: Question = {
  name: 'memory',
  title: 'What memory do a thousand open streams take?',
  async ask(stage) {
    const peaks: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const optigate = await startOptigate({ config: benchConfig(stage.upstreamOrigin), preferBuilt: true });
      try {
        peaks.push(await peakWithStreams(stage, optigate));
      } finally {
        await optigate.stop();
      }
    }
    const proxy = await startBareProxy(stage.upstreamOrigin);
    const bare = spreadOf([await peakWithStreams(stage, proxy)]);
    await proxy.stop();
    const optigate = spreadOf(peaks);
    return [
      {
        name: 'memory with 1,000 open streams',
        unit: 'MB',
        bare,
        optigate,
        figure: optigate.median,
        figureUnit: 'MB',
        budget: 170,
        stretch: 140,
        note: hasBuild() ? 'optigate from dist' : 'from source: some 20 MB more than from dist',
      },
    ];
  },
};

/** The most memory, in MB, that a process takes while the streams are open. */
async function peakWithStreams({ load }: Stage, { pid, origin }: Contender): Promise<number> {
  const body = requestBody(MODELS.open, 600, { stream: true });
  await load.ask('open', { ...TARGET, origin, body, streams: STREAMS });
  let peak = 0;
  for (const end = performance.now() + HELD_MS; performance.now() < end; await wait(100))
    peak = Math.max(peak, residentMb(pid));
  await load.ask('close', {});
  return peak;
}
