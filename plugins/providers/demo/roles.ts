/** Texts that approaches want between question and answer, by the roles of the calls that ask for them. */
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
export type Note = (typeof NOTES)[number];

export function isNote(role: string): role is Note {
  return NOTES.some((note) => note === role);
}

/** What a call wants: an answer of one's own, one of given ones, an opinion about those, a wrong one, or a text beside it. */
export type Role = 'generation' | 'synthesis' | 'judge' | 'critique' | 'mistake' | Note;

/** Roles by which approaches call one of these. */
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

/** Approaches may invent roles; what is not a known other one is a text to be written. */
export function roleOf(role: string): Role {
  if (isNote(role)) return role;
  return Object.hasOwn(SAME_AS, role) ? (SAME_AS[role] ?? 'generation') : 'generation';
}
