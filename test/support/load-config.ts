import { loadConfig, type LoadConfigOptions } from '../../core/config/load.ts';
import { ConfigError } from '../../core/config/problems.ts';
import { tempFolder } from './temp-folder.ts';

export interface Sources extends Pick<LoadConfigOptions, 'flags' | 'env'> {
  /** Beside config.yaml. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads a configuration text from a folder of its own, in an environment of its own. */
export async function configOf(text: string, { flags = {}, env = {}, files = {} }: Sources = {}) {
  await using folder = await tempFolder({ ...files, 'config.yaml': text });
  return await loadConfig({ cwd: folder.path, flags, env });
}

/** What is wrong with a configuration text: one line per problem. Fails where nothing is. */
export async function problemsOf(text: string, sources: Sources = {}): Promise<string[]> {
  const error = await failureOf(text, sources);
  const lines = error.message.split('\n').map((line) => line.trim());
  return lines.length === 1 ? lines : lines.slice(1);
}

export async function failureOf(text: string, sources: Sources = {}): Promise<ConfigError> {
  try {
    await configOf(text, sources);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
