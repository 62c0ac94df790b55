import { chmod, lstat, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../../support/cli.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const MODULE = new URL('../../../core/cli/compile-cache.js', import.meta.url).href;
const { compileCacheFolder } = (await import(MODULE)) as {
  compileCacheFolder: (environment: Readonly<Record<string, string>>, user?: number) => string | undefined;
};

const user = process.getuid?.() ?? 0;

test('compiled code is kept in a folder of the user alone, in its cache', async () => {
  await using home = await tempFolder();
  const XDG_CACHE_HOME = join(home.path, 'cache');
  expect(compileCacheFolder({ XDG_CACHE_HOME })).toBe(join(XDG_CACHE_HOME, 'optigate'));
  expect((await lstat(join(XDG_CACHE_HOME, 'optigate'))).mode & 0o777).toBe(0o700);
  // The next start takes the same.
  expect(compileCacheFolder({ XDG_CACHE_HOME })).toBe(join(XDG_CACHE_HOME, 'optigate'));
});

test.each<[string, (folder: string) => Promise<unknown>]>([
  ['others may write to', (folder) => mkdir(folder).then(() => chmod(folder, 0o777))],
  ['others may read', (folder) => mkdir(folder).then(() => chmod(folder, 0o755))],
  ['is a link', (folder) => mkdir(`${folder}-else`, { mode: 0o700 }).then(() => symlink(`${folder}-else`, folder))],
  ['others may replace', (folder) => mkdir(folder, { mode: 0o700 }).then(() => chmod(join(folder, '..'), 0o777))],
])('nothing is kept in a folder that %s', async (_, prepare) => {
  await using cache = await tempFolder();
  await prepare(join(cache.path, 'optigate'));
  expect(compileCacheFolder({ XDG_CACHE_HOME: cache.path })).toBeUndefined();
});

test('nothing is kept in a folder of another user, nor where none can be made', async () => {
  await using cache = await tempFolder({ file: '' });
  expect(compileCacheFolder({ XDG_CACHE_HOME: cache.path }, user + 1)).toBeUndefined();
  expect(compileCacheFolder({ XDG_CACHE_HOME: join(cache.path, 'file') })).toBeUndefined();
});

// Where coverage is measured, programs run without such a cache.
test.skipIf(process.env['NODE_V8_COVERAGE'] !== undefined)(
  'the program keeps its code there, and nothing in the temporary folder',
  async () => {
    await using cache = await tempFolder();
    await using temporary = await tempFolder();
    const env = { XDG_CACHE_HOME: cache.path, TMPDIR: temporary.path };
    await cli(['--version'], { cwd: '/', env });
    expect(await readdir(join(cache.path, 'optigate'))).not.toEqual([]);
    expect(await readdir(temporary.path)).toEqual([]);
  },
);
