import { gatewayError } from '../errors.ts';
import { nearest } from '../nearest.ts';

/** What runs: branches (`|`) of steps (`&`). `re2&moa|bon` is `[['re2', 'moa'], ['bon']]`. */
export type Expression = readonly (readonly string[])[];

export const PLAIN: Expression = Object.freeze([Object.freeze(['none'])]);

/** `expr = seq ("|" seq)*`, `seq = slug ("&" slug)*`; blanks and case do not matter. Undefined unless every slug is listed. */
export function readExpression(text: string, isListed: (slug: string) => boolean): Expression | undefined {
  const branches = split(text);
  return branches.every((steps) => steps.every(isListed)) ? branches.map(simplify) : undefined;
}

/** As `readExpression`, but an unknown slug is a 400 that names those that are listed. `param` says where it stood. */
export function parseExpression(text: string, slugs: readonly string[], param: string): Expression {
  const branches = split(text);
  const slug = branches.flat().find((step) => !slugs.includes(step));
  if (slug === undefined) return branches.map(simplify);
  const facts = { slug, known: slugs.join(', '), hint: nearest(slug, slugs) };
  throw gatewayError('unknown_approach', facts, { param });
}

export function printExpression(expression: Expression): string {
  return expression.map((steps) => steps.join('&')).join('|');
}

/** First one, then the other: every branch of the first followed by every branch of the second. */
export function sequence(first: Expression, second: Expression): Expression {
  return first.flatMap((before) => second.map((after) => simplify([...before, ...after])));
}

function split(text: string): string[][] {
  return text.split('|').map((branch) => branch.split('&').map((slug) => slug.trim().toLowerCase()));
}

/** `none` is the identity of `&`. */
function simplify(steps: readonly string[]): readonly string[] {
  const real = steps.filter((slug) => slug !== 'none');
  return real.length > 0 ? real : ['none'];
}
