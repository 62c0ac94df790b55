/**
 * Makes `import … from 'optigate'` and `'optigate/approach'` mean the running program, wherever the importing file lies.
 * Registered once per process, when this module loads.
 */
import { registerHooks } from 'node:module';

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
/** The two entry points of plugins: the modules that stand behind their names. */
export const DOORS: Readonly<Record<string, string>> = {
  optigate: new URL(`../index${extension}`, import.meta.url).href,
  'optigate/approach': new URL(`../approach/index${extension}`, import.meta.url).href,
};
/** Resolves what follows from the folder of the configuration file: `import.meta.resolve` knows only our own. */
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

/** What to import for a package as the file at `parentURL` would see it. */
export function packageSpecifier(name: string, parentURL: string): string {
  return FROM_CONFIG + encodeURIComponent(JSON.stringify({ name, parentURL } satisfies PackageRequest));
}

/** A module's address that loads it anew, with the files it imports: the version is handed on to relative imports. */
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
