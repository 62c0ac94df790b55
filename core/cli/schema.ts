import { configSchema } from '../config/json-schema.ts';
import { allPlugins } from './listing.ts';

/** Prints the JSON Schema of the file, the listed custom plugins' options included. */
export async function printSchema(options: { path: string | undefined }): Promise<number> {
  console.log(JSON.stringify(configSchema(await allPlugins(options.path)), null, 2));
  return 0;
}
