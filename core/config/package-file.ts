import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of a file at the package's root, from source as well as from `dist`. */
export function packageFile(name: string): string {
  const fromSource = new URL('../../', import.meta.url);
  const root = existsSync(new URL('package.json', fromSource)) ? fromSource : new URL('../../../', import.meta.url);
  return fileURLToPath(new URL(name, root));
}
