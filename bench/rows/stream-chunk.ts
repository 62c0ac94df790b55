/** What does one chunk of a stream cost? */
import { race } from '../measure.ts';
import { benchConfig, startOptigate } from '../optigate.ts';
import { MODELS, requestBody, TARGET } from '../script.ts';
import type { Question } from '../stage.ts';

/** Row `SSE, per chunk`. */
export const streamChunk: Question = {
  name: 'stream',
  title: 'What does one chunk of a stream cost?',
  async ask({ load, bare, upstreamOrigin, seconds, rounds }) {
    const optigate = await startOptigate({ config: benchConfig(upstreamOrigin) });
    try {
      const body = requestBody(MODELS.stream, 600, { stream: true });
      // The upstream writes a chunk every 5 ms to each of 80 streams, so that each chunk is a read of its own and the
      // machine is not fully loaded. Rounds are longer, because CPU time is counted in steps of 10 ms.
      const job = { ...TARGET, body, concurrency: 80, seconds: 2 * seconds };
      const costs = await race({ load, bare, optigate, job, rounds, unitsIn: ({ chunks }) => chunks });
      const name = 'SSE, per chunk (100 in a stream)';
      return [{ name, unit: 'µs CPU/chunk', ...costs, figureUnit: '×', budget: 1.1, stretch: 1 }];
    } finally {
      await optigate.stop();
    }
  },
};
