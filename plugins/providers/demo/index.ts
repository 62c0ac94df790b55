/**
 * The built-in demo upstream: canned answers, labelled as such, for a first look without a key, and for tests. It gives
 * right and wrong answers to calculations and a few known questions, and judges them, so that approaches can be seen to
 * work. How well they work here says nothing about real models.
 */
import { definePlugin, wires, type Upstream } from '../../../core/index.ts';
import type * as attempt from './attempt.ts';
import { demoSettings, MODELS, readSettings, type DemoSettings } from './settings.ts';

const NAME = 'demo';

export default definePlugin({
  name: NAME,
  description: 'A built-in upstream with canned answers, labelled [demo]: for a first look without a key.',
  options: demoSettings,
  apply({ providers, clock }) {
    const settingsOf = remembered(readSettings);
    // Every start knows this upstream, and few ask it: what answers is loaded with the first call.
    let loading: Promise<typeof attempt> | undefined;
    providers.add({
      name: NAME,
      description: 'Canned answers from inside the program; no network, no key.',
      isRemote: false,
      wires: [wires.chat, wires.completions, wires.embeddings],
      async send(call) {
        const { sendDemo } = await (loading ??= import('./attempt.ts'));
        return sendDemo(call, settingsOf(call.upstream), clock);
      },
      models: async () => MODELS.map((id) => ({ id, object: 'model', created: 0, owned_by: 'optigate-demo' })),
    });
  },
});

/** Reads the settings of each upstream only once. */
function remembered(read: (upstream: Upstream) => DemoSettings): (upstream: Upstream) => DemoSettings {
  const known = new WeakMap<Upstream, DemoSettings>();
  return (upstream) => {
    const settings = known.get(upstream) ?? read(upstream);
    known.set(upstream, settings);
    return settings;
  };
}
