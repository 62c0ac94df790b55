/**
 * Everything that a plugin may import, except what approaches are written with. Third-party plugins import it from
 * `'optigate'`, built-in ones from this file. What approaches are written with is `optigate/approach`
 * (`core/approach/index.ts`).
 */
export { z } from 'zod';

// A plugin: its definition, its options, the hooks it taps.
export { definePlugin } from './plugin/define.ts';
export type { Checks, CheckState, Plugin, PluginContext, PluginDefinition } from './plugin/define.ts';
export { duration, size } from './units.ts';
export { STAGE } from './hooks.ts';
export type { HookName, Hooks } from './hooks.ts';
export type { AroundHook, Layer, LayerOptions } from './hooks/around.ts';

// What flows: a request with its answer, a call upstream, a reply, their bytes.
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
  Wish,
} from './exchange/exchange.ts';
export { bytesReply, completeReply, discard, onEnd, streamReply } from './exchange/reply.ts';
export type { CompleteReply, LooseReply, Reply, StreamReply } from './exchange/reply.ts';
export type { Identity, IdentityGrant } from './exchange/identity.ts';
export type { Upstream, UpstreamSettings } from './exchange/upstream.ts';
export { BudgetExhausted } from './exchange/ledger.ts';
export type { Budget, Ledger } from './exchange/ledger.ts';
export { countRecalled } from './exchange/count-recalled.ts';
export type { Progress } from './exchange/progress.ts';
export type { Trace, TraceEntry, TraceNode } from './exchange/trace.ts';
export { roundsOf, traceOf, type TimedStep } from './exchange/trace-summary.ts';
export { ByteStream } from './bytes/byte-stream.ts';
export type { Ending, Sink, Source } from './bytes/byte-stream.ts';
export { canonicalJson } from './bytes/canonical-json.ts';
export { isDeeperThan } from './bytes/json.ts';
export { Payload } from './bytes/payload.ts';
export type { Changes } from './bytes/payload.ts';
export { headerOf, ResponseHeaders, withHeader } from './bytes/header-list.ts';
export type { HeaderList } from './bytes/header-list.ts';

// Errors.
export { GatewayError, gatewayError, KINDS } from './errors.ts';
export type { ErrorCode, GatewayErrorInit } from './errors.ts';
export { UpstreamRefusal } from './upstream/refusal.ts';

// Fetching URLs that need not be trusted: what `context.fetch` takes and returns.
export { FetchError } from './fetch/fetch-error.ts';
export type { FetchReason } from './fetch/fetch-error.ts';
export { isAddressRange } from './fetch/address-range.ts';
export type { Fetched, GuardedFetch } from './fetch/guarded-fetch.ts';
export type { FetchOptions, FetchTimeouts } from './fetch/fetch-options.ts';

// Providers, and whose key pays.
export { modelsOf } from './upstream/provider.ts';
export type {
  CredentialHeader,
  CredentialPlace,
  Model,
  ModelsRequest,
  OwnRequest,
  Provider,
  ProviderRegistry,
  SignableRequest,
  Signer,
  Transport,
  UpstreamRequest,
} from './upstream/provider.ts';
export { payerKindOf, payerOf } from './upstream/credentials.ts';
export { createHeaderForwarding } from './transport/header-forwarding.ts';
export type { HeaderForwarding } from './transport/header-forwarding.ts';
export { passedPath, queryOf } from './transport/upstream-path.ts';

// The wires: how answers, streams and errors of each API look.
export { wires } from './wire/wires.ts';
export type { EventFailure, EventReader, KeepAliveMode, ListedModel, Examined, Wire } from './wire/wire.ts';
export type { Failure } from './wire/failure.ts';
export type * from './wire/chat/chat-types.ts';
export { ChunkAssembler } from './wire/chat/chunk-assembler.ts';
export { completionToChunks } from './wire/chat/completion-chunks.ts';
export { withoutUsage } from './wire/chat/stream-usage.ts';
export { DONE, encodeData, SseDecoder } from './wire/sse.ts';
export { addUsage } from './wire/usage.ts';

// Small helpers: time, signals, patterns, the log.
export { delay } from './clock.ts';
export type { Clock } from './clock.ts';
export { childSignal } from './signals.ts';
export type { ChildSignal } from './signals.ts';
export { matches } from './wildcard.ts';
export { echoed } from './echoed.ts';
export type { Logger } from 'pino';

// Untrusted work in child processes.
export { createSandbox } from './sandbox/sandbox.ts';
export type { Sandbox, SandboxProcess, SandboxSettings } from './sandbox/sandbox.ts';
export { SandboxUnavailable } from './sandbox/unavailable.ts';
export type { SandboxAnswer, SandboxEnd } from './sandbox/supervised-process.ts';
export type { SandboxAnswerer, SandboxEntry } from './sandbox/entry.ts';
export type { SandboxLaunch, SandboxRuntime } from './sandbox/node-runtime.ts';
