/** OpenAI's embeddings. Their answers are never streamed. */
import { examine } from './examine.ts';
import { plain } from './plain.ts';
import type { Wire } from './wire.ts';

export const embeddings: Wire = {
  ...plain,
  name: 'embeddings',
  isOpen: false,
  examine: (body, isFramed) =>
    examine(body, isFramed, {
      isAlwaysParsed: false,
      isAnswer: (value) => 'data' in value,
      lacking: undefined,
    }),
};
