/**
 * All that a plugin may import: `import { … } from 'optigate'` in plugins of others, `core/index.ts` in built-in ones.
 */
export { z } from 'zod';

export { duration, size } from './units.ts';
export { definePlugin } from './plugin/define.ts';
export type { Checks, CheckState, Plugin, PluginContext, PluginDefinition } from './plugin/define.ts';

export { STAGE } from './hooks.ts';
export type { HookName, Hooks } from './hooks.ts';
export type { AroundHook, Layer, LayerOptions } from './hooks/around.ts';

export { Call, GENERATION_ROLES } from './exchange/exchange.ts';
export type {
  Arrival,
  CallChange,
  ChatExchange,
  Exchange,
  Handler,
  Incoming,
  OpenRequest,
  Operation,
  OtherExchange,
  Outcome,
  Plan,
  Role,
  Upload,
} from './exchange/exchange.ts';
export { Payload } from './bytes/payload.ts';
export type { Changes } from './bytes/payload.ts';
export { ByteStream } from './bytes/byte-stream.ts';
export type { Ending, Sink, Source } from './bytes/byte-stream.ts';
export { bytesReply, completeReply, discard, onEnd, streamReply } from './exchange/reply.ts';
export type { CompleteReply, LooseReply, Reply, StreamReply } from './exchange/reply.ts';
export { headerOf, withHeader, ResponseHeaders } from './bytes/header-list.ts';
export type { HeaderList } from './bytes/header-list.ts';

export { GatewayError, gatewayError, KINDS } from './errors.ts';
export type { ErrorCode, GatewayErrorInit } from './errors.ts';
export { BudgetExhausted } from './exchange/ledger.ts';
export { countRecalled } from './exchange/count-recalled.ts';
export type { Ledger } from './exchange/ledger.ts';
export type { Progress } from './exchange/progress.ts';
export type { Trace, TraceEntry, TraceNode } from './exchange/trace.ts';
export { randomOf } from './approach/random.ts';
export { approachOptions } from './approach/options.ts';
export { roundsOf, traceOf } from './exchange/trace-summary.ts';

export type {
  Answer,
  Approach,
  ApproachFields,
  Approaches,
  Next,
  OptionsSchema,
  SampleOptions,
} from './approach/types.ts';
export { codeBlocks, contentText, stripThinking, tagContent, messageText } from './approach/text.ts';
export type { CodeBlock } from './approach/text.ts';
export { choiceOf, rankingOf, scoreOf, verdictOf } from './approach/verdict.ts';
export {
  candidateText,
  lastUserText,
  questionBlock,
  questionText,
  systemText,
  turnsOf,
  withDraft,
  withInstruction,
  withText,
  withTurns,
} from './approach/conversation.ts';
export {
  groupsOf,
  isTruncated,
  isUsable,
  noneUsable,
  pluralityOf,
  sameResult,
  toolCallKey,
  usableOf,
} from './approach/candidates.ts';
export { normalizeProgram, programOf } from './approach/program.ts';
export { shownOrBest } from './approach/shown-reply.ts';
export { childSignal } from './signals.ts';
export { sideBySide } from './approach/fan-out.ts';
export type { SideBySide } from './approach/fan-out.ts';
export { changedStream } from './approach/joined-stream.ts';
export { toAnswers, wholeReply } from './approach/whole.ts';
export { firstByRank, UpstreamRefusal } from './upstream/refusal.ts';

export type { Model, ModelsRequest, Provider, ProviderRegistry } from './upstream/provider.ts';
export type { StreamWire } from './openai/stream-wire.ts';
export { createHeaderForwarding } from './transport/header-forwarding.ts';
export type { HeaderForwarding } from './transport/header-forwarding.ts';
export { modelsOf } from './upstream/provider.ts';
export { passedPath, queryOf } from './transport/upstream-path.ts';
export type { Upstream, UpstreamSettings } from './exchange/upstream.ts';
export { payerKindOf, payerOf } from './upstream/credentials.ts';

export type * from './openai/types.ts';
export { ChunkAssembler, completionToChunks, TextChunkAssembler, textCompletionToChunks } from './openai/chunks.ts';
export type { TextCompletion } from './openai/chunks.ts';
export { DONE, encodeData, SseDecoder } from './openai/sse.ts';
export { withoutUsage } from './openai/stream-usage.ts';
export { addUsage } from './openai/usage.ts';
export { delay } from './clock.ts';
export type { Clock } from './clock.ts';
export type { Logger } from 'pino';
export type { Budget } from './exchange/ledger.ts';
export type { Identity } from './exchange/identity.ts';
export type { IdentityGrant } from './exchange/identity.ts';
export { canonicalJson } from './bytes/canonical-json.ts';
export { matches } from './wildcard.ts';
export type { CredentialHeader } from './upstream/provider.ts';
export type { OwnRequest } from './upstream/provider.ts';
export type { Transport } from './upstream/provider.ts';
export type { UpstreamRequest } from './upstream/provider.ts';
export { Random } from './approach/random.ts';
export { answerOf } from './approach/final-answer.ts';
export { normalizeAnswer } from './approach/final-answer.ts';
export { sameAnswer } from './approach/final-answer.ts';
export type { FinalOptions } from './approach/final-answer.ts';
export { diverseTemperature } from './approach/sampling-fields.ts';
export { isFreeText } from './approach/sampling-fields.ts';
export { isReasoning } from './approach/sampling-fields.ts';
export { limitedTo } from './approach/sampling-fields.ts';
export { limitOf } from './approach/sampling-fields.ts';
export { withDefaultLimit } from './approach/sampling-fields.ts';
export { judgeCall } from './approach/judge-call.ts';
export type { JudgePrompt } from './approach/judge-call.ts';
export { reportDegraded } from './approach/losses.ts';
export { reportLostStage } from './approach/losses.ts';
export { survive } from './approach/losses.ts';
export { isSurvivable } from './approach/losses.ts';
export { topChoices } from './approach/candidates.ts';
export { anyOf } from './approach/fan-out.ts';
export { seedAt } from './approach/fan-out.ts';
export { shownOrError } from './approach/shown-reply.ts';
