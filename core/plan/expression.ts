import { gatewayError } from '../errors.ts';
import { nearest } from '../nearest.ts';

/** The approaches that run: branches (`|`) of steps (`&`). `re2&moa|bon` is `[['re2', 'moa'], ['bon']]`. */
export type Expression = readonly (readonly string[])[];

/** The approaches that an expression may name, beside `none`. */
export interface Listed {
  readonly slugs: readonly string[];
  /** Is it a built-in approach that is not listed? */
  isUnlisted?(slug: string): boolean;
  get(slug: string): { readonly kind: 'transformer' | 'answerer' } | undefined;
}

/** One plain call, without any approach. */
export const PLAIN: Expression = Object.freeze([Object.freeze(['none'])]);

/** An expression may be written by a stranger, and each of its branches is a run of its own. */
const MAX_BRANCHES = 16;
/** In all branches together. */
const MAX_STEPS = 16;

/** Is the text an expression of listed approaches only? A text that is none, such as a model's name, is no error. */
export function isExpression(text: string, listed: Listed): boolean {
  return split(text).every((steps) => steps.every((slug) => isListed(slug, listed)));
}

/**
 * Parses `expr = seq ("|" seq)*`, `seq = slug ("&" slug)*`, ignoring blanks and case. Throws a 400 if it has too many
 * branches or steps, or a transformer twice in a branch, and one that names the listed slugs if a slug is unknown.
 * @param param  The request's field or header that holds the text, for the error.
 */
export function parseExpression(text: string, listed: Listed, param: string): Expression {
  const branches = split(text);
  const slug = branches.flat().find((step) => !isListed(step, listed));
  if (slug === undefined) return checked(branches, listed, param).map(simplify);
  const slugs = ['none', ...listed.slugs.filter((known) => known !== 'none')];
  const isUnlisted = listed.isUnlisted?.(slug) === true;
  const facts = {
    slug,
    known: slugs.join(', '),
    hint: nearest(slug, slugs),
    ...(isUnlisted ? { isUnlisted: 'yes' } : {}),
  };
  throw gatewayError('unknown_approach', facts, { param });
}

/** The inverse of `parseExpression`: `re2&moa|bon`. */
export function printExpression(expression: Expression): string {
  return expression.map((steps) => steps.join('&')).join('|');
}

/**
 * The first expression, then the second: each branch of the first is followed by each branch of the second. Throws as
 * `parseExpression` does.
 */
export function sequence(first: Expression, second: Expression, listed: Listed, param: string): Expression {
  if (first.length * second.length > MAX_BRANCHES) throw tooLarge(param);
  const both = first.flatMap((before) => second.map((after) => simplify([...before, ...after])));
  return checked(both, listed, param);
}

/** Splits no further than it takes to see that there are too many branches or steps. */
function split(text: string): string[][] {
  return text
    .split('|', MAX_BRANCHES + 1)
    .map((branch) => branch.split('&', MAX_STEPS + 1).map((slug) => slug.trim().toLowerCase()));
}

function isListed(slug: string, listed: Listed): boolean {
  return slug === 'none' || listed.get(slug) !== undefined;
}

function checked(branches: Expression, listed: Listed, param: string): Expression {
  if (branches.length > MAX_BRANCHES || branches.flat().length > MAX_STEPS) throw tooLarge(param);
  for (const steps of branches) {
    const repeated = steps.find(
      (slug, index) => listed.get(slug)?.kind === 'transformer' && steps.indexOf(slug) < index,
    );
    if (repeated !== undefined)
      throw gatewayError('invalid_value', {
        param,
        detail: `'${repeated}' stands twice in one branch, where a transformer can run once only`,
      });
  }
  return branches;
}

function tooLarge(param: string): Error {
  const detail = `an expression may have ${MAX_BRANCHES} branches (|) and ${MAX_STEPS} steps in all, this one has more`;
  return gatewayError('invalid_value', { param, detail });
}

/** Drops `none` from a sequence, where it does nothing. An empty sequence becomes `none`. */
function simplify(steps: readonly string[]): readonly string[] {
  const approaches = steps.filter((slug) => slug !== 'none');
  return approaches.length > 0 ? approaches : ['none'];
}
