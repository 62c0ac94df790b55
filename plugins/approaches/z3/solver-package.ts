/** The optional package that the solver comes from. */
import { createRequire } from 'node:module';

/** The command that installs the version this plugin is tested with. */
export const INSTALL = 'npm install z3-solver@5.2.0';

/** The path of the solver's module; undefined if the package is not installed. */
export function findSolver(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('z3-solver/build/z3-built.js');
  } catch {
    return undefined;
  }
}
