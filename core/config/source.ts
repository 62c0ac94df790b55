import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Environment } from './environment.ts';
import { packageFile } from './package-file.ts';
import { ConfigError } from './problems.ts';

/** Where the configuration comes from. */
export interface ConfigSource {
  /** Absolute; undefined = the built-in default. */
  readonly path: string | undefined;
  readonly text: string;
  /** The name that messages show: relative to the working directory if the file is in it. */
  readonly name: string;
  /** The folder that paths in the file are relative to. */
  readonly folder: string;
}

/** The file's usual name. */
export const FILE_NAME = 'config.yaml';

/**
 * Reads the file that `path` or `OPTIGATE_CONFIG` names, else `./config.yaml`, else the one that ships with the
 * program. Throws a `ConfigError` if a file is named, or there, and cannot be read.
 * @param options.text  Replaces the file's text.
 */
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

/** The text of the file that ships with the program. */
export async function defaultText(): Promise<string> {
  return readFile(packageFile(FILE_NAME), 'utf8');
}

/** A file's name for messages: relative to `cwd` if it is in that folder, else absolute. */
export function nameOf(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

/** Why a file could not be read, in words. */
export function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder, not a file';
  if (code === 'EACCES') return 'it may not be read';
  return error instanceof Error ? error.message : String(error);
}
