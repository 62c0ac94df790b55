import { gatewayError } from '../errors.ts';
import { nearest } from '../nearest.ts';

/** The approaches that run: branches (`|`) of steps (`&`). `re2&moa|bon` is `[['re2', 'moa'], ['bon']]`. */
export type Expression = readonly (readonly string[])[];

/** One plain call, without any approach. */
export const PLAIN: Expression = Object.freeze([Object.freeze(['none'])]);

/**
 * Parses `expr = seq ("|" seq)*`, `seq = slug ("&" slug)*`, ignoring blanks and case. Undefined unless every slug is
 * listed, so that a text that is no expression (a model's name) is no error.
 */
export function readExpression(text: string, isListed: (slug: string) => boolean): Expression | undefined {
  const branches = split(text);
  return branches.every((steps) => steps.every(isListed)) ? branches.map(simplify) : undefined;
}

/**
 * Like `readExpression`, but throws a 400 that names the listed slugs if one is unknown.
 * @param param  The request's field or header that holds the text, for the error.
 */
export function parseExpression(text: string, slugs: readonly string[], param: string): Expression {
  const branches = split(text);
  const slug = branches.flat().find((step) => !slugs.includes(step));
  if (slug === undefined) return branches.map(simplify);
  const facts = { slug, known: slugs.join(', '), hint: nearest(slug, slugs) };
  throw gatewayError('unknown_approach', facts, { param });
}

/** The inverse of `readExpression`: `re2&moa|bon`. */
export function printExpression(expression: Expression): string {
  return expression.map((steps) => steps.join('&')).join('|');
}

/** The first expression, then the second: each branch of the first is followed by each branch of the second. */
export function sequence(first: Expression, second: Expression): Expression {
  return first.flatMap((before) => second.map((after) => simplify([...before, ...after])));
}

function split(text: string): string[][] {
  return text.split('|').map((branch) => branch.split('&').map((slug) => slug.trim().toLowerCase()));
}

/** Drops `none` from a sequence, where it does nothing. An empty sequence becomes `none`. */
function simplify(steps: readonly string[]): readonly string[] {
  const approaches = steps.filter((slug) => slug !== 'none');
  return approaches.length > 0 ? approaches : ['none'];
}
