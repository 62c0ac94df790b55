import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.ts';

// Each test file is a process that loads the sources anew: compiled once, they load in half the time. Not for coverage,
// which code from a cache makes less precise.
if (!process.argv.includes('--coverage')) process.env['NODE_COMPILE_CACHE'] ??= resolve('node_modules/.cache/tests');

const GLOBAL_SETUP = './test/support/global-setup.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // vitest leaves one core free by default, which on small machines is half of them.
    maxWorkers: availableParallelism(),
    // Node runs the source itself, as it does in production: one instance of core for plugins in node_modules, too.
    experimental: { viteModuleRunner: false },
    globalSetup: existsSync(GLOBAL_SETUP) ? [GLOBAL_SETUP] : [],
    reporters: ['default', new SummaryReporter()],
    testTimeout: 15_000,
  },
});
