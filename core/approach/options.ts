/** Options of approaches: what every approach has beside its own, and the reading of their marks. */
import { z } from 'zod';
import type { Budget } from '../exchange/ledger.ts';
import { duration } from '../units.ts';
import type { OptionsSchema } from './types.ts';

const limits = z
  .strictObject({
    max_calls: z.int().min(1).optional().describe('Requests sent upstream, retries apart.'),
    max_tokens: z.int().min(1).optional().describe('Completion tokens over all calls.'),
    deadline: duration.optional().describe("From the request's arrival."),
  })
  .optional()
  .describe('What one request may spend on this approach; then it ends with the best so far. A request may lower it.');

type AtMost = z.ZodOptional<z.ZodType<Readonly<Record<string, number>>>>;

/**
 * The schema of an approach's options: its own (`shape`), and two that every approach has. `limits` bounds what a request
 * may spend on the approach; `at_most` holds the highest values that requests may give its numbers.
 */
export function approachOptions<const S extends z.ZodRawShape>(shape: S) {
  const numbers = Object.entries(shape).filter(([, schema]) => isNumber(schema));
  const caps = numbers.map(([name]) => [name, z.number().optional()] as const);
  // Its keys are known at run time only, so that the type cannot be inferred. All are optional numbers.
  const atMost = z.strictObject(Object.fromEntries(caps)) as unknown as z.ZodType<Readonly<Record<string, number>>>;
  const at_most: AtMost = atMost
    .optional()
    .meta({ serverOnly: true, description: 'The highest values that a request may give these options.' });
  return z.strictObject({ ...shape, limits, at_most }).superRefine((options, context) => {
    for (const [name, cap] of Object.entries(capsOf(options))) {
      const value = Object.entries(options).find(([option]) => option === name)?.[1];
      if (typeof value !== 'number' || value <= cap) continue;
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `at most ${cap}, as at_most.${name} says`,
        input: value,
      });
    }
  });
}

function isNumber(schema: unknown): boolean {
  return layersOf(schema).at(-1) instanceof z.ZodNumber;
}

/**
 * Is the option marked with `.meta({ serverOnly: true })`? Then only the file may set it, and a request that sets it is
 * refused. The mark may stand before or after `default`, `optional` and the like.
 */
export function isServerOnly(schema: OptionsSchema, name: string): boolean {
  if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, name)) return false;
  return layersOf(schema.shape[name]).some((layer) => layer.meta()?.['serverOnly'] === true);
}

/** The schema and the schemas that it wraps (a default, `optional`), outermost first. */
function layersOf(schema: unknown): readonly z.ZodType[] {
  if (!(schema instanceof z.ZodType)) return [];
  return [schema, ...(isWrapper(schema) ? layersOf(schema.unwrap()) : [])];
}

function isWrapper(schema: z.ZodType) {
  return (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  );
}

type Limits = z.output<typeof limits>;

/** `limits` of an approach's effective options, as a budget of the ledger. Empty if there are none. */
export function limitsOf(options: object): Budget {
  const given: Limits = 'limits' in options ? (options.limits as Limits) : undefined;
  const { max_calls, max_tokens, deadline } = given ?? {};
  return {
    ...(max_calls === undefined ? {} : { maxCalls: max_calls }),
    ...(max_tokens === undefined ? {} : { maxTokens: max_tokens }),
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
  };
}

/** `at_most` of an approach's effective options: the highest value by option. Empty if there is none. */
export function capsOf(options: object): Readonly<Record<string, number>> {
  return 'at_most' in options ? ((options.at_most as Readonly<Record<string, number>> | undefined) ?? {}) : {};
}
