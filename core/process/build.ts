import type { Logger } from 'pino';
import { systemClock, type Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createKept, type Kept } from '../kept.ts';
import { createApp, type App } from '../server/app.ts';
import type { ServerState } from '../server/probes.ts';

/** What a server is built with, besides its configuration. */
export interface BuildDeps {
  readonly log: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** What the pipeline before has left; default: nothing. */
  readonly kept?: Kept;
  /** May it look for a model server on this machine, if the configuration says `autodetect`? */
  readonly detect: boolean;
}

/** A pipeline with its HTTP side, ready to serve. */
export interface Built {
  readonly gateway: Gateway;
  readonly app: App;
  readonly state: ServerState;
}

/** Builds the pipeline and the app of a configuration, without listening. Throws an `Error` that says what is wrong. */
export async function buildServer(config: Config, deps: BuildDeps): Promise<Built> {
  const registering = { owner: 'core', isSealed: false };
  const app = createApp(config, deps.log, () => registering.owner);
  const gateway = await createGateway(config, {
    app: app.fastify,
    log: deps.log,
    clock: deps.clock ?? systemClock,
    kept: deps.kept ?? createKept(),
    detect: deps.detect,
    registering,
  });
  const state: ServerState = { isReady: false, isDraining: false };
  await app.mount(gateway, state);
  return { gateway, app, state };
}
