/** `npm run clients`: real clients of the ecosystem, unmodified. Apart from `npm test`, since they take a while. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from '../support/summary-reporter.ts';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../../', import.meta.url)),
    include: ['test/clients/**/*.test.ts'],
    pool: 'forks',
    experimental: { viteModuleRunner: false },
    reporters: ['default', new SummaryReporter()],
    // A first run fetches Python's packages.
    testTimeout: 420_000,
  },
});
