/** The options, with the names of OptiLLM's configuration files, so that such files can be used as they are. */
import { z } from '../../../core/index.ts';
import { approachOptions } from '../../../core/approach/index.ts';

const temperature = (byDefault: number) => z.number().min(0).max(2).default(byDefault);
const tokens = z.int().min(0).default(4096);

export const options = approachOptions({
  bestofn_n: z.int().min(1).max(10).default(3).describe('How many candidates there are to choose from.'),
  bestofn_temperature: temperature(0.1).describe('Temperature of rating calls.'),
  bestofn_max_tokens: z.int().min(1).default(4096).describe('Limit of rating calls.'),
  bestofn_rating_type: z
    .enum(['absolute', 'pairwise', 'majority'])
    .default('absolute')
    .describe('How one is chosen: each rated alone, each pair compared in both orders, or by a vote without a call.'),
  planning_n: z.int().min(1).max(32).default(3).describe('Proposals wanted for each candidate; at most planning_m.'),
  planning_m: z.int().min(1).max(64).default(6).describe('Attempts at proposals, failed ones included.'),
  planning_temperature_step1: temperature(0.55).describe('Temperature of plans.'),
  planning_temperature_step2: temperature(0.25).describe('Temperature of executions.'),
  planning_temperature_step3: temperature(0.1).describe('Temperature of the review.'),
  planning_temperature_step4: temperature(0).describe('Temperature of the answer, where the request sets none.'),
  planning_temperature_direct_resp: temperature(0.1).describe('Temperature where no proposal came about.'),
  planning_max_tokens_step1: tokens.describe('Limit of a plan; 0 leaves planning out.'),
  planning_max_tokens_step2: tokens.describe('Limit of an execution; 0 leaves it out, plans are then the proposals.'),
  planning_max_tokens_step3: tokens.describe(
    'Limit of the review; 0 leaves it out, the first proposal is then the solution.',
  ),
  planning_max_tokens_step4: tokens.describe(
    'Limit of the answer, where the request sets none; 0 leaves this step out, the solution is then the answer.',
  ),
  planning_max_tokens_direct_resp: z.int().min(1).default(4096).describe('Limit where no proposal came about.'),
  use_plan_diversity: z.boolean().default(false).describe('Give each candidate an approach of its own to plan by.'),
  rating_model: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("Model that rates, as clients write it; default: the request's own."),
  use_reasoning_fallback: z
    .boolean()
    .default(false)
    .describe('Repeat what fails or is cut with a lower reasoning_effort, where the request sets one.'),
  cepo_race: z
    .boolean()
    .default(false)
    .describe('Start all planning_m attempts at once, and abort those not needed; not where calls are limited.'),
  num_of_retries: z.int().min(0).default(0).describe("No effect here: retrying is the plugin retry's."),
  print_output: z.boolean().default(false).describe('No effect here: optigate: { trace: true } shows the steps.'),
}).refine(({ planning_n, planning_m }) => planning_n <= planning_m, {
  path: ['planning_n'],
  error: 'at most planning_m',
});

export type Options = z.output<typeof options>;
