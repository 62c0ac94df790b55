/** Plugins that tests write, and what programs with them answer. */

/** A plugin called `own` whose `apply` has this body. */
export const own = (
  body: string,
  head = '',
) => `import { definePlugin, z, STAGE, GatewayError, ByteStream, completeReply, Payload } from 'optigate';
${head}
export default definePlugin({
  name: 'own',
  description: 'A plugin of a test.',
  apply({ hooks, approaches, app, checks, log }) { ${body} },
});
`;

/** The text of a stream. */
export function contentOf(stream: string): string {
  const events = stream.split('\n\n').filter((event) => event.startsWith('data: {'));
  const chunks = events.map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] });
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}
