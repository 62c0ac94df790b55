/** `npm run docs`: writes the generated parts of the documentation. */
import { readFile, writeFile } from 'node:fs/promises';
import { withEntryPoints } from './entry-points.ts';
import { printReference } from './reference.ts';

const docs = (name: string) => new URL(`../docs/${name}`, import.meta.url);

await writeFile(docs('reference.md'), await printReference());
await writeFile(docs('plugins.md'), await withEntryPoints(await readFile(docs('plugins.md'), 'utf8')));
