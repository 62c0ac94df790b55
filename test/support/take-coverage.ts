/** Writes what a test file ran to where NODE_V8_COVERAGE points: vitest ends its workers before Node would do it. */
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

afterAll(() => takeCoverage());
