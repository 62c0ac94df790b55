/**
 * What approaches are written with: `import { … } from 'optigate/approach'` in plugins of others, this file in built-in
 * ones. Everything else that a plugin may want is exported by `core/index.ts` (`optigate`).
 */
export type {
  Answer,
  Approach,
  ApproachFields,
  Approaches,
  Next,
  OptionsSchema,
  SampleOptions,
  Work,
} from './types.ts';
export { approachOptions } from './options.ts';
export { Random, randomOf } from './random.ts';

// Conversations: reading and extending what the client sent.
export {
  answersBlock,
  candidateText,
  lastUserText,
  numbered,
  questionBlock,
  questionText,
  systemText,
  turnBlock,
  turnsOf,
  withDraft,
  withInstruction,
  withText,
  withTurns,
} from './conversation.ts';
export { delimited } from './delimited.ts';
export {
  diverseTemperature,
  isFreeText,
  isReasoning,
  judgeLimit,
  limitedTo,
  limitOf,
  withDefaultLimit,
} from './sampling-fields.ts';

// Answers: their text, their final answer, the programs in them.
export { toAnswers, wholeReply } from './whole.ts';
export { bringsAnswer, bringsMedia, callsTool } from '../wire/chat/content.ts';
export {
  codeBlocks,
  contentText,
  messageText,
  stripThinking,
  tagContent,
  withoutCode,
  withReasoning,
  type CodeBlock,
} from './text.ts';
export { answerOf, normalizeAnswer, sameAnswer, type FinalOptions } from './final-answer.ts';
export { asksForCode, endsWhole, hasCode, normalizeProgram, programOf } from './program.ts';

// Candidates: which are usable, which agree, which is shown.
export {
  agreementOf,
  classesOf,
  groupsOf,
  isTruncated,
  isUsable,
  noneUsable,
  pluralityOf,
  sameResult,
  toolCallKey,
  topChoices,
  usableOf,
} from './candidates.ts';
export { compareMerits, rankBy, type Merits } from './ranking.ts';
export { anyOf, seedAt, sideBySide, survivors, type SideBySide } from './fan-out.ts';
export { isSurvivable, reportDegraded, reportLostStage, survive } from './losses.ts';
export { shownOrBest, shownOrError } from './shown-reply.ts';
export { changedStream } from './joined-stream.ts';
export { firstByRank } from '../upstream/refusal.ts';

// Judges: asking them, reading and counting what they say.
export {
  askJudge,
  askJudges,
  chooseOne,
  comparePairs,
  rankList,
  rate,
  rateEach,
  type Asking,
  type Chosen,
  type Compared,
  type Comparing,
  type Choosing,
  type Rating,
  type Scale,
  type Scores,
  type Verdict,
  type Verdicts,
} from './judging.ts';
export { judgeCall, type JudgePrompt } from './judge-call.ts';
export { choiceOf, rankingOf, scoreOf, verdictOf } from './verdict.ts';
