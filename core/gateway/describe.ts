import type { Config } from '../config/config.ts';
import { withoutKeys } from '../config/problems.ts';
import type { HookName, Hooks } from '../hooks.ts';
import { AroundHook } from '../hooks/around.ts';
import type { ApproachRegistry } from '../plan/registry.ts';
import type { Upstreams } from '../upstream/upstreams.ts';

/** What a pipeline consists of, as `optigate check` prints it. Holds no keys. */
export interface PipelineDescription {
  readonly hooks: readonly {
    readonly name: HookName;
    readonly kind: string;
    readonly taps: readonly { readonly name: string; readonly stage: number }[];
  }[];
  readonly approaches: readonly {
    readonly slug: string;
    readonly kind: string;
    readonly plugin: string;
    readonly description: string;
  }[];
  readonly upstreams: readonly {
    readonly name: string;
    readonly provider: string;
    readonly baseUrl: string;
    /** Where its key comes from, in words. */
    readonly key: string;
  }[];
  /** The names of what `/ready` checks. */
  readonly checks: readonly string[];
  /** The default expression; `none` = a plain call. */
  readonly approach: string;
  readonly warnings: readonly string[];
}

/** Describes a built pipeline; the keyless upstream comes last. */
export function describePipeline(parts: {
  config: Config;
  hooks: Hooks;
  approaches: ApproachRegistry;
  upstreams: Upstreams;
  checks: readonly { readonly name: string }[];
}): PipelineDescription {
  const { config, hooks, approaches, upstreams, checks } = parts;
  const all = upstreams.keyless ? [...upstreams.all, upstreams.keyless.upstream] : upstreams.all;
  return {
    hooks: (Object.keys(hooks) as HookName[]).map((name) => {
      const hook = hooks[name];
      const taps =
        hook instanceof AroundHook ? hook.order : hook.taps.map((tap) => ({ name: tap.name, stage: tap.stage ?? 0 }));
      return { name, kind: hook.constructor.name.replace(/Hook$/, ''), taps };
    }),
    approaches: approaches.all.map(({ slug, kind, plugin, description }) => ({ slug, kind, plugin, description })),
    upstreams: all.map((upstream) => ({
      name: upstream.name,
      provider: upstream.provider.name,
      baseUrl: withoutKeys(upstream.baseUrl),
      key: keySource(upstream.hasServerKey, upstream.settings.keyVariable, upstream.settings.needsKey),
    })),
    checks: checks.map(({ name }) => name),
    approach: config.approach ?? 'none',
    warnings: config.warnings,
  };
}

function keySource(isSet: boolean, variable: string | undefined, needsKey: boolean): string {
  if (!needsKey) return 'none needed';
  if (variable !== undefined) return `from the environment variable ${variable}${isSet ? '' : ' (not set)'}`;
  return isSet ? 'from the file' : "none: clients bring their own ('x-upstream-key')";
}
