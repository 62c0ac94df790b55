import type { Config } from './config.ts';
import { ConfigFile } from './file.ts';
import { ConfigError, printPath, type Path } from './problems.ts';
import { FILE_NAME, nameOf } from './source.ts';

/**
 * The error of a configuration that only showed when the pipeline was built: at its place in the file, or by the flag or
 * variable it came from, which is well formed: a failed start, no bad usage. An empty path blames the file as a whole.
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
