import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFile } from '../config/package-file.ts';
import { defaultText, FILE_NAME } from '../config/source.ts';

const SCHEMA = 'core/config/config.schema.json';

/**
 * `optigate init`: writes the shipped configuration to `folder`. Resolves to exit code 1 if a file is there already.
 */
export async function initCommand(folder: string): Promise<number> {
  const text = (await defaultText()).replace(`$schema=./${SCHEMA}`, () => `$schema=${schemaFrom(folder)}`);
  try {
    await writeFile(join(folder, FILE_NAME), text, { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    console.error(`optigate: there is a ${FILE_NAME} here already, it is left as it is`);
    return 1;
  }
  console.log(`Wrote ${FILE_NAME}. Next: optigate check, then optigate serve.`);
  return 0;
}

/** The path by which an editor finds the schema from a file in `folder`. */
function schemaFrom(folder: string): string {
  for (const place of [`./${SCHEMA}`, `./node_modules/optigate/${SCHEMA}`])
    if (existsSync(join(folder, place))) return place;
  return packageFile(SCHEMA);
}
