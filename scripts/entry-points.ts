/** Prints the lists in docs/plugins.md of what plugins can import: one line for each name, from its docstring. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const ENTRY_POINTS = [
  ['optigate', 'core/index.ts'],
  ['optigate/approach', 'core/approach/index.ts'],
] as const;

/** The lines of the page between which the lists are written. */
export const BEGIN = '<!-- entry points: written by `npm run docs` from the sources, do not edit -->';
export const END = '<!-- end of entry points -->';

interface Name {
  readonly name: string;
  readonly kind: string;
  /** The first sentence of its docstring; empty if it has none. */
  readonly sentence: string;
}

export async function printEntryPoints(): Promise<string> {
  const parts = await Promise.all(
    ENTRY_POINTS.map(async ([name, file]) => [`### \`${name}\``, ...(await printEntryPoint(file))].join('\n\n')),
  );
  return [BEGIN, ...parts, END].join('\n\n');
}

/** The page with its lists brought up to date. Throws if it does not have the two lines. */
export async function withEntryPoints(page: string): Promise<string> {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the page needs the lines '${BEGIN}' and '${END}'`);
  return page.slice(0, from) + (await printEntryPoints()) + page.slice(to + END.length);
}

/** The names that an entry point exports, under the comments that head its groups of exports. */
async function printEntryPoint(file: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  const groups: { readonly title: string; readonly names: Name[] }[] = [{ title: '', names: [] }];
  for (const [, comment, list, from = ''] of text.matchAll(
    /^\/\/ (.+)$|^export (?:type )?(\{[^}]*\}|\*) from '([^']+)';/gm,
  )) {
    if (comment !== undefined) groups.push({ title: comment, names: [] });
    else if (list !== undefined) groups.at(-1)?.names.push(...(await namesOf(list, from, dirname(file))));
  }
  return groups.flatMap(({ title, names }) => [
    ...(title === '' ? [] : [title]),
    ...(names.length === 0 ? [] : [names.map(printName).join('\n')]),
  ]);
}

function printName({ name, kind, sentence }: Name): string {
  return `- \`${name}\` (${kind})${sentence === '' ? '' : `: ${sentence}`}`;
}

async function namesOf(list: string, from: string, folder: string): Promise<Name[]> {
  if (!from.startsWith('.')) return exportedIn(list).map((name) => ({ name, kind: `from ${from}`, sentence: '' }));
  const text = await readFile(join(ROOT, folder, from), 'utf8');
  const names = list === '*' ? declaredIn(text) : exportedIn(list);
  return names.map((name) => describe(name, text));
}

/** `{ a, type B }` → a, B. */
function exportedIn(list: string): string[] {
  return [...list.matchAll(/(?:type\s+)?(\w+)/g)].map(([, name = '']) => name);
}

function declaredIn(text: string): string[] {
  return [...text.matchAll(/^export (?:interface|type|class|const|function) (\w+)/gm)].map(([, name = '']) => name);
}

function describe(name: string, text: string): Name {
  const declaration = new RegExp(
    String.raw`(?:/\*\*((?:[^*]|\*(?!/))*)\*/\n)?export (?:async )?(function\*?|class|const|interface|type) ${name}\b`,
  );
  const [, docstring = '', kind = 'value'] = declaration.exec(text) ?? [];
  return { name, kind: KINDS[kind] ?? kind, sentence: firstSentence(docstring) };
}

const KINDS: Readonly<Record<string, string>> = {
  'function*': 'function',
  const: 'value',
  interface: 'type',
};

function firstSentence(docstring: string): string {
  const text = docstring
    .replaceAll(/^\s*\* ?/gm, '')
    .split(/^@|\n\n/m)[0]
    ?.replaceAll(/\s+/g, ' ')
    .trim();
  return /^.*?[.?!](?=\s|$)/.exec(text ?? '')?.[0] ?? text ?? '';
}
