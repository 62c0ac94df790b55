/** Answers of real servers that once were read wrongly, kept as the bytes that came. */
import { readFileSync } from 'node:fs';
import type { TestGateway } from './gateway.ts';
import { chatCompletion, events, json, type ScriptedReply, type ScriptedRequest } from './scripted-upstream.ts';

export function field(name: string): string {
  return readFileSync(new URL(`field/${name}`, import.meta.url), 'utf8');
}

/** A `.sse` answers streams, while other requests get a plain draft; a `.json` answers everything. */
export function answeringWith(name: string): (request: ScriptedRequest) => ScriptedReply {
  const bytes = field(name);
  return (request) => {
    if (name.endsWith('.json')) return json(bytes);
    return request.json['stream'] === true ? events([bytes]) : json(chatCompletion(`draft ${request.index}. Score: 7`));
  };
}

/** What a client reads from a chat stream. */
export interface ReadStream {
  readonly status: number;
  readonly text: string;
  readonly finish: string | undefined;
  /** The data of every event. */
  readonly events: readonly string[];
}

export async function readStream(response: Response): Promise<ReadStream> {
  const raw = await response.text();
  const datas = raw
    .split('\n\n')
    .flatMap((event) => (/^data: /m.test(event) ? [event.replace(/^[^]*?data: /, '')] : []));
  let text = '';
  let finish: string | undefined;
  for (const data of datas) {
    if (!data.startsWith('{')) continue;
    const chunk = JSON.parse(data) as { choices?: { delta?: { content?: unknown }; finish_reason?: string }[] };
    for (const { delta, finish_reason } of chunk.choices ?? []) {
      if (typeof delta?.content === 'string') text += delta.content;
      if (finish_reason) finish = finish_reason;
    }
  }
  return { status: response.status, text, finish, events: datas };
}

/** A streamed chat, read to its end. */
export async function streamed(gateway: TestGateway, body: Record<string, unknown> = {}): Promise<ReadStream> {
  return readStream(await gateway.chat({ stream: true, ...body }));
}
