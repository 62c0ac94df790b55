/** Roles of calls by which approaches ask for an intermediate text (`notes.ts`). */
const NOTES = [
  'user_turn',
  'refine',
  'description',
  'observations',
  'derived_observations',
  'sketch',
  'other_sketch',
  'pseudocode',
  'plan',
  'approaches',
  'classification',
  'strategy',
  'examples',
  'principles',
  'condense',
  'analysis',
  'repair',
] as const;
/** The role of a call that asks for an intermediate text. */
export type Note = (typeof NOTES)[number];

/** Does a call of this role ask for an intermediate text? */
export function isNote(role: string): role is Note {
  return NOTES.some((note) => note === role);
}

/**
 * What a call asks for: an answer, one answer made of given ones (`synthesis`), a rating or a critique of given ones, a
 * wrong answer (`mistake`), or an intermediate text.
 */
export type Role = 'generation' | 'synthesis' | 'judge' | 'critique' | 'mistake' | Note;

/** The roles that approaches give their calls → what these ask for. */
const SAME_AS: Readonly<Record<string, Role>> = {
  judge: 'judge',
  verification: 'judge',
  critique: 'critique',
  synthesis: 'synthesis',
  aggregation: 'synthesis',
  review: 'synthesis',
  sneaky: 'mistake',
  mistake: 'mistake',
};

/** What a call of this role asks for. Approaches may invent roles: an unknown one asks for an answer. */
export function roleOf(role: string): Role {
  if (isNote(role)) return role;
  return Object.hasOwn(SAME_AS, role) ? (SAME_AS[role] ?? 'generation') : 'generation';
}
