import { checkBySchema, type Checked, type Finding } from './check.ts';
import type { Draft } from './draft.ts';
import type { ConfigFile } from './file.ts';
import type { Path, Problem } from './problems.ts';
import type { z } from 'zod';

/** Gathers everything that is wrong, so that all of it is told at once. */
export class Collector {
  readonly #file: ConfigFile;
  readonly #draft: Draft;
  readonly #findings: Finding[] = [];

  constructor(file: ConfigFile, draft: Draft) {
    this.#file = file;
    this.#draft = draft;
  }

  add(path: Path, message: string, { isKey = false }: { isKey?: boolean } = {}): void {
    this.#findings.push({ path, message, isKey });
  }

  /** The value as the schema makes it, or undefined with its problems noted. */
  check<S extends z.ZodType>(
    schema: S,
    value: unknown,
    path: Path,
    alsoKnown: readonly string[] = [],
  ): z.output<S> | undefined {
    const checked: Checked<z.output<S>> = checkBySchema(schema, value, {
      alsoKnown,
      isText: (inner) => this.isText([...path, ...inner]),
    });
    if ('data' in checked) return checked.data;
    for (const finding of checked.findings) this.#findings.push({ ...finding, path: [...path, ...finding.path] });
    return undefined;
  }

  isText(path: Path): boolean {
    return this.#draft.originOf(path) !== undefined || this.#file.variablesAt(path).length > 0;
  }

  get problems(): readonly Problem[] {
    return this.#findings.map(({ path, message, isKey = false, isMissing = false }) => {
      const origin = this.#draft.originOf(path);
      const unset = isMissing ? this.#file.variablesAt(path) : [];
      return {
        path,
        message: unset.length > 0 ? `${message}: ${unset.join(', ')} is not set in the environment` : message,
        at: this.#file.positionOf(path, { ofKey: isKey }),
        ...(origin === undefined ? {} : { origin }),
      };
    });
  }
}
