/**
 * `npm run schema`: writes the JSON schema of the configuration file with all built-in plugins, for editors and the
 * package.
 */
import { writeFile } from 'node:fs/promises';
import { builtInPlugins, configSchema } from '../core/config/json-schema.ts';

const schema = configSchema(await builtInPlugins());
await writeFile(new URL('../core/config/config.schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
