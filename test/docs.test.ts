/** The documentation is true where a program can tell: generated parts are current, links lead somewhere, examples load. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { withEntryPoints } from '../scripts/entry-points.ts';
import { printReference } from '../scripts/reference.ts';
import { loadConfig } from '../core/config/load.ts';
import { KINDS } from '../core/errors.ts';
import { HOOK_NAMES, STAGE } from '../core/hooks.ts';
import { buildServer } from '../core/process/build.ts';
import { tempFolder } from './support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PAGES = await Promise.all(
  [
    'README.md',
    ...(await readdir(resolve(ROOT, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ].map(async (name) => ({ name, text: await readFile(resolve(ROOT, name), 'utf8') })),
);

interface Block {
  /** `docs/plugins.md:31` */
  readonly at: string;
  readonly language: string;
  readonly text: string;
}

const BLOCKS = PAGES.flatMap(({ name, text }) =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ index, 1: language = '', 2: body = '' }): Block => ({
    at: `${name}:${text.slice(0, index).split('\n').length}`,
    language,
    text: body,
  })),
);
const PLUGINS = BLOCKS.filter(({ language, text }) => language === 'ts' && text.includes('definePlugin('));

test('the reference is what the schemas say (npm run docs)', async () => {
  expect(pageOf('docs/reference.md')).toBe(await printReference());
});

test('the entry points of plugins are listed as the sources export them (npm run docs)', async () => {
  const page = pageOf('docs/plugins.md');
  expect(page).toBe(await withEntryPoints(page));
});

test('every relative link leads to a file, and to a heading in it', () => {
  const broken = PAGES.flatMap(({ name, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].flatMap(({ 1: path = '', 2: anchor }) => {
      const file = path === '' ? resolve(ROOT, name) : resolve(ROOT, dirname(name), path);
      if (!existsSync(file)) return [`${name}: ${path}`];
      if (anchor === undefined) return [];
      return headingsOf(pageOf(relative(ROOT, file))).includes(anchor) ? [] : [`${name}: ${path}#${anchor}`];
    }),
  );
  expect(broken).toEqual([]);
});

test.each(BLOCKS.filter(({ language }) => language === 'yaml'))(
  'the configuration at $at is accepted',
  async ({ text }) => {
    // Plugins that a page shows lie beside the file, those of the repository under its root.
    await using folder = await tempFolder(pluginFiles());
    const inRoot = text.includes('./examples/');
    const env = Object.fromEntries(
      [...text.matchAll(/\$\{(\w+)/g)].map(({ 1: name = '' }) => [name, 'redis://localhost']),
    );
    const config = await loadConfig({ text, env, flags: {}, cwd: inRoot ? ROOT : folder.path });
    expect(config.warnings).toEqual([]);
  },
);

test.each(BLOCKS.filter(({ language }) => language === 'json'))('the JSON at $at is valid', ({ text }) => {
  expect(() => JSON.parse(text) as unknown).not.toThrow();
});

test.each(PLUGINS)('the plugin at $at attaches', async ({ text }) => {
  await using folder = await tempFolder({ 'own.ts': text });
  const yaml = 'upstreams: { demo: { provider: demo } }\nplugins: [./own.ts]\n';
  const config = await loadConfig({ text: yaml, env: {}, flags: {}, cwd: folder.path });

  const { gateway } = await buildServer(config, { log: pino({ level: 'silent' }), detect: false });

  const { name } = config.plugins[0]!.record;
  const { hooks, approaches } = gateway.describe();
  const attached = [...hooks.flatMap(({ taps }) => taps.map((tap) => tap.name)), ...approaches.map(({ slug }) => slug)];
  if (!text.includes('providers.add')) expect(attached).toContain(name);
  await gateway.close();
});

test('the table of errors is the program’s', () => {
  const rows = [...pageOf('docs/operating.md').matchAll(/^\| `(\w+)` \| (\d{3}) \| `(\w+)` \|/gm)];
  const documented = rows.map(([, code, status, type]) => ({ code, status: Number(status), type }));
  const own = Object.entries(KINDS).map(([code, { status, type }]) => ({ code, status, type }));
  expect(documented.toSorted(byCode)).toEqual(own.toSorted(byCode));
});

test('the table of hooks is the program’s, in its order', () => {
  const [, section = ''] = /^### Hooks$(.*?)^###? /ms.exec(pageOf('docs/plugins.md')) ?? [];
  const rows = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(rows).toEqual([...HOOK_NAMES]);
});

test('the stages are the program’s', () => {
  const text = pageOf('docs/plugins.md').replaceAll('−', '-');
  for (const [stage, value] of Object.entries(STAGE.upstream)) expect(text).toContain(`\`${stage}\` ${value}`);
});

function pageOf(name: string): string {
  return PAGES.find((page) => page.name === name)?.text ?? '';
}

/** As GitHub makes anchors: lower case, punctuation out, blanks to hyphens. */
function headingsOf(text: string): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** The plugins that pages show, under the names that their configurations list. */
function pluginFiles(): Record<string, string> {
  return Object.fromEntries(PLUGINS.map(({ text }) => [`${/(?:NAME =|name:) '(\w+)'/.exec(text)?.[1]}.ts`, text]));
}

function byCode(a: { readonly code: string | undefined }, b: { readonly code: string | undefined }): number {
  return (a.code ?? '').localeCompare(b.code ?? '');
}
