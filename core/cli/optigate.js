#!/usr/bin/env node
// Every start begins here. Plain JavaScript without static imports, so that an old Node prints a sentence instead of a
// syntax error. Runs main.ts in a checkout, main.js in the package.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `optigate needs Node.js 22.19 or newer, this is ${process.version}. In a checkout, npm ci brings one along (without --ignore-scripts, NODE_ENV=production or --omit=dev).`,
  );
  process.exitCode = 1;
} else {
  const [{ existsSync }, { enableCompileCache }] = await Promise.all([import('node:fs'), import('node:module')]);
  // Keeps compiled and type-stripped code: a start takes about 0.25 s instead of 0.4. Never in a shared temporary folder,
  // which is Node's default: whoever writes there would have his code run here.
  const { compileCacheFolder } = await import('./compile-cache.js');
  const folder = compileCacheFolder(process.env);
  if (folder !== undefined) enableCompileCache(folder);
  const source = new URL('./main.ts', import.meta.url);
  const main = existsSync(source) ? source : new URL('./main.js', import.meta.url);
  const { run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
}
