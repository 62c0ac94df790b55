/** `approaches.add` and what `run` is given. Compiled by `npm run typecheck`, never run. */
import { expectTypeOf } from 'vitest';
import { definePlugin, z, type Call, type ChatRequest, type Payload, type Reply } from 'optigate';
import { approachOptions, type Answer, type Approaches, type Next, type Work } from 'optigate/approach';

declare const approaches: Approaches<{ rules: string }>;

// An approach has the options of its plugin …
approaches.add('mine', {
  kind: 'transformer',
  per: 'call',
  run(call, next, options) {
    expectTypeOf(call).toEqualTypeOf<Call>();
    expectTypeOf(next).toEqualTypeOf<Next>();
    expectTypeOf(options).toEqualTypeOf<{ rules: string }>();
    return next(call);
  },
});

// … or those of a schema of its own, in `models` as in `run`.
approaches.add('mine', {
  kind: 'answerer',
  options: z.strictObject({ samples: z.int().default(3), judge: z.string().optional() }),
  models({ judge }) {
    expectTypeOf(judge).toEqualTypeOf<string | undefined>();
    return judge === undefined ? [] : [judge];
  },
  async run(call, next, options) {
    expectTypeOf(options).toEqualTypeOf<{ samples: number; judge?: string | undefined }>();
    const [first] = await next.sample(call.with({ temperature: 1 }, { role: 'candidate' }), options.samples);
    return first?.reply ?? next(call);
  },
});

// Options from `approachOptions` have the limits that a server may set, beside the approach's own.
const shared = approachOptions({ samples: z.int().default(3) });
approaches.add('mine', {
  kind: 'answerer',
  options: shared,
  run(call, next, { samples, limits }) {
    expectTypeOf(samples).toEqualTypeOf<number>();
    expectTypeOf(limits?.max_calls).toEqualTypeOf<number | undefined>();
    return next(call);
  },
});

// @ts-expect-error: a shape, not a finished schema
approachOptions(z.strictObject({ samples: z.int() }));

// A function with its three arguments written out serves as `run`, too.
const run = (call: Call, next: Next, { rules }: { rules: string }): Promise<Reply> => next(call.with({ user: rules }));
approaches.add('mine', { kind: 'transformer', run });

// @ts-expect-error: that `run` wants options which the schema does not have
approaches.add('mine', { kind: 'transformer', options: z.strictObject({ samples: z.int() }), run });

const repeat = (call: Call, next: Next, { times }: { times: number }) => next(call.with({ n: times }));
// @ts-expect-error: that `run` wants options which the plugin does not have
approaches.add('mine', { kind: 'transformer', run: repeat });

// @ts-expect-error: the kind decides how core composes it
approaches.add('mine', { run });

// @ts-expect-error: there are two kinds
approaches.add('mine', { kind: 'judge', run });

// @ts-expect-error: an approach brings a reply, not a text
approaches.add('mine', { kind: 'answerer', run: () => Promise.resolve('42') });

// What `next` does.
declare const next: Next;
declare const call: Call;
expectTypeOf(next).toEqualTypeOf<Next>();
expectTypeOf(next(call)).toEqualTypeOf<Promise<Reply>>();
expectTypeOf(next.ask(call)).toEqualTypeOf<Promise<Answer>>();
expectTypeOf(next.sample(call, 3, { until: (answers) => answers.length > 1 })).toEqualTypeOf<
  Promise<readonly Answer[]>
>();
expectTypeOf(next.to(call, 'groq/llama-3.3')).toEqualTypeOf<Call>();
expectTypeOf<Answer['text']>().toEqualTypeOf<string>();

// @ts-expect-error: how many?
void next.sample(call);

// @ts-expect-error: a call goes on, not a bare request
void next({ messages: [] });

// A call is changed by `with`, never in place.
expectTypeOf(call.request).toEqualTypeOf<Payload<ChatRequest>>();
expectTypeOf(call.with({ messages: [], temperature: undefined }, { role: 'judge' })).toEqualTypeOf<Call>();

// @ts-expect-error: calls are read-only
call.role = 'judge';

// @ts-expect-error: messages are a list
call.with({ messages: 'Hello' });

// @ts-expect-error: a call's exchange stays what it is
call.with({}, { exchange: call.exchange });

// `Work` holds the three arguments, for the functions that an approach is made of.
interface Judging extends Work<{ samples: number }> {
  readonly candidates: readonly Answer[];
}
expectTypeOf<Judging['options']>().toEqualTypeOf<{ samples: number }>();

// In a plugin: `add` knows the plugin's schema.
definePlugin({
  name: 'mine',
  description: 'Does something.',
  options: z.strictObject({ times: z.int().default(2) }),
  apply({ approaches }) {
    approaches.add('mine', {
      kind: 'transformer',
      run(call, next, { times }) {
        expectTypeOf(times).toEqualTypeOf<number>();
        return next(call);
      },
    });
    // @ts-expect-error: the plugin has no option `rules`
    approaches.add('other', { kind: 'transformer', run });
  },
});
