/** `npm run docs`: writes the generated page of the documentation. */
import { writeFile } from 'node:fs/promises';
import { printReference } from './reference.ts';

await writeFile(new URL('../docs/reference.md', import.meta.url), await printReference());
