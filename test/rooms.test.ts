/** The ground plan of `core/`: who may import whom, and that the linter says so. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { arrowsOf, fileCircle, forbiddenAmong, isRoomRule, lintOverrides, ROOMS, type Room } from '../scripts/rooms.ts';
import { circleIn, importsOf } from '../scripts/imports.ts';
import { tempFolder } from './support/temp-folder.ts';

const LINT_FILE = fileURLToPath(new URL('../.oxlintrc.json', import.meta.url));
const LINTER = fileURLToPath(new URL('../node_modules/.bin/oxlint', import.meta.url));
const rooms = Object.keys(ROOMS) as Room[];

test('every import goes to a room below, and none goes in a circle', () => {
  const arrows = arrowsOf();
  expect(arrows.length).toBeGreaterThan(300);
  expect(forbiddenAmong(arrows)).toEqual([]);
  expect(fileCircle(arrows)).toBeUndefined();
});

test('the order itself goes one way', () => {
  const arrows = rooms.flatMap((room) => ROOMS[room].map((to) => [room, to] as const));
  expect(circleIn(arrows)).toBeUndefined();
});

test('imports of all kinds count, and circles over several files are found', () => {
  const text = `import type { A } from './a.ts';\nimport {\n  b,\n} from './b.ts';\nexport * from './c.ts';\nconst d = await import('./d.ts');`;
  expect(importsOf(text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts']);
  const arrows = [['a', 'b'], ['b', 'c'], ['a', 'c'], ['c', 'a']] as const; // prettier-ignore
  expect(circleIn(arrows)).toEqual(['a', 'b', 'c', 'a']);
});

test('the linter has the rules of the rooms', async () => {
  const { overrides } = JSON.parse(await readFile(LINT_FILE, 'utf8')) as { overrides: { files: string[] }[] };
  expect(overrides.filter(({ files }) => isRoomRule(files))).toEqual(lintOverrides());
});

test('the linter refuses an import that goes up, and takes one that goes down, from every room', async () => {
  const files = new Map<string, string>();
  for (const room of rooms) {
    const allowed: readonly string[] = ROOMS[room];
    const upper = rooms.filter((other) => other !== room && other !== 'ground' && !allowed.includes(other));
    for (const depth of room === 'ground' || room === 'errors' || room === 'index' ? [0] : [1, 2]) {
      const prefix = ['./', '../', '../../'][depth];
      const folder = ['core/', `core/${room}/`, `core/${room}/inner/`][depth];
      const lines = (targets: readonly string[]) =>
        targets.map((target, k) => `import { x as x${k} } from '${prefix}${target}';\nexport { x${k} };\n`).join('');
      const name = (kind: string) =>
        depth === 0 ? `core/${room === 'ground' ? 'clock' : room}.ts` : `${folder}${kind}.ts`;
      for (const other of upper)
        files.set(`${other}/${depth}/${name(`up-to-${other}`)}`, lines([`${other}/planted.ts`]));
      files.set(`down/${depth}/${name('down')}`, lines(['clock.ts', ...allowed.map((to) => placeIn(to))]));
    }
  }
  const config = await readFile(LINT_FILE, 'utf8');
  // A folder of its own for each target: root files have one name only.
  const groups = new Set([...files.keys()].map((path) => path.split('/').slice(0, 2).join('/')));
  await using folder = await tempFolder({
    ...Object.fromEntries(files),
    ...Object.fromEntries([...groups].map((group) => [`${group}/.oxlintrc.json`, config])),
  });
  const refused = new Set<string>();
  await Promise.all(
    [...groups].map(async (group) => {
      for (const file of await restricted(`${folder.path}/${group}`)) refused.add(`${group}/${file}`);
    }),
  );
  const planted = [...files.keys()].filter((path) => !path.startsWith('down/'));
  expect([...refused].toSorted()).toEqual(planted.toSorted());
}, 60_000);

function placeIn(room: string): string {
  return room === 'errors' ? 'errors.ts' : `${room}/planted.ts`;
}

/** The files in which the linter refuses an import. */
function restricted(cwd: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    execFile(LINTER, ['--format=unix', 'core'], { cwd, maxBuffer: 16 * 1024 * 1024 }, (error, stdout) => {
      if (error && stdout === '') reject(error);
      else resolve([...stdout.matchAll(/^(core\/[^:]+):.*no-restricted-imports/gm)].map(([, file = '']) => file));
    });
  });
}
