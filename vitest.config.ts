import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.ts';

// `npm run coverage`: Node writes what each process ran, in test files and in the programs that they start.
const isCovering = process.env['NODE_V8_COVERAGE'] !== undefined;

// Workers, and the programs that tests start, load the sources anew: compiled once, they load in half the time. Not for
// coverage, which code from a cache makes less precise.
if (isCovering) delete process.env['NODE_COMPILE_CACHE'];
else process.env['NODE_COMPILE_CACHE'] ??= resolve('node_modules/.cache/tests');

const GLOBAL_SETUP = './test/support/global-setup.ts';

/** They add time to a measured run, and no line that the others leave out. */
const SLOW = ['test/e2e/real-model.test.ts', 'test/plugins/approaches/accuracy.test.ts'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/clients/**', ...(isCovering ? SLOW : [])],
    pool: 'forks',
    // A worker runs many files, and loads the sources once. For coverage each file has its own, so that the files are also
    // run without what others left behind.
    isolate: isCovering,
    // vitest leaves one core free by default, which on small machines is half of them.
    maxWorkers: availableParallelism(),
    // Node runs the source itself, as it does in production: one instance of core for plugins in node_modules, too.
    experimental: { viteModuleRunner: false },
    globalSetup: existsSync(GLOBAL_SETUP) ? [GLOBAL_SETUP] : [],
    setupFiles: isCovering ? ['./test/support/take-coverage.ts'] : [],
    reporters: ['default', new SummaryReporter()],
    // Long: a busy machine, or one that measures coverage, is not a failure.
    testTimeout: isCovering ? 120_000 : 30_000,
    expect: { poll: { timeout: isCovering ? 60_000 : 10_000 } },
  },
});
