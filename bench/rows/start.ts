/** How soon is it ready, and what does it take at rest? */
import { setTimeout as wait } from 'node:timers/promises';
import { spreadOf } from '../measure.ts';
import { hasBuild, startOptigate } from '../optigate.ts';
import type { Question } from '../stage.ts';
import { residentMb } from '../usage.ts';

const STARTS = 7;
const RESTS = 3;
const REST_MS = 4_000;

/** Rows `at rest, …` and `ready after start, …`. */
export const start: Question = {
  name: 'start',
  title: 'How soon is it ready, and what does it take at rest?',
  async ask() {
    const readyMs: number[] = [];
    for (let run = 0; run < STARTS; run++) {
      const program = await startOptigate({});
      readyMs.push(program.readyMs);
      await program.stop();
    }
    const restMb: number[] = [];
    for (let run = 0; run < RESTS; run++) {
      const program = await startOptigate({ preferBuilt: true });
      await wait(REST_MS);
      restMb.push(residentMb(program.pid));
      await program.stop();
    }
    const [ready, rest] = [spreadOf(readyMs), spreadOf(restMb)];
    // Running from source takes 20 MB more, as for any .ts file.
    const [budget, stretch] = hasBuild() ? [105, 92] : [125, 112];
    return [
      {
        name: 'at rest, shipped configuration',
        unit: 'MB',
        optigate: rest,
        figure: rest.median,
        figureUnit: 'MB',
        budget,
        stretch,
        note: hasBuild() ? 'from dist' : 'from source: budget raised by 20 MB',
      },
      {
        name: 'ready after start, from source',
        unit: 'ms',
        optigate: ready,
        figure: ready.median,
        figureUnit: 'ms',
        budget: 900,
        stretch: 500,
      },
    ];
  },
};
