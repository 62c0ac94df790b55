/**
 * Options, and the settings they come to for one request. If the request allows few tokens only, options that neither the
 * file nor the request sets have other, "light" defaults: fewer agents and steps.
 */
import { z, type Call } from '../../../core/index.ts';
import { approachOptions, limitOf } from '../../../core/approach/index.ts';

/** Tokens. */
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

/** For descriptions: the two defaults of an option that has a light one. */
function defaultsOf(name: keyof typeof DEFAULTS): string {
  return `Default ${DEFAULTS[name]}; ${LIGHT[name]} where the request allows at most ${LIGHT_UP_TO} tokens.`;
}

export const options = approachOptions({
  num_agents: z
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe(`Agents that solve the problem, at temperatures 0.3, 0.6, 1.0 in turn. ${defaultsOf('num_agents')}`),
  max_tokens: z.int().min(1).default(64_000).describe('Limit of each call, where the request sets none.'),
  enable_aggregation: z
    .boolean()
    .optional()
    .describe(`Make better solutions of groups of solutions. ${defaultsOf('enable_aggregation')}`),
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
    .describe(`Improve each agent's solution with the others' strategies. ${defaultsOf('enable_strategy_network')}`),
  strategy_extraction_enabled: z
    .boolean()
    .optional()
    .describe(
      `Extract each agent's strategy; without it enable_strategy_network has no effect. ${defaultsOf('strategy_extraction_enabled')}`,
    ),
  cross_agent_enhancement: z
    .boolean()
    .optional()
    .describe(
      `Give strategies to other agents; without it enable_strategy_network has no effect. ${defaultsOf('cross_agent_enhancement')}`,
    ),
  verification_passes_required: z
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe(`Verifications that a solution has to pass. ${defaultsOf('verification_passes_required')}`),
  max_verification_attempts: z
    .int()
    .min(1)
    .max(10)
    .optional()
    .describe(
      `Verifications of a solution of which one may fail; never fewer than have to pass. ${defaultsOf('max_verification_attempts')}`,
    ),
  max_iterations: z
    .int()
    .min(0)
    .max(20)
    .optional()
    .describe(`Rounds of improving rejected solutions. ${defaultsOf('max_iterations')}`),
  min_verified_solutions: z.int().min(1).default(1).describe('Improving ends once this many solutions are verified.'),
  consensus_threshold: z
    .int()
    .min(1)
    .optional()
    .describe(`This many verified solutions with one answer are a consensus. ${defaultsOf('consensus_threshold')}`),
  early_termination: z.boolean().default(true).describe('Abort open calls once there is a consensus.'),
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

/** The options of one request, with no default open. */
export type Settings = Options & Readonly<typeof DEFAULTS>;

/** The settings of one request. `max_tokens` is the client's own limit if it set one. */
export function settingsOf(call: Call, given: Options): Settings {
  const limit = limitOf(call);
  const defaults = limit !== undefined && limit <= LIGHT_UP_TO ? LIGHT : DEFAULTS;
  const required = given.verification_passes_required ?? defaults.verification_passes_required;
  return {
    ...given,
    num_agents: given.num_agents ?? defaults.num_agents,
    max_tokens: limit ?? given.max_tokens,
    enable_aggregation: given.enable_aggregation ?? defaults.enable_aggregation,
    population_size: Math.max(given.population_size, given.aggregation_size),
    enable_strategy_network: given.enable_strategy_network ?? defaults.enable_strategy_network,
    strategy_extraction_enabled: given.strategy_extraction_enabled ?? defaults.strategy_extraction_enabled,
    cross_agent_enhancement: given.cross_agent_enhancement ?? defaults.cross_agent_enhancement,
    verification_passes_required: required,
    max_verification_attempts: Math.max(
      given.max_verification_attempts ?? defaults.max_verification_attempts,
      required,
    ),
    max_iterations: given.max_iterations ?? defaults.max_iterations,
    consensus_threshold: given.consensus_threshold ?? defaults.consensus_threshold,
  };
}
