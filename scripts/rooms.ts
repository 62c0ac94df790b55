/**
 * `npm run rooms` prints which folder of `core/` imports which. A room is a folder with its files, or a file at the
 * root; an arrow is an import. Arrows may only go down, to rooms listed earlier in `ROOMS`. Exits with 1 if one goes
 * up, or if some go in a circle. The linter refuses the same arrows; `npm run rooms -- --lint` writes its rules from
 * this order.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { circleIn, importsOf } from './imports.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINT_FILE = '.oxlintrc.json';

/** Files at the root of `core/` that import no other file of `core/`, so that every room may import them. */
const GROUND = ['clock', 'echoed', 'kept', 'nearest', 'signals', 'units', 'wildcard'];

/** Files at the root of `core/` that form one room with the folder of the same name. */
const FACES = ['hooks', 'gateway'];

/** Each room, lowest first, with the rooms that it may import beside itself. All may import `ground`. */
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
  plan: ['bytes', 'errors', 'wire', 'exchange', 'upstream', 'approach', 'plugin', 'config', 'run'],
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
  cli: ['bytes', 'errors', 'exchange', 'plugin', 'config', 'gateway', 'server', 'process'],
  /** What plugins import: it exports from every room that they may use. */
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

/** The room of a file, whose path is relative to `core/`. Throws if it is in none. */
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

/** The arrows that are not allowed. */
export function forbiddenAmong(arrows: readonly Arrow[]): Arrow[] {
  return arrows.filter(({ fromRoom, toRoom }) => !mayImport(fromRoom, toRoom));
}

/** Files that import each other, directly or through others; undefined if there are none. */
export function fileCircle(arrows: readonly Arrow[]): readonly string[] | undefined {
  return circleIn(arrows.map(({ from, to }) => [from, to]));
}

function mayImport(from: Room, to: Room): boolean {
  if (from === to || to === 'ground') return true;
  const allowed: readonly string[] = ROOMS[from];
  return allowed.includes(to);
}

/** The linter's rules for the files of each room. */
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

/** Patterns of what a room may import, to be excepted from a pattern that forbids everything below `up`. */
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

/** Prints each override on one line; otherwise the rules of the rooms would take a thousand lines. */
function printLintConfig({ overrides, ...rest }: LintConfig): string {
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/, '');
  const lines = overrides.map((override) => `    ${JSON.stringify(override)}`);
  return `${head},\n  "overrides": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Is an override for these files one that `lintOverrides` writes? */
export function isRoomRule(files: readonly string[]): boolean {
  return files.every((file) => file.startsWith('core/')) && !files.includes('core/cli/**');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main(process.argv.slice(2));
