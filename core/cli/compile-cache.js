// Plain JavaScript, since it runs before anything else is loaded.
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/**
 * The folder for compiled code: `optigate` in the user's own cache, made if it is missing. Code in it is run without
 * being checked, so it has to be a folder of this user's with mode 0700, and nobody but this user and root may be able
 * to put another in its place. Undefined if it is not so: then nothing is kept.
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @param {number} [user]  Whose folder it must be. Default: the user that runs this process.
 * @returns {string | undefined}
 */
export function compileCacheFolder(environment, user = process.getuid?.()) {
  try {
    const cache = environment['XDG_CACHE_HOME'];
    const base = cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), '.cache');
    mkdirSync(base, { recursive: true, mode: 0o700 });
    const folder = join(realpathSync(base), 'optigate');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isPrivate(folder, user) ? folder : undefined;
  } catch {
    return undefined;
  }
}

const STICKY = 0o1000;

/**
 * @param {string} folder
 * @param {number | undefined} user
 */
function isPrivate(folder, user) {
  // Windows has neither owners nor modes here: a user's folders are closed to others.
  if (user === undefined) return true;
  const { uid, mode } = lstatSync(folder);
  if (!lstatSync(folder).isDirectory() || uid !== user || (mode & 0o077) !== 0) return false;
  for (let path = dirname(folder); ; path = dirname(path)) {
    const above = lstatSync(path);
    const isOpen = (above.mode & 0o022) !== 0 && (above.mode & STICKY) === 0;
    if (isOpen || (above.uid !== user && above.uid !== 0)) return false;
    if (path === dirname(path)) return true;
  }
}
