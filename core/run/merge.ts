import { randomUUID } from 'node:crypto';
import { JoinedStream } from '../approach/joined-stream.ts';
import { reportDegraded } from '../approach/losses.ts';
import { completionOf, wholeReply } from '../approach/whole.ts';
import { withHeader, type HeaderList } from '../bytes/header-list.ts';
import type { Clock } from '../clock.ts';
import type { Call, StreamStamp } from '../exchange/exchange.ts';
import { streamReply, type CompleteReply, type Reply } from '../exchange/reply.ts';
import { childSignal } from '../signals.ts';
import { firstByRank, UpstreamRefusal } from '../upstream/refusal.ts';
import type { Choice, Usage } from '../wire/chat/chat-types.ts';
import { withReasoningTokens } from '../wire/usage.ts';

/** One of several runs whose choices are merged into one answer. */
export interface Branch {
  start(call: Call): Promise<Reply>;
  /** Written to `optigate.approach` of each of its choices. Undefined = nothing is written. */
  readonly label?: string | undefined;
}

/** How the branches' replies become one. */
export interface MergeInit {
  readonly stamp: StreamStamp;
  /** If all branches fail: does the client get the failure that ranks first, instead of the first as written? */
  readonly isRanked: boolean;
  /** Fields to add to the end of a stream, asked for when it ends; undefined = none. */
  readonly extension?: (() => Readonly<Record<string, unknown>> | undefined) | undefined;
}

/**
 * Runs the branches at once and merges their replies into one, with the choices in written order. Failed branches are
 * left out; if all fail, throws one of the failures. A stream begins with the first branch that begins; a later branch
 * is held back until all before it have begun or failed.
 */
export async function runBranches(branches: readonly Branch[], call: Call, init: MergeInit): Promise<Reply> {
  const group = childSignal(call.signal);
  const running = branches.map((branch) => settled(branch, call.with({}, { signal: group.signal })));
  if (call.request.value.stream === true) return joinedInOrder(branches, running, call, group, init);
  try {
    const outcomes = await Promise.all(running);
    const parts = outcomes.flatMap((outcome, i) =>
      'reply' in outcome ? [{ reply: outcome.reply, label: branches[i]?.label }] : [],
    );
    const failures = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
    if (parts.length === 0) throw failureToTell(failures, init.isRanked);
    if (failures.length > 0) reportDegraded(call.exchange, 'branch_failed');
    return mergeReplies(parts as readonly Part[], call, init.stamp);
  } finally {
    group.release();
  }
}

/** What one branch came to. */
type Settled = { readonly reply: Reply } | { readonly error: unknown };

async function settled(branch: Branch, call: Call): Promise<Settled> {
  try {
    const reply = await branch.start(call);
    const isLive = reply.kind === 'stream' && call.request.value.stream === true;
    const read = isLive ? reply : await wholeReply(reply, call);
    if (read.kind === 'complete' && read.status >= 400) return { error: new UpstreamRefusal(read, call.upstream.name) };
    return { reply: read };
  } catch (error) {
    return { error };
  }
}

async function joinedInOrder(
  branches: readonly Branch[],
  running: readonly Promise<Settled>[],
  call: Call,
  group: ReturnType<typeof childSignal>,
  init: MergeInit,
): Promise<Reply> {
  const joined = new JoinedStream({ call, stamp: init.stamp, extension: init.extension });
  joined.body.onEnd((ending) => {
    group.release();
    if (ending.kind !== 'ended') group.abort(ending.kind === 'failed' ? ending.error : ending.reason);
  });
  const { promise, resolve, reject } = Promise.withResolvers<HeaderList>();
  const join = async () => {
    const failures: unknown[] = [];
    let position = 0;
    for (const [i, one] of running.entries()) {
      const outcome = await one;
      if ('error' in outcome) {
        failures.push(outcome.error);
        continue;
      }
      const index = position++;
      if (outcome.reply.kind !== 'bytes')
        joined.add({ reply: outcome.reply, indexOf: () => index, label: branches[i]?.label });
      resolve(outcome.reply.headers);
    }
    if (position > 0 && failures.length > 0) reportDegraded(call.exchange, 'branch_failed');
    if (position > 0) joined.close();
    else reject(failureToTell(failures, init.isRanked));
  };
  join().catch(reject);
  try {
    return { ...streamReply(joined.body), headers: eventStreamHeaders(await promise) };
  } catch (error) {
    group.release();
    throw error;
  }
}

/** The failure that the client gets if all branches failed: the one that ranks first, or the first as written. */
export function failureToTell(failures: readonly unknown[], isRanked: boolean): unknown {
  return isRanked ? firstByRank(failures) : failures[0];
}

/** A branch's whole reply. */
export interface Part {
  readonly reply: CompleteReply;
  readonly label?: string | undefined;
}

/**
 * Merges completions into one: the stamp's id and time, choices numbered from 0, and the usage of all calls of the
 * exchange. Everything else is the first reply's.
 */
export function mergeReplies(parts: readonly Part[], call: Call, stamp: StreamStamp): CompleteReply {
  const choices: Choice[] = [];
  for (const { reply, label } of parts) {
    for (const choice of completionOf(reply, call).choices) {
      choices.push({
        ...choice,
        index: choices.length,
        ...(label === undefined ? {} : { optigate: { approach: label } }),
      });
    }
  }
  const [first] = parts;
  if (!first) throw new Error('there is nothing to merge');
  return stamped({ ...first.reply, body: first.reply.body.with({ choices }) }, call, stamp);
}

/** The reply with the stamp's id and time, and the usage of all calls: for an answer that took several. */
export function stamped(reply: CompleteReply, call: Call, { id, created }: StreamStamp): CompleteReply {
  const usage: Usage | undefined = call.exchange.ledger.answerUsage;
  return {
    ...reply,
    headers: withHeader(reply.headers, 'content-length', undefined),
    body: reply.body.with({ id, created, ...(usage ? { usage: withReasoningTokens(usage) } : {}) }),
  };
}

/** A new id and the current time, for an answer that is made of several calls. */
export function createStamp(model: string, clock: Clock): StreamStamp {
  return { id: `chatcmpl-${randomUUID()}`, created: Math.floor(clock.now() / 1_000), model };
}

/** The headers for a reply that is sent as an event stream: no length, and that content type. */
export function eventStreamHeaders(headers: HeaderList): HeaderList {
  return withHeader(
    withHeader(headers, 'content-length', undefined),
    'content-type',
    'text/event-stream; charset=utf-8',
  );
}
