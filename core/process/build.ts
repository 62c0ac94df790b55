import { systemClock, type Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createKept, type Kept } from '../kept.ts';
import type { Logger } from 'pino';
import { createApp, type App } from '../server/app.ts';
import type { ServerState } from '../server/probes.ts';

export interface BuildDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly kept?: Kept;
  /** Look for a running model server where the configuration says `autodetect`? */
  readonly detect: boolean;
}

export interface Built {
  readonly gateway: Gateway;
  readonly app: App;
  readonly state: ServerState;
}

/** A configuration made ready to serve: pipeline sealed, routes mounted, nothing listening. Throws what is wrong with it. */
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
