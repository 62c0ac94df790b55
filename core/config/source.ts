import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { packageFile } from './package-file.ts';
import type { Environment } from './environment.ts';
import { ConfigError } from './problems.ts';

/** Where the configuration comes from. */
export interface ConfigSource {
  /** Absolute; undefined = the built-in default. */
  readonly path: string | undefined;
  readonly text: string;
  /** As messages name it: relative to the working directory where it lies below. */
  readonly name: string;
  /** What paths in it are relative to. */
  readonly folder: string;
}

export const FILE_NAME = 'config.yaml';

/** The file named by `path` or `OPTIGATE_CONFIG`, else `./config.yaml`, else the one that ships with the program. */
export async function findSource(
  options: { readonly path?: string | undefined; readonly text?: string | undefined },
  environment: Environment,
  cwd: string,
): Promise<ConfigSource> {
  const named = options.path ?? (environment['OPTIGATE_CONFIG'] || undefined);
  const path = resolve(cwd, named ?? FILE_NAME);
  const name = nameOf(path, cwd);
  if (options.text !== undefined && named !== undefined) {
    return { path, text: options.text, name, folder: dirname(path) };
  }
  if (options.text !== undefined) return { path: undefined, text: options.text, name: FILE_NAME, folder: cwd };
  try {
    return { path, text: await readFile(path, 'utf8'), name, folder: dirname(path) };
  } catch (error) {
    const reason = readFailure(error);
    if (named !== undefined || reason !== 'there is no such file') {
      throw new ConfigError(name, [{ path: [], message: reason }], { cause: error });
    }
  }
  return { path: undefined, text: await defaultText(), name: `the built-in ${FILE_NAME}`, folder: cwd };
}

/** The shipped file, which is also the default. */
export async function defaultText(): Promise<string> {
  return readFile(packageFile(FILE_NAME), 'utf8');
}

export function nameOf(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

export function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder, not a file';
  if (code === 'EACCES') return 'it may not be read';
  return error instanceof Error ? error.message : String(error);
}
