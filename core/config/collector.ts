import type { z } from 'zod';
import { checkBySchema, type Checked, type Finding } from './check.ts';
import type { Draft } from './draft.ts';
import type { ConfigFile } from './file.ts';
import type { Path, Problem } from './problems.ts';

/** Collects all problems of a configuration, so that one error can list them. */
export class Collector {
  readonly #file: ConfigFile;
  readonly #draft: Draft;
  readonly #findings: Finding[] = [];

  constructor(file: ConfigFile, draft: Draft) {
    this.#file = file;
    this.#draft = draft;
  }

  /** @param isKey  The key is wrong, not its value. */
  add(path: Path, message: string, { isKey = false }: { isKey?: boolean } = {}): void {
    this.#findings.push({ path, message, isKey });
  }

  /**
   * The value with the schema's defaults and transforms applied. Undefined if it is wrong: its problems are collected.
   */
  check<S extends z.ZodType>(
    schema: S,
    value: unknown,
    path: Path,
    alsoKnown: readonly string[] = [],
  ): z.output<S> | undefined {
    const checked: Checked<z.output<S>> = checkBySchema(schema, value, {
      alsoKnown,
      isText: (inner) => this.isText([...path, ...inner]),
      isHidden: (inner) => this.isHidden([...path, ...inner]),
    });
    if ('data' in checked) return checked.data;
    for (const finding of checked.findings) this.#findings.push({ ...finding, path: [...path, ...finding.path] });
    return undefined;
  }

  /** Does the value at this path come from a flag, or from an environment variable? */
  isText(path: Path): boolean {
    return this.#draft.originOf(path) !== undefined || this.#file.variablesAt(path).length > 0;
  }

  /** Does the value at this path come from an environment variable? A flag's value stands on the command line anyway. */
  isHidden(path: Path): boolean {
    const origin = this.#draft.originOf(path);
    return (origin !== undefined && !origin.startsWith('--')) || this.#file.variablesAt(path).length > 0;
  }

  /** The problems with their places in the file, and the variables that are not set. */
  get problems(): readonly Problem[] {
    return this.#findings.map(({ path, message, isKey = false, isMissing = false }) => {
      const origin = this.#draft.originOf(path);
      const unset = isMissing ? this.#file.variablesAt(path) : [];
      return {
        path,
        message: this.#file.withoutValues(
          unset.length > 0 ? `${message}: ${unset.join(', ')} is not set in the environment` : message,
        ),
        at: this.#file.positionOf(path, { ofKey: isKey }),
        ...(origin === undefined ? {} : { origin }),
      };
    });
  }
}
