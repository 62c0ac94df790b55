import { randomUUID } from 'node:crypto';
import { Random } from '../../../core/approach/index.ts';
import type { Call, ChatRequest } from '../../../core/index.ts';
import { answerTo } from './answers.ts';
import { readPrompt } from './prompt.ts';
import { conforming, type Filling } from './schema.ts';
import { tokenise } from './tokens.ts';
import type { Finished } from './wire.ts';

/**
 * The `n` samples of a chat call. A sample depends on nothing but the messages, the model, the seed, the call's ordinal
 * among equal calls, and the choice's index.
 */
export function chatChoices(call: Call, n: number): Finished[] {
  const request = call.request.value;
  const prompt = readPrompt(call);
  const messages = JSON.stringify(request.messages);
  const tool = prompt.role === 'generation' && prompt.toolResult === undefined ? chosenTool(request) : undefined;
  return Array.from({ length: n }, (_, index) => {
    const random = new Random(messages, request.model, request.seed ?? '', call.ordinal, index);
    const answer = answerTo(prompt, random);
    if (tool) {
      const filling = fillingOf(answer);
      const args = JSON.stringify(conforming(tool.parameters, filling) ?? {});
      const id = `call_${randomUUID().replaceAll('-', '')}`;
      return { text: '', toolCall: { id, name: tool.name, arguments: args }, reason: 'tool_calls' as const };
    }
    const schema = answerSchema(request);
    if (schema) return { text: JSON.stringify(conforming(schema, fillingOf(answer))), reason: 'stop' as const };
    return limited(answer, request);
  });
}

/** The choices of a text completion: `n` for each prompt, in the order of the prompts. */
export function completionChoices(call: Call, prompts: readonly string[], n: number): Finished[] {
  const request = call.request.value;
  return prompts.flatMap((content) => {
    const asChat = call.with({ messages: [{ role: 'user', content }] });
    const prompt = readPrompt(asChat);
    return Array.from({ length: n }, (_, index) => {
      const random = new Random(content, request.model, request.seed ?? '', call.ordinal, index);
      return limited(answerTo(prompt, random), request);
    });
  });
}

/** Cuts a text at the first stop sequence and at the token limit. */
function limited(text: string, request: ChatRequest): Finished {
  const stops = typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []);
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const stopped = text.slice(0, Math.min(text.length, ...ends));
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const tokens = tokenise(stopped);
  if (tokens.length <= limit) return { text: stopped, reason: 'stop' };
  return { text: tokens.slice(0, limit).join(''), reason: 'length' };
}

/** The tool to call: the one that `tool_choice` names, else the first function. Undefined if it forbids tools. */
function chosenTool({ tools, tool_choice: choice }: ChatRequest): { name: string; parameters: unknown } | undefined {
  if (!Array.isArray(tools) || choice === 'none') return undefined;
  const functions = tools.map(functionOf).filter((found) => found !== undefined);
  const named = functionOf(choice)?.name;
  return functions.find(({ name }) => name === named) ?? functions[0];
}

/** The function that a tool or a `tool_choice` holds; undefined if it holds none. */
function functionOf(tool: unknown): { name: string; parameters: unknown } | undefined {
  if (typeof tool !== 'object' || tool === null || !('function' in tool)) return undefined;
  const described = tool.function;
  if (typeof described !== 'object' || described === null || !('name' in described)) return undefined;
  const { name } = described;
  if (typeof name !== 'string') return undefined;
  return { name, parameters: 'parameters' in described ? described.parameters : { type: 'object' } };
}

/** The schema that `response_format` asks for, or a small one if it allows any object. Undefined = plain text. */
function answerSchema({ response_format: format }: ChatRequest): unknown {
  if (format?.['type'] === 'json_object')
    return { type: 'object', properties: { answer: { type: 'string' }, demo: { type: 'boolean' } } };
  if (format?.['type'] !== 'json_schema') return undefined;
  const described = format['json_schema'];
  return typeof described === 'object' && described !== null && 'schema' in described ? described.schema : {};
}

/** Fills JSON with the answer: texts are the labelled answer, numbers the value that it states. */
function fillingOf(answer: string): Filling {
  const number = Number(/(?:Final answer|Score|Choice): (-?\d+(?:\.\d+)?)/.exec(answer)?.[1] ?? Number.NaN);
  return { text: answer, number: Number.isNaN(number) ? undefined : number };
}
