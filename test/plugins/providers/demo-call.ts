/** Calls to the demo provider, as the pipeline makes them. */
import { Call, Payload, type ChatRequest, type Choice, type Operation, type Reply } from '../../../core/index.ts';
import type { Provider, Transport } from '../../../core/upstream/provider.ts';
import { SteppedClock } from '../../support/clock.ts';
import { exchangeOf } from '../../support/exchange.ts';
import { upstreamAt } from '../../support/upstream-call.ts';
import demo from '../../../plugins/providers/demo/index.ts';

export const SUM = 'What is 17 * 23?';
const NO_TRANSPORT = {} as Transport;

export const TOOL = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 3 } },
    },
  },
};

export interface Asked {
  readonly text?: string;
  /** What the client asked, where an approach's prompt differs. */
  readonly asked?: string;
  readonly role?: string;
  readonly operation?: Operation;
  readonly request?: Partial<ChatRequest>;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly clock?: SteppedClock;
}

export function demoCall({
  text = '',
  asked = text,
  role = 'answer',
  operation = 'chat',
  request,
  extra = {},
  ...rest
}: Asked) {
  const provider = load(rest.clock ?? new SteppedClock());
  const upstream = upstreamAt('', { name: 'demo', provider, extra, key: null });
  const body = (content: string) =>
    Payload.fromValue<ChatRequest>({ model: 'demo-small', messages: [{ role: 'user', content }], ...request });
  const exchange = exchangeOf({ operation, body: body(asked).value });
  const signal = rest.signal ?? new AbortController().signal;
  const call = new Call({ exchange, request: body(text), role, upstream, signal });
  return { call, send: (one: Call) => provider.send(one, NO_TRANSPORT) };
}

export function reply(asked: Asked): Promise<Reply> {
  const { call, send } = demoCall(asked);
  return send(call);
}

export async function complete(asked: Asked) {
  return bodyOf(await reply(asked));
}

export async function bodyOf(got: Reply) {
  if (got.kind !== 'complete') throw new Error(`expected a complete reply, got a ${got.kind}`);
  return got.body.value;
}

export async function events(got: Reply): Promise<string[]> {
  if (got.kind === 'complete') throw new Error('expected a stream');
  const bytes: Buffer[] = [];
  for await (const chunk of got.body) bytes.push(chunk);
  return Buffer.concat(bytes)
    .toString()
    .split('\n\n')
    .filter(Boolean)
    .flatMap((event) => event.split('\n'))
    .map((line) => line.replace(/^data: /, ''));
}

function load(clock: SteppedClock): Provider {
  let provider: Provider | undefined;
  const context = { providers: { add: (added: Provider) => (provider = added) }, clock };
  void demo({} as never, { context, options: {} } as never);
  return provider!;
}

export function candidates(...values: string[]): string {
  return values
    .map((value, i) => `Candidate ${i + 1}:\n[demo] I make it ${value}.\n\nFinal answer: ${value}`)
    .join('\n');
}

export function textIn([choice]: readonly Choice[]): string {
  const content = choice?.message.content;
  if (typeof content !== 'string') throw new Error('expected a text');
  return content;
}

export function statedIn(content: unknown): string {
  return /Final answer: (.+)/.exec(String(content))?.[1] ?? '';
}

/** All that promises alone still do is done. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
