/** `definePlugin`: the schema of `options` is the one source of their types. Compiled by `npm run typecheck`, never run. */
import { expectTypeOf } from 'vitest';
import { definePlugin, duration, size, z, type Plugin, type PluginContext } from 'optigate';

const about = { name: 'mine', description: 'Does something.' };

// `apply` gets the options as the schema puts them out: with defaults, units read.
const plugin = definePlugin({
  ...about,
  options: z.strictObject({
    rules: z.string().default('Be brief.'),
    limit: z.int().optional(),
    within: duration.prefault('10s'),
    up_to: size.prefault('1MB'),
  }),
  guards: ({ rules }) => rules.length > 0,
  apply(context, options) {
    expectTypeOf(options).toEqualTypeOf<{
      rules: string;
      limit?: number | undefined;
      within: number;
      up_to: number;
    }>();
    expectTypeOf(context).toExtend<PluginContext<typeof options>>();
    // @ts-expect-error: no such option
    void options.ruels;
  },
});
expectTypeOf(plugin).toEqualTypeOf<Plugin>();

// Without a schema there are no options.
definePlugin({
  ...about,
  apply(_context, options) {
    expectTypeOf(options).toEqualTypeOf<Record<string, never>>();
  },
});

// `apply` may wait, and may take nothing.
definePlugin({ ...about, apply: async () => {} });
definePlugin({ ...about, dependencies: ['cache'], authenticates: true, needsStreamUsage: true, apply() {} });

// @ts-expect-error: a plugin without a name
definePlugin({ description: 'Does something.', apply() {} });

// @ts-expect-error: a plugin that does nothing
definePlugin({ ...about });

// @ts-expect-error: options are an object's, not a single value
definePlugin({ ...about, options: z.string(), apply() {} });

// @ts-expect-error: a description of options is no schema
definePlugin({ ...about, options: { rules: 'string' }, apply() {} });

definePlugin({
  ...about,
  options: z.strictObject({ open: z.boolean() }),
  // @ts-expect-error: `guards` answers yes or no
  guards: ({ open }) => String(open),
  apply() {},
});

// @ts-expect-error: only `definePlugin` makes a plugin
const handmade: Plugin = async () => {};
void handmade;
