/**
 * Guards against pitfalls of tapable, each reproduced on 2.3: a promise tap that throws synchronously leaves the hook
 * pending for ever; an `async` function given to `tap` is not awaited; `before` with an unknown name puts a tap first;
 * two taps may have the same name; errors name neither plugin nor hook; a tap can be added at any time.
 */
import type { Tap } from 'tapable';
import { isRecord, type Fields } from '../bytes/json.ts';
import { Payload } from '../bytes/payload.ts';
import { gatewayError, GatewayError } from '../errors.ts';
import { toReply, type LooseReply } from '../exchange/reply.ts';
import { Upstream } from '../exchange/upstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { AroundHook } from './around.ts';

/** Knows which plugin is tapping right now, and whether tapping is still allowed. */
export interface Registrar {
  /** The plugin whose `apply` runs. */
  owner(): string;
  isSealed(): boolean;
  /** Takes an error of a `finished` tap, which must not disturb anything else. */
  report(error: GatewayError, exchange: Exchange): void;
}

interface Interceptable {
  readonly taps: { readonly name: string }[];
  isUsed(): boolean;
  intercept(interceptor: { register(tap: Tap): Tap }): void;
}

type AnyTap = Tap & { type: string; fn: (...args: unknown[]) => unknown; before?: string | string[] };

/**
 * Checks each tap on these hooks when it is added, and checks what it returns and signs what it throws when it runs.
 */
export function harden(hooks: object, registrar: Registrar): void {
  for (const [name, hook] of Object.entries(hooks)) {
    const inner: Interceptable = hook instanceof AroundHook ? hook.taps : hook;
    const owners = new Map<string, string>();
    // To tapable, a hook with an interceptor is used, and the one below would make every hook look tapped.
    inner.isUsed = () => inner.taps.length > 0;
    inner.intercept({
      register(tap) {
        const checked = check(tap as AnyTap, name, inner, registrar);
        const owner = registrar.owner();
        owners.set(tap.name, owner);
        return hook instanceof AroundHook ? checked : guarded(checked, name, owner, registrar);
      },
    });
    if (hook instanceof AroundHook) hook.signWith((error, tap) => signed(error, owners.get(tap) ?? tap, name));
  }
}

/** A `GatewayError` stays as it is. Any other error becomes the cause of a 500 that names the plugin and the hook. */
export function signed(error: unknown, plugin: string, hook: string): GatewayError {
  if (error instanceof GatewayError) return error;
  return gatewayError('plugin_error', { plugin, hook }, { cause: error });
}

function check(tap: AnyTap, hook: string, inner: Interceptable, registrar: Registrar): AnyTap {
  const where = `tap '${tap.name}' on the hook '${hook}'`;
  if (registrar.isSealed()) throw new Error(`${where}: hooks can only be tapped while apply runs`);
  const names = inner.taps.filter((other) => other !== undefined).map((other) => other.name);
  if (names.includes(tap.name)) throw new Error(`${where}: the name is taken on this hook`);
  if (tap.before !== undefined) {
    const unknown = [tap.before].flat().filter((name) => !names.includes(name));
    if (unknown.length > 0)
      throw new Error(`${where}: 'before' names an unknown tap '${unknown.join("', '")}'; use stage instead`);
  }
  return tap;
}

/** The tap with its function wrapped: its result is checked, and its errors are signed. */
function guarded(tap: AnyTap, hook: string, owner: string, registrar: Registrar): Tap {
  const { fn, type } = tap;
  if (type === 'promise') {
    const run = async (...args: unknown[]) => {
      try {
        return checkedResult(hook, await fn(...args));
      } catch (error) {
        throw signed(error, owner, hook);
      }
    };
    return { ...tap, fn: run } as Tap;
  }
  if (type === 'async') {
    const run = (...args: unknown[]) => {
      const callback = args.at(-1) as (error?: unknown, result?: unknown) => void;
      const settle = (error: unknown, result?: unknown) => {
        let checked: unknown;
        try {
          if (error) throw error;
          checked = checkedResult(hook, result);
        } catch (failure) {
          callback(signed(failure, owner, hook));
          return;
        }
        callback(undefined, checked);
      };
      try {
        fn(...args.slice(0, -1), settle);
      } catch (error) {
        callback(signed(error, owner, hook));
      }
    };
    return { ...tap, fn: run } as Tap;
  }
  const run = (...args: unknown[]) => {
    try {
      const result = fn(...args);
      if (isThenable(result)) {
        result.then(undefined, () => undefined);
        throw new TypeError('a sync tap returned a promise: use tapPromise');
      }
      return checkedResult(hook, result);
    } catch (error) {
      if (hook !== 'finished') throw signed(error, owner, hook);
      // The hook's first argument is the exchange.
      registrar.report(signed(error, owner, hook), args[0] as Exchange);
      return undefined;
    }
  };
  return { ...tap, fn: run } as Tap;
}

/**
 * Throws a `TypeError` if a tap returned what its hook cannot use. Checked here, where it is known whose tap it was.
 */
function checkedResult(hook: string, result: unknown): unknown {
  if (result === undefined) return result;
  if (hook === 'response') return toReply(result as LooseReply);
  if (hook === 'plan' && !isPlanOrWish(result))
    throw new TypeError('a plan tap must return a plan, a wish such as { approach: "re2" }, or undefined');
  // Callers without an id of their own would share caches and limits.
  if (hook === 'authenticate' && !hasId(result))
    throw new TypeError('an authenticate tap must return an identity with an id, or undefined');
  return result;
}

function isPlanOrWish(value: unknown): boolean {
  if (!isRecord(value)) return false;
  if ('run' in value) return isPlan(value);
  return ['approach', 'model'].every((key) => value[key] === undefined || typeof value[key] === 'string');
}

/** Has it all that is used of a plan beside `run`? What is missing would show only later, as a fault of ours. */
function isPlan({ run, upstream, request, approach, budget }: Fields): boolean {
  return (
    typeof run === 'function' &&
    upstream instanceof Upstream &&
    request instanceof Payload &&
    typeof approach === 'string' &&
    isRecord(budget)
  );
}

function hasId(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' && value.id !== ''
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
