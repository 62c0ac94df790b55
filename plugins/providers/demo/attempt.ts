/** Answers one call of the demo upstream as a server would: with its delays and faults, its errors and its usage. */
import { randomUUID } from 'node:crypto';
import { Random } from '../../../core/approach/index.ts';
import { delay, gatewayError, onEnd, type Call, type Clock, type Reply, type Usage } from '../../../core/index.ts';
import { chatChoices, completionChoices } from './choices.ts';
import { readEmbeddingAsk, toEmbeddings } from './embeddings.ts';
import { failure, jsonReply, pacedStream, pause, refusal } from './replies.ts';
import { MODELS, type DemoSettings } from './settings.ts';
import { countPromptTokens, tokenise } from './tokens.ts';
import { toCompletion, toEvents, type Finished, type FormName, type Heading } from './wire.ts';

const MAX_CHOICES = 128;

/** Sends one attempt, and records it in the trace. For other providers the transport does both. */
export function sendDemo(call: Call, settings: DemoSettings, clock: Clock): Promise<Reply> {
  return traced(call, () => send(call, settings, clock));
}

async function traced(call: Call, sending: () => Promise<Reply>): Promise<Reply> {
  const { exchange, role, request, trace, upstream } = call;
  if (!trace.isOn) return sending();
  const startMs = performance.now() - exchange.startedAt;
  const reply = await sending();
  onEnd(reply, () => {
    const usage = reply.kind === 'complete' ? reply.body.value.usage : undefined;
    trace.add({
      role,
      upstream: upstream.name,
      model: request.value.model,
      start_ms: startMs,
      end_ms: performance.now() - exchange.startedAt,
      status: reply.status,
      ...(usage ? { usage } : {}),
    });
  });
  return reply;
}

/** Answers one attempt, with the delays and faults that the upstream's settings ask for. */
async function send(call: Call, settings: DemoSettings, clock: Clock): Promise<Reply> {
  const { exchange, signal } = call;
  signal.throwIfAborted();
  call.spend();
  const faults = new Random(exchange.id, exchange.ledger.requests);
  if (faults.chance(settings.hang)) return hang(call, clock);
  await pause(settings.latency, signal, clock);
  if (settings.fail && faults.chance(settings.fail.rate)) return failure(settings.fail);
  switch (exchange.operation) {
    case 'chat':
    case 'completions':
      return answer(call, exchange.operation, settings, { clock, isCut: faults.chance(settings.cut_stream) });
    case 'embeddings':
      return embeddings(call);
    default:
      return refusal({
        status: 404,
        code: 'unknown_url',
        message: `The demo upstream does not serve ${exchange.client.path}`,
      });
  }
}

async function answer(
  call: Call,
  form: FormName,
  settings: DemoSettings,
  { clock, isCut }: { readonly clock: Clock; readonly isCut: boolean },
): Promise<Reply> {
  const request = call.request.value;
  const n = request.n ?? 1;
  if (!Number.isInteger(n) || n < 1 || n > MAX_CHOICES) return invalid('n', `a whole number from 1 to ${MAX_CHOICES}`);
  const prompts = form === 'chat' ? undefined : textsOf(request['prompt']);
  if (form === 'chat' && !Array.isArray(request.messages)) return invalid('messages', 'a list of messages');
  if (form === 'completions' && !prompts) return invalid('prompt', 'a text, texts or token ids');
  const choices = prompts ? completionChoices(call, prompts, n) : chatChoices(call, n);
  const usage = usageOf(prompts?.map((content) => ({ role: 'user', content })) ?? request.messages, choices);
  const heading: Heading = {
    id: `${form === 'chat' ? 'chatcmpl' : 'cmpl'}-demo-${randomUUID()}`,
    created: Math.floor(clock.now() / 1000),
    model: modelOf(request.model),
  };
  const stepMs = settings.tokens_per_second === undefined ? 0 : 1000 / settings.tokens_per_second;
  if (request.stream !== true) {
    const steps = Math.max(...choices.map(({ text }) => tokenise(text).length));
    await pause(steps * stepMs, call.signal, clock);
    call.addUsage(usage);
    return jsonReply(toCompletion(form, heading, choices, usage));
  }
  const shown = request.stream_options?.include_usage === true ? usage : undefined;
  const events = [...toEvents(form, heading, choices, shown)];
  return pacedStream(call, isCut ? events.slice(0, events.length / 2) : events, { stepMs, usage, isCut, clock });
}

function embeddings(call: Call): Reply {
  const { model, ...body } = call.request.value;
  const ask = readEmbeddingAsk(body);
  if (!ask) return invalid('input', "a text, texts or token ids, and 'dimensions' from 1 to 4096");
  const answer = toEmbeddings(ask, modelOf(model));
  call.addUsage(answer.usage);
  return jsonReply(answer);
}

/** Answers nothing, as a server that hangs: ends with the upstream's time-out. */
async function hang({ upstream, signal }: Call, clock: Clock): Promise<never> {
  const { timeoutMs } = upstream.settings;
  await delay(clock, timeoutMs, signal);
  throw gatewayError('upstream_timeout', { upstream: upstream.name, ms: timeoutMs });
}

function invalid(param: string, expected: string): Reply {
  return refusal({ status: 400, code: 'invalid_value', message: `'${param}' must be ${expected}`, param });
}

/** The model that answers: an unknown name gets the small one, and the answer names that. */
function modelOf(asked: string): string {
  return MODELS.find((id) => id === asked) ?? MODELS[0];
}

function usageOf(messages: Parameters<typeof countPromptTokens>[0], choices: readonly Finished[]): Usage {
  const prompt = countPromptTokens(messages);
  const completion = choices.reduce(
    (sum, { text, toolCall }) => sum + tokenise(text + (toolCall ? toolCall.name + toolCall.arguments : '')).length,
    0,
  );
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** The texts of `prompt`, which has the same forms as the input of embeddings. */
function textsOf(prompt: unknown): string[] | undefined {
  return readEmbeddingAsk({ input: prompt })?.inputs.slice();
}
