/** Options, and what they come to for one request: `light` values stand in for what neither file nor request sets. */
import { z, type Call } from '../../../core/index.ts';
import { approachOptions, limitOf } from '../../../core/approach/index.ts';

const LIGHT_UP_TO = 4_000;

const DEFAULTS = {
  num_agents: 3,
  enable_aggregation: true,
  enable_strategy_network: true,
  strategy_extraction_enabled: true,
  cross_agent_enhancement: true,
  verification_passes_required: 2,
  max_verification_attempts: 3,
  max_iterations: 5,
  consensus_threshold: 2,
};

const LIGHT: typeof DEFAULTS = {
  num_agents: 2,
  enable_aggregation: false,
  enable_strategy_network: false,
  strategy_extraction_enabled: false,
  cross_agent_enhancement: false,
  verification_passes_required: 1,
  max_verification_attempts: 2,
  max_iterations: 2,
  consensus_threshold: 1,
};

/** The default of an option that has a light one too. */
function unset(name: keyof typeof DEFAULTS): string {
  return `Default ${DEFAULTS[name]}; ${LIGHT[name]} where the request allows at most ${LIGHT_UP_TO} tokens.`;
}

export const options = approachOptions({
  num_agents: z
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe(`Agents that solve the problem, at temperatures 0.3, 0.6, 1.0 in turn. ${unset('num_agents')}`),
  max_tokens: z.int().min(1).default(64_000).describe('Limit of each call, where the request sets none.'),
  enable_aggregation: z
    .boolean()
    .optional()
    .describe(`Make better solutions of groups of solutions. ${unset('enable_aggregation')}`),
  population_size: z
    .int()
    .min(1)
    .max(64)
    .default(6)
    .describe('Solutions that aggregation keeps; never fewer than aggregation_size.'),
  aggregation_size: z.int().min(2).max(8).default(3).describe('Solutions in a group.'),
  aggregation_loops: z.int().min(0).max(10).default(3).describe('Steps of aggregation, one after the other.'),
  enable_strategy_network: z
    .boolean()
    .optional()
    .describe(`Improve each agent's solution with the others' strategies. ${unset('enable_strategy_network')}`),
  strategy_extraction_enabled: z
    .boolean()
    .optional()
    .describe(`Part of the former, which needs both. ${unset('strategy_extraction_enabled')}`),
  cross_agent_enhancement: z
    .boolean()
    .optional()
    .describe(`Part of the former, which needs both. ${unset('cross_agent_enhancement')}`),
  verification_passes_required: z
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe(`Verifications that a solution has to pass. ${unset('verification_passes_required')}`),
  max_verification_attempts: z
    .int()
    .min(1)
    .max(10)
    .optional()
    .describe(
      `Verifications of a solution of which one may fail; never fewer than have to pass. ${unset('max_verification_attempts')}`,
    ),
  max_iterations: z
    .int()
    .min(0)
    .max(20)
    .optional()
    .describe(`Rounds of improving rejected solutions. ${unset('max_iterations')}`),
  min_verified_solutions: z.int().min(1).default(1).describe('So many verified solutions end the improving.'),
  consensus_threshold: z
    .int()
    .min(1)
    .optional()
    .describe(`So many verified solutions with one answer are enough. ${unset('consensus_threshold')}`),
  early_termination: z.boolean().default(true).describe('Abort what is still open once they are there.'),
  use_thinking_tags: z
    .boolean()
    .optional()
    .describe(
      'Return the solution in <think> tags, then the short answer. Where unset, a request with include_reasoning: true gets them as reasoning_content and content.',
    ),
  answer_extraction_mode: z
    .enum(['auto', 'code', 'math', 'none'])
    .default('auto')
    .describe('What the short answer is: the last code block, the final answer, or the whole solution.'),
  use_reasoning_api: z
    .boolean()
    .default(true)
    .describe('Ask for an effort by the field reasoning, where the request sets none.'),
});
export type Options = z.output<typeof options>;

export type Settings = Options & Readonly<typeof DEFAULTS>;

export function settingsOf(call: Call, given: Options): Settings {
  const limit = limitOf(call);
  const others = limit !== undefined && limit <= LIGHT_UP_TO ? LIGHT : DEFAULTS;
  const required = given.verification_passes_required ?? others.verification_passes_required;
  return {
    ...given,
    num_agents: given.num_agents ?? others.num_agents,
    max_tokens: limit ?? given.max_tokens,
    enable_aggregation: given.enable_aggregation ?? others.enable_aggregation,
    population_size: Math.max(given.population_size, given.aggregation_size),
    enable_strategy_network: given.enable_strategy_network ?? others.enable_strategy_network,
    strategy_extraction_enabled: given.strategy_extraction_enabled ?? others.strategy_extraction_enabled,
    cross_agent_enhancement: given.cross_agent_enhancement ?? others.cross_agent_enhancement,
    verification_passes_required: required,
    max_verification_attempts: Math.max(given.max_verification_attempts ?? others.max_verification_attempts, required),
    max_iterations: given.max_iterations ?? others.max_iterations,
    consensus_threshold: given.consensus_threshold ?? others.consensus_threshold,
  };
}
