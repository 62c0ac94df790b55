import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { packageFile } from '../config/package-file.ts';
import { defaultText, FILE_NAME } from '../config/source.ts';

const SCHEMA = 'core/config/config.schema.json';

/**
 * `optigate init`: writes the shipped configuration. Resolves to exit code 1 if a file is there already, or its folder is
 * not.
 * @param place  The file (`….yaml`), or the folder in which it is called `config.yaml`.
 */
export async function initCommand(place: string): Promise<number> {
  const file = resolve(/\.ya?ml$/i.test(place) ? place : join(place, FILE_NAME));
  const shown = relative(process.cwd(), file);
  const text = (await defaultText()).replace(`$schema=./${SCHEMA}`, () => `$schema=${schemaFrom(dirname(file))}`);
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
    const isThere = code === 'EEXIST';
    console.error(
      isThere
        ? `optigate: there is a ${shown} already, it is left as it is`
        : `optigate: there is no folder ${relative(process.cwd(), dirname(file))} to write ${FILE_NAME} to`,
    );
    return 1;
  }
  const config = shown === FILE_NAME ? '' : ` --config ${shown}`;
  console.log(`Wrote ${shown}. Next: optigate check${config}, then optigate serve${config}.`);
  return 0;
}

/** The path by which an editor finds the schema from a file in `folder`. */
function schemaFrom(folder: string): string {
  for (const place of [`./${SCHEMA}`, `./node_modules/optigate/${SCHEMA}`])
    if (existsSync(join(folder, place))) return place;
  return packageFile(SCHEMA);
}
