/** What all rows share: the upstream, the load generator and the bare proxy. optigate is started anew for each row. */
import type { BareProxy } from './bare-proxy.ts';
import { startHelper, type Helper } from './ipc.ts';
import type { Load } from './load.ts';
import type { Contender, Row } from './measure.ts';
import type { Upstream } from './upstream.ts';

/** The programs that are running, and how long to measure. */
export interface Stage {
  readonly upstream: Helper<Upstream>;
  readonly upstreamOrigin: string;
  readonly load: Helper<Load>;
  readonly bare: Contender;
  /** Length of one round. */
  readonly seconds: number;
  readonly rounds: number;
}

/** One question, with the rows that answer it. */
export interface Question {
  /** For `--only`. */
  readonly name: string;
  /** The question in words, printed while it is measured. */
  readonly title: string;
  ask(stage: Stage): Promise<readonly Row[]>;
}

/** Starts another bare proxy, for questions that need one which has served nothing yet. */
export async function startBareProxy(upstreamOrigin: string): Promise<Contender & { stop(): Promise<void> }> {
  const proxy = await startHelper<BareProxy>('./bare-proxy.ts');
  const { origin } = await proxy.ask('start', { origin: upstreamOrigin });
  return { pid: proxy.pid, origin, stop: () => proxy.stop() };
}

/** Starts the shared programs; `stop` ends them. */
export async function setStage(seconds: number, rounds: number): Promise<Stage & { stop(): Promise<void> }> {
  const upstream = await startHelper<Upstream>('./upstream.ts');
  const load = await startHelper<Load>('./load.ts');
  const { origin: upstreamOrigin } = await upstream.ask('start', {});
  const bare = await startBareProxy(upstreamOrigin);
  return {
    upstream,
    upstreamOrigin,
    load,
    bare,
    seconds,
    rounds,
    stop: async () => {
      await Promise.all([load.stop(), bare.stop(), upstream.stop()]);
    },
  };
}
