/** The plugin that the documentation shows, as its readers copy it. */
export const STAMP = `import { definePlugin, STAGE, z } from 'optigate';

export default definePlugin({
  name: 'stamp',
  description: 'Signs the prompt, counts calls, and offers an approach that asks twice.',
  options: z.strictObject({ text: z.string().default('hello'), twice: z.boolean().default(true) }),
  dependencies: [],                                                // names of plugins that must be there too
  apply({ hooks, approaches, app, log }, options) {
    hooks.authenticate.tap('stamp', (exchange) => undefined);      // Identity = accept, undefined = ask the next, throw = refuse
    hooks.request.tapPromise('stamp', async (exchange) => {        // once per request, before anything is planned
      if (exchange.operation !== 'chat') return;                   // embeddings, completions and the rest pass here too
      const request = exchange.request.value;                      // the parsed body, read-only
      exchange.request = exchange.request.with({ messages: [...request.messages, { role: 'user', content: options.text }] });
      exchange.headers.set('x-stamp', 'yes');                      // goes out with the answer
    });
    hooks.upstream.tap({ name: 'stamp', stage: STAGE.upstream.observe }, async (call, next) => {   // around every call upstream
      const reply = await next(call);
      log.debug({ status: reply.status }, 'stamped');
      return reply;
    });
    if (options.twice) {
      approaches.add('twice', {                                    // selectable as "twice", options checked as for built-in ones
        kind: 'answerer',
        description: 'Asks twice, keeps the longer answer.',
        async run(call, next) {
          const [a, b] = await Promise.all([next.ask(call), next.ask(call)]);   // two complete answers, at the same time
          return a.text.length >= b.text.length ? a.reply : b.reply;
        },
      });
    }
    app.get('/stamp', async () => ({ ok: true }));                 // a route of its own (fastify), behind auth unless it says otherwise
  },
});
`;
