import type { Config } from './config.ts';
import { ConfigFile } from './file.ts';
import { ConfigError, printPath, type Path } from './problems.ts';
import { FILE_NAME, nameOf } from './source.ts';

/**
 * The error for a value that turned out to be wrong when the pipeline was built or started. It names the value's place
 * in the file, or the flag or variable that the value came from. The exit code is 1: the value itself is well formed.
 * @param path  Empty = the file as a whole.
 */
export function blame(config: Config, path: Path, message: string, cause: unknown): ConfigError {
  const name = config.path === undefined ? `the built-in ${FILE_NAME}` : nameOf(config.path, process.cwd());
  const origin = config.origins[printPath(path)];
  if (path.length === 0) return new ConfigError(name, [{ path, message }], { cause });
  const at = new ConfigFile(name, config.text, {}).positionOf(path);
  return new ConfigError(name, [{ path, message, at, ...(origin === undefined ? {} : { origin }) }], {
    cause,
    exitCode: 1,
  });
}
