import { expect, test } from 'vitest';
import { definePlugin } from '../../../core/index.ts';
import { listBuiltIns, loadBuiltIn, loadListed } from '../../../core/plugin/load-plugin.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const PLUGIN = `definePlugin({ name: 'own', description: String(globalThis.Object.is(definePlugin, globalThis.__expected)), apply() {} })`;
const ESM = `import { definePlugin } from 'optigate';\nexport default ${PLUGIN};`;
const CJS = `const { definePlugin } = require('optigate');\nmodule.exports = ${PLUGIN};`;
const COMPILED_CJS = `Object.defineProperty(exports, '__esModule', { value: true });\nconst { definePlugin } = require('optigate');\nexports.default = ${PLUGIN};`;
const TYPESCRIPT = `import { definePlugin, type Plugin } from 'optigate';\nconst plugin: Plugin = ${PLUGIN};\nexport default plugin;`;

// Read by the plugins below: is the `optigate` they import this very program?
Object.assign(globalThis, { __expected: definePlugin });

async function loadFrom(files: Readonly<Record<string, string>>, listed: string, version?: string) {
  await using folder = await tempFolder(files);
  return await loadListed(listed, await listBuiltIns(), {
    folder: folder.path,
    ...(version === undefined ? {} : { version }),
  });
}

/** A package whose own node_modules hold another optigate. */
const inPackage = (
  name: string,
  entry: string,
  text: string,
  manifest: object = { type: 'module', exports: { import: `./${entry}` } },
) => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, ...manifest }),
  [`node_modules/${name}/${entry}`]: text,
  'node_modules/optigate/package.json': JSON.stringify({ name: 'optigate', type: 'module', exports: './index.js' }),
  'node_modules/optigate/index.js': 'export const definePlugin = () => { throw new Error("the wrong optigate"); };',
});

test.each([
  ['TypeScript', { 'own.ts': TYPESCRIPT }, './own.ts'],
  ['JavaScript', { 'own.js': ESM }, './own.js'],
  ['.mjs', { 'own.mjs': ESM }, './own.mjs'],
  ['.mts', { 'own.mts': TYPESCRIPT }, './own.mts'],
  ['.cjs', { 'own.cjs': CJS }, './own.cjs'],
  ['compiled CommonJS', { 'own.cjs': COMPILED_CJS }, './own.cjs'],
  ['a folder below', { 'plugins/own.ts': TYPESCRIPT }, './plugins/own.ts'],
  ['a helper that imports', { 'own.js': `export { default } from './helper.js';`, 'helper.js': ESM }, './own.js'],
  ['a package for import only', inPackage('own-plugin', 'i.js', ESM), 'own-plugin'],
  ['a package with a scope', inPackage('@me/own', 'i.js', ESM), '@me/own'],
  ['a package in CommonJS', inPackage('own-plugin', 'i.js', CJS, { main: 'i.js' }), 'own-plugin'],
  ['a part of a package', inPackage('own-plugin', 'i.js', ESM, { type: 'module' }), 'own-plugin/i.js'],
])('loads %s, and optigate in it is the running program', async (_case, files, listed) => {
  const { record, file } = await loadFrom(files, listed);
  expect(record).toMatchObject({ name: 'own', description: 'true' });
  expect(file).toMatch(/\.[cm]?[jt]s$/);
});

test('an absolute path and a file URL are paths, too', async () => {
  await using folder = await tempFolder({ 'own.js': ESM });
  const builtIns = await listBuiltIns();
  const file = `${folder.path}/own.js`;
  for (const listed of [file, `file://${file}`]) {
    expect(await loadListed(listed, builtIns, { folder: '/' })).toMatchObject({ file });
  }
});

test('built-in plugins are found without being imported, by file and by folder', async () => {
  const builtIns = await listBuiltIns();
  expect(builtIns.get('retry')).toMatchObject({ group: 'gateway' });
  expect(builtIns.get('demo')).toMatchObject({ group: 'providers' });
  expect([...builtIns.keys()]).toEqual([...builtIns.keys()].toSorted());
  expect(builtIns.get('index')).toBeUndefined();
});

test('every built-in plugin is named by its file', async () => {
  for (const builtIn of (await listBuiltIns()).values()) {
    expect(await loadBuiltIn(builtIn)).toMatchObject({ record: { name: builtIn.name }, file: undefined });
  }
});

test.each([
  ['a mistyped name', {}, 'retyr', "no plugin 'retyr', did you mean 'retry'?"],
  ['an unknown name', {}, 'nothing-like-it', "no plugin 'nothing-like-it': not a built-in one (anthropic, auth"],
  ['an unknown package', {}, '@me/nix', 'no package that'],
  ['a path without ./', { 'own.ts': TYPESCRIPT }, 'own.ts', "for the file of that name write './own.ts'"],
  ['a path that is not there', {}, './nix.ts', 'there is no file'],
  ['a folder', { 'own/index.ts': TYPESCRIPT }, './own', 'there is no file'],
  ['a module of Node', {}, 'fs', "'fs' is a part of Node.js"],
  ['no default export', { 'own.js': 'export const a = 1;' }, './own.js', 'own.js has no default export; a plugin is'],
  [
    'another default export',
    { 'own.js': 'export default { name: "own", apply() {} };' },
    './own.js',
    'that definePlugin did not make',
  ],
  [
    'a wrong definition',
    { 'own.js': `import { definePlugin } from 'optigate'; export default definePlugin({ name: 'own' });` },
    './own.js',
    "'own' needs a 'description'",
  ],
  ['a throw', { 'own.js': 'throw new Error("no database");' }, './own.js', 'own.js does not load: no database'],
  ['a syntax error', { 'own.js': 'export default {' }, './own.js', 'SyntaxError'],
  ['a missing import', { 'own.js': 'import "./nix.js";' }, './own.js', 'Cannot find module'],
  [
    'an enum',
    { 'own.ts': `enum A { B }\n${ESM}` },
    './own.ts',
    'enums, namespaces and parameter properties cannot be stripped',
  ],
  [
    'a type imported as a value',
    { 'own.ts': `import { definePlugin, Layer } from 'optigate';\nexport default ${PLUGIN};` },
    './own.ts',
    'write `import { type Layer }`',
  ],
  [
    'an import from the wrong door',
    { 'own.js': `import { definePlugin, scoreOf } from 'optigate';\nexport default ${PLUGIN};` },
    './own.js',
    "'scoreOf' is exported by 'optigate/approach', not by 'optigate': write `import { scoreOf } from 'optigate/approach'`",
  ],
  [
    'an import from the wrong door, the other way round',
    { 'own.js': `import { definePlugin } from 'optigate/approach';\nexport default ${PLUGIN};` },
    './own.js',
    "'definePlugin' is exported by 'optigate', not by 'optigate/approach'",
  ],
  [
    'TypeScript in a package',
    inPackage('own-plugin', 'i.ts', TYPESCRIPT),
    'own-plugin',
    'TypeScript inside node_modules is not run',
  ],
])('says what is wrong with %s', async (_case, files, listed, message) => {
  await expect(loadFrom(files, listed)).rejects.toThrow(message);
});

test('under a new version a plugin loads anew, its helpers too', async () => {
  const text = (name: string) => `import { definePlugin } from 'optigate';\nexport const name = '${name}';`;
  await using folder = await tempFolder({
    'own.js': `import { definePlugin } from 'optigate';\nimport { name } from './helper.js';\nexport default definePlugin({ name, description: 'x', apply() {} });`,
    'helper.js': text('first'),
  });
  const builtIns = await listBuiltIns();
  const nameUnder = async (version?: string) =>
    (await loadListed('./own.js', builtIns, { folder: folder.path, ...(version === undefined ? {} : { version }) }))
      .record.name;
  expect(await nameUnder()).toBe('first');
  await folder.write('helper.js', text('second'));
  expect(await nameUnder()).toBe('first');
  expect(await nameUnder('2')).toBe('second');
});
