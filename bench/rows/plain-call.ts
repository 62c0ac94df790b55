/** What does a plain call cost, small and large? */
import { race, type Row } from '../measure.ts';
import { benchConfig, startOptigate } from '../optigate.ts';
import { MODELS, requestBody, TARGET } from '../script.ts';
import type { Question } from '../stage.ts';

const CASES = [
  { name: 'pass-through, 600 B request, 1 KB answer', bytes: 600, budget: 1.5, stretch: 1.3 },
  { name: 'pass-through, 20 KB request, 1 KB answer', bytes: 20_000, budget: 1.75, stretch: 1.4 },
] as const;

/** Rows `pass-through, …`. */
export const plainCall: Question = {
  name: 'plain',
  title: 'What does a plain call cost, small and large?',
  async ask({ load, bare, upstreamOrigin, seconds, rounds }) {
    const optigate = await startOptigate({ config: benchConfig(upstreamOrigin) });
    try {
      const rows: Row[] = [];
      for (const { name, bytes, budget, stretch } of CASES) {
        const job = { ...TARGET, body: requestBody(MODELS.plain, bytes), concurrency: 16, seconds };
        const costs = await race({ load, bare, optigate, job, rounds, unitsIn: ({ requests }) => requests });
        rows.push({ name, unit: 'µs CPU/request', ...costs, figureUnit: '×', budget, stretch });
      }
      return rows;
    } finally {
      await optigate.stop();
    }
  },
};
