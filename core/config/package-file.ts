import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The absolute path of a file below the package's root, whether this runs from source or from `dist`. */
export function packageFile(name: string): string {
  const fromSource = new URL('../../', import.meta.url);
  const root = existsSync(new URL('package.json', fromSource)) ? fromSource : new URL('../../../', import.meta.url);
  return fileURLToPath(new URL(name, root));
}
