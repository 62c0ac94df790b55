/** The answer of a stream while it comes: text before `<output>` is held back, and text after `</output>` is dropped. */
import { gatewayError, type Call, type Choice, type Chunk, type ChunkChoice, type Usage } from '../../../core/index.ts';
import { bringsMedia, callsTool, messageText } from '../../../core/approach/index.ts';
import { LayoutReader, type Piece } from './layout.ts';
import { countThinking } from './reasoning-tokens.ts';

/** What changing a stream needs. */
export interface LiveInit {
  readonly call: Call;
  /** Does the client want the thinking as `reasoning_content`? */
  readonly wantsThinking: boolean;
  /**
   * Makes the second call, for a choice whose thinking was cut or that brought nothing (`thinking` is empty). Undefined
   * if it fails.
   */
  readonly repair: (thinking: string) => Promise<Choice | undefined>;
}

/** For `changedStream`: how the chunks of each choice change, and what follows when the stream has ended. */
export function liveChoices({ call, wantsThinking, repair }: LiveInit) {
  const readers = new Map<number, LayoutReader>();
  let usage: Usage | undefined;
  const unanswered: { chunk: Chunk; choice: ChunkChoice; thinking: string }[] = [];
  /** The last chunk of each choice that has not ended. */
  const open = new Map<number, { chunk: Chunk; choice: ChunkChoice }>();
  const readerOf = (index: number) => {
    const reader = readers.get(index) ?? new LayoutReader(true);
    readers.set(index, reader);
    return reader;
  };

  const changed = (chunk: Chunk, choice: ChunkChoice): ChunkChoice[] => {
    const { delta, finish_reason, index } = choice;
    const reader = readerOf(index);
    const isCut = finish_reason === 'length';
    const isEnd = typeof finish_reason === 'string' && finish_reason !== '';
    if (isEnd) open.delete(index);
    else open.set(index, { chunk, choice });
    if (callsTool(delta) || bringsMedia(delta) || Boolean(delta.refusal)) reader.isOther = true;
    const pieces = reader.push(messageText(delta));
    const isFiltered = finish_reason === 'content_filter';
    const last = isEnd && !reader.isOther && !isFiltered ? reader.end(isCut) : [];
    const text = texts([...pieces, ...last], wantsThinking);
    const { content: _, ...withoutText } = delta;
    const others = bringsMedia(delta) ? delta : withoutText;
    const shown = { ...others, ...(delta.role === undefined ? {} : { content: '' }), ...text };
    const isUnanswered = isEnd && !reader.isOther && !isFiltered && !reader.hasAnswer;
    if (isUnanswered) unanswered.push({ chunk, choice, thinking: reader.thinking.trim() });
    if (Object.keys(shown).length === 0 && (isUnanswered || !isEnd)) return [];
    return [{ ...choice, delta: shown, finish_reason: isUnanswered ? null : (finish_reason ?? null), logprobs: null }];
  };

  /** Ends the choices that have no `finish_reason`, which some servers never send. */
  const ended = (): Chunk[] =>
    [...open.values()].flatMap(({ chunk, choice }) => {
      const choices = changed(chunk, { ...choice, delta: {}, finish_reason: 'stop' });
      return choices.length === 0 ? [] : [{ ...chunk, choices }];
    });

  return {
    change(chunk: Chunk): readonly Chunk[] {
      usage = chunk.usage ?? usage;
      const choices = chunk.choices.flatMap((choice) => changed(chunk, choice));
      return choices.length === 0 && chunk.choices.length > 0 ? [] : [{ ...chunk, choices }];
    },
    async onEnd(): Promise<readonly Chunk[]> {
      const last = ended();
      const thinking = [...readers.values()].map((reader) => reader.thinking);
      countThinking(thinking, usage, call);
      const answers = await Promise.all(
        unanswered.map(async ({ choice, thinking }): Promise<ChunkChoice> => {
          const second = await repair(thinking);
          const content = second ? messageText(second.message) : '';
          if (!second || content === '') return { ...choice, delta: {}, logprobs: null };
          return { ...choice, delta: { content }, finish_reason: second.finish_reason, logprobs: null };
        }),
      );
      const isNothing = answers.every(
        ({ delta, finish_reason }) => delta.content === undefined && finish_reason !== 'length',
      );
      if (answers.length > 0 && answers.length === readers.size && isNothing)
        throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered with nothing usable' });
      const repaired = answers.flatMap((choice, i) =>
        unanswered[i] ? [{ ...unanswered[i].chunk, choices: [choice] }] : [],
      );
      return [...last, ...repaired];
    },
  };
}

function texts(pieces: readonly Piece[], wantsThinking: boolean): { content?: string; reasoning_content?: string } {
  const content = joined(pieces, 'answer');
  const thinking = wantsThinking ? joined(pieces, 'thinking') : '';
  return { ...(content === '' ? {} : { content }), ...(thinking === '' ? {} : { reasoning_content: thinking }) };
}

function joined(pieces: readonly Piece[], kind: Piece['kind']): string {
  return pieces.flatMap((piece) => (piece.kind === kind ? [piece.text] : [])).join('');
}
