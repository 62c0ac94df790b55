/**
 * The two doors: `optigate` for every plugin, `optigate/approach` for what approaches are written with. Each name is
 * behind one of them. Compiled by `npm run typecheck`, never run.
 */
import { expectTypeOf } from 'vitest';
import type * as optigate from 'optigate';
import type * as approach from 'optigate/approach';
import type * as ownApproach from '../../core/approach/index.ts';
import type * as own from '../../core/index.ts';

// A plugin of others gets what a built-in one gets.
expectTypeOf<typeof optigate>().toEqualTypeOf<typeof own>();
expectTypeOf<typeof approach>().toEqualTypeOf<typeof ownApproach>();

// No name is behind both.
expectTypeOf<keyof typeof optigate & keyof typeof approach>().toBeNever();

expectTypeOf<'definePlugin' | 'z' | 'gatewayError' | 'wires' | 'STAGE'>().toExtend<keyof typeof optigate>();
expectTypeOf<'approachOptions' | 'judgeCall' | 'toAnswers' | 'randomOf'>().toExtend<keyof typeof approach>();

// @ts-expect-error: what approaches are written with has a door of its own
export type { judgeCall } from 'optigate';

// @ts-expect-error: and the rest is not there
export type { definePlugin } from 'optigate/approach';

// @ts-expect-error: no plugin reaches into core's rooms
export type { createPlanning } from 'optigate/plan';
