/**
 * The marks by which a request selects an approach, tags in its messages apart: prefixes of its model's name, and fields
 * of its body. Finds them, reads them, and removes them.
 */
import type { Upstream } from '../exchange/upstream.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ChatRequest } from '../wire/chat/chat-types.ts';
import { isExpression, parseExpression, sequence, type Expression, type Listed } from './expression.ts';

/** A model's name, split into the approaches before it and the model. */
export interface SplitModel {
  readonly prefix: Expression | undefined;
  /** Empty if the name consists of prefixes only. */
  readonly model: string;
}

/** Does the name begin with a listed approach? Only then does the upstream's list of models have to be fetched. */
export function mayHavePrefix(model: string, listed: Listed): boolean {
  return isExpression(prefixOf(model), listed);
}

/**
 * Splits `re2&moa-gpt-4o` into `re2&moa` and `gpt-4o`. Several prefixes are a sequence: `re2-moa-gpt-4o`. The prefix
 * `none-` ends the splitting, and a name or rest that `isModel` knows is never split. Throws a 400 if the prefixes are
 * more than an expression may hold.
 */
export async function splitModel(
  name: string,
  listed: Listed,
  isModel: (model: string) => Promise<boolean>,
): Promise<SplitModel> {
  let model = name;
  let prefix: Expression | undefined;
  for (;;) {
    if (!mayHavePrefix(model, listed) || (await isModel(model))) return { prefix, model };
    const text = prefixOf(model);
    const found = parseExpression(text, listed, 'model');
    prefix = prefix ? sequence(prefix, found, listed, 'model') : found;
    model = model.slice(text.length + 1);
    const isNone = found.length === 1 && found[0]?.[0] === 'none';
    if (isNone || model === '') return { prefix, model };
  }
}

/** The name up to its first hyphen. */
function prefixOf(model: string): string {
  const hyphen = model.indexOf('-');
  return hyphen < 0 ? model : model.slice(0, hyphen);
}

/**
 * A test of whether the upstream that a name leads to lists exactly this model. Waits 1 s at most for an upstream's list,
 * once; without the list, the answer is no.
 */
export function createModelTest(upstreams: Upstreams, signal: AbortSignal): (name: string) => Promise<boolean> {
  const silent = new Set<Upstream>();
  return async (name) => {
    if (upstreams.keyless?.upstream.settings.models.includes(name)) return true;
    const { upstream, model } = upstreams.resolve(name);
    if (silent.has(upstream)) return false;
    const models = await upstreams.models(upstream, signal);
    if (!models) silent.add(upstream);
    return models?.some(({ id }) => id === model) ?? false;
  };
}

/**
 * The names of a body's fields that are meant for this program: `optigate`, `optillm_approach` and flat options. They
 * are removed before the request goes upstream. Undefined if there are none.
 */
export function controlFields(request: ChatRequest, flat: ReadonlyMap<string, unknown>): string[] | undefined {
  let found: string[] | undefined;
  for (const key in request) {
    if (key === 'optigate' || key === 'optillm_approach' || flat.has(key)) (found ??= []).push(key);
  }
  return found;
}
