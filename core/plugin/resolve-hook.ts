/**
 * Resolves `import … from 'optigate'` and `'optigate/approach'` to the running program, wherever the importing file is.
 * The hook is registered when this module loads, once per process.
 */
import { registerHooks } from 'node:module';

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
/** The two entry points that plugins import from: name → URL of the module. */
export const DOORS: Readonly<Record<string, string>> = {
  optigate: new URL(`../index${extension}`, import.meta.url).href,
  'optigate/approach': new URL(`../approach/index${extension}`, import.meta.url).href,
};
/**
 * Prefix for packages to be resolved from the configuration file's folder: `import.meta.resolve` starts at this file.
 */
const FROM_CONFIG = 'optigate-plugin:';

registerHooks({
  resolve(specifier, context, nextResolve) {
    const door = Object.hasOwn(DOORS, specifier) ? DOORS[specifier] : undefined;
    if (door !== undefined) return { url: door, shortCircuit: true };
    if (specifier.startsWith(FROM_CONFIG)) {
      const { name, parentURL } = JSON.parse(decodeURIComponent(specifier.slice(FROM_CONFIG.length))) as PackageRequest;
      return nextResolve(name, { ...context, parentURL });
    }
    const resolved = nextResolve(specifier, context);
    const version = versionOf(context.parentURL);
    return version !== undefined && isRelative(specifier)
      ? { ...resolved, url: withVersion(resolved.url, version) }
      : resolved;
  },
});

interface PackageRequest {
  readonly name: string;
  readonly parentURL: string;
}

/** A specifier that resolves to the package that the file at `parentURL` would get. */
export function packageSpecifier(name: string, parentURL: string): string {
  return FROM_CONFIG + encodeURIComponent(JSON.stringify({ name, parentURL } satisfies PackageRequest));
}

/** A URL that imports a module again, with the files it imports: the hook passes the version on to relative imports. */
export function withVersion(url: string, version: string): string {
  if (!url.startsWith('file:') || url.includes('?')) return url;
  return `${url}?v=${version}`;
}

function versionOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : /^file:.*\?v=(\w+)$/.exec(url)?.[1];
}

function isRelative(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier);
}
