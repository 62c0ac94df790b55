/**
 * The rooms of `core/` and the arrows between them, read off the imports: `npm run rooms`. Prints who imports whom, and
 * ends with 1 where an arrow goes up or in a circle. The linter refuses the same arrows one by one: its rules are
 * written from the order here, by `npm run rooms -- --lint`.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { circleIn, importsOf } from './imports.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINT_FILE = '.oxlintrc.json';

/** Files at the root of `core/` that import nothing of ours, so that every room may use them. */
const GROUND = ['clock', 'kept', 'nearest', 'signals', 'units', 'wildcard'];

/** Root files that are the face of a folder of the same name. */
const FACES = ['hooks', 'gateway'];

/** Each room, bottom first, with the rooms whose files it may import beside its own. Ground may be used by all. */
export const ROOMS = {
  ground: [],
  bytes: [],
  errors: ['bytes'],
  wire: ['bytes', 'errors'],
  exchange: ['bytes', 'errors', 'wire'],
  hooks: ['bytes', 'errors', 'wire', 'exchange'],
  upstream: ['bytes', 'errors', 'wire', 'exchange'],
  transport: ['bytes', 'errors', 'wire', 'exchange', 'upstream'],
  sandbox: ['bytes', 'errors'],
  fetch: ['bytes', 'errors'],
  approach: ['bytes', 'errors', 'wire', 'exchange', 'upstream'],
  plugin: ['bytes', 'errors', 'wire', 'exchange', 'hooks', 'upstream', 'approach', 'fetch'],
  config: ['bytes', 'errors', 'exchange', 'plugin'],
  run: ['bytes', 'errors', 'wire', 'exchange', 'upstream', 'approach'],
  plan: ['bytes', 'errors', 'wire', 'exchange', 'upstream', 'approach', 'plugin', 'run'],
  gateway: [
    'bytes',
    'errors',
    'wire',
    'exchange',
    'hooks',
    'upstream',
    'transport',
    'fetch',
    'approach',
    'plugin',
    'config',
    'run',
    'plan',
  ],
  server: ['bytes', 'errors', 'wire', 'exchange', 'hooks', 'upstream', 'transport', 'approach', 'config', 'gateway'],
  process: ['bytes', 'errors', 'wire', 'exchange', 'config', 'gateway', 'server'],
  cli: ['bytes', 'errors', 'exchange', 'plugin', 'config', 'gateway', 'process'],
  /** What plugins import: it opens onto all that they are meant to see. */
  index: [
    'bytes',
    'errors',
    'wire',
    'exchange',
    'hooks',
    'upstream',
    'transport',
    'sandbox',
    'fetch',
    'approach',
    'plugin',
    'plan',
  ],
} as const satisfies Record<string, readonly string[]>;

export type Room = keyof typeof ROOMS;

/** The room of a file below `core/`. */
export function roomOf(file: string): Room {
  const [first = '', second] = file.split('/');
  const name = second === undefined ? first.replace(/\.[jt]s$/, '') : first;
  const room = GROUND.includes(name) && second === undefined ? 'ground' : name;
  if (!Object.hasOwn(ROOMS, room))
    throw new Error(`core/${file} stands in no room: put it into one, or name its room here`);
  return room as Room;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly fromRoom: Room;
  readonly toRoom: Room;
}

/** Every import of one file of `core/` by another, types included. */
export function arrowsOf(core = join(ROOT, 'core')): Arrow[] {
  const files = readdirSync(core, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.flatMap((from) =>
    importsOf(readFileSync(join(core, from), 'utf8'))
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => normalize(join(dirname(from), specifier)))
      .filter((to) => to.endsWith('.ts') && !to.startsWith('..'))
      .map((to) => ({ from, to, fromRoom: roomOf(from), toRoom: roomOf(to) })),
  );
}

/** Arrows that a room may not have: all that go up are among them. */
export function forbiddenAmong(arrows: readonly Arrow[]): Arrow[] {
  return arrows.filter(({ fromRoom, toRoom }) => !mayImport(fromRoom, toRoom));
}

/** Files that import each other, directly or over others. */
export function fileCircle(arrows: readonly Arrow[]): readonly string[] | undefined {
  return circleIn(arrows.map(({ from, to }) => [from, to]));
}

function mayImport(from: Room, to: Room): boolean {
  if (from === to || to === 'ground') return true;
  const allowed: readonly string[] = ROOMS[from];
  return allowed.includes(to);
}

/** The linter's rule for the files of each room. */
export function lintOverrides(): LintOverride[] {
  return (Object.keys(ROOMS) as Room[]).flatMap((room) => {
    const allowed: readonly string[] = ROOMS[room];
    const rule = (up: string, own: readonly string[]) => ({
      'no-restricted-imports': ['error', { patterns: ['**/plugins/**', `${up}/**`, ...open(up, allowed, own)] }],
    });
    const files = room === 'ground' ? GROUND.map((name) => `core/${name}.ts`) : [`core/${room}.ts`];
    const isFile = room === 'ground' || room === 'errors' || room === 'index' || FACES.includes(room);
    const isFolder = room !== 'ground' && room !== 'errors' && room !== 'index';
    const ownFolder = FACES.includes(room) ? [room] : [];
    return [
      ...(isFile ? [{ files, rules: rule('.', ownFolder) }] : []),
      ...(isFolder ? [{ files: [`core/${room}/*`], rules: rule('..', ownFolder) }] : []),
      ...(isFolder ? [{ files: [`core/${room}/*/**`], rules: rule('../..', [room]) }] : []),
    ];
  });
}

/** What a pattern that forbids everything below `up` has to leave open. */
function open(up: string, allowed: readonly string[], own: readonly string[]): string[] {
  const rooms = [...allowed, ...own].flatMap((room) => [
    ...(room === 'errors' ? [] : [`!${up}/${room}/**`]),
    ...(room === 'errors' || FACES.includes(room) ? [`!${up}/${room}.ts`] : []),
  ]);
  return [...GROUND.map((name) => `!${up}/${name}.ts`), ...rooms];
}

function print(arrows: readonly Arrow[]): string {
  const rooms = (Object.keys(ROOMS) as Room[]).toReversed();
  const lines = rooms.map((room) => {
    const own = arrows.filter(({ fromRoom, toRoom }) => fromRoom === room && toRoom !== room);
    const counts = rooms.flatMap((to) => {
      const count = own.filter(({ toRoom }) => toRoom === to).length;
      return count > 0 ? [`${to} ${count}`] : [];
    });
    return `${room.padEnd(10)} → ${counts.join(', ') || 'nothing'}`;
  });
  return lines.join('\n');
}

function main(args: readonly string[]): number {
  if (args.includes('--lint')) {
    const path = join(ROOT, LINT_FILE);
    const config = JSON.parse(readFileSync(path, 'utf8')) as LintConfig;
    const others = config.overrides.filter(({ files }) => !isRoomRule(files));
    writeFileSync(path, printLintConfig({ ...config, overrides: [...lintOverrides(), ...others] }));
    console.log(`${relative(process.cwd(), path)} has the rules of ${Object.keys(ROOMS).length} rooms`);
    return 0;
  }
  const arrows = arrowsOf();
  const forbidden = forbiddenAmong(arrows);
  const circle = fileCircle(arrows);
  console.log(print(arrows));
  for (const { from, to } of forbidden) console.log(`not allowed: core/${from} imports core/${to}`);
  console.log(circle ? `a circle: ${circle.join(' → ')}` : 'no circle');
  console.log(forbidden.length === 0 ? 'no upward arrow' : `${forbidden.length} arrows that are not allowed`);
  return circle || forbidden.length > 0 ? 1 : 0;
}

interface LintOverride {
  readonly files: readonly string[];
  readonly rules: object;
}

interface LintConfig {
  readonly overrides: readonly LintOverride[];
  readonly [key: string]: unknown;
}

/** One line for each override, or the rooms alone would fill a thousand. */
function printLintConfig({ overrides, ...rest }: LintConfig): string {
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/, '');
  const lines = overrides.map((override) => `    ${JSON.stringify(override)}`);
  return `${head},\n  "overrides": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Is this one of the rules that are written from the order of rooms? */
export function isRoomRule(files: readonly string[]): boolean {
  return files.every((file) => file.startsWith('core/')) && !files.includes('core/cli/**');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main(process.argv.slice(2));
