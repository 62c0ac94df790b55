import type { Incoming } from '../exchange/exchange.ts';

/** A model that a request names in its path or query instead of its body. */
export interface ModelInPath {
  readonly name: string;
  /** The path with another name in its place. */
  withName(name: string): string;
}

const MODELS = '/v1/models/';

/** Finds the model in `DELETE /v1/models/{model}`, and in `?model=`; undefined if there is none. */
export function modelInPath({ method, path }: Incoming): ModelInPath | undefined {
  const mark = path.indexOf('?');
  const plain = mark < 0 ? path : path.slice(0, mark);
  if (method === 'DELETE' && plain.startsWith(MODELS)) {
    const name = decoded(plain.slice(MODELS.length));
    return { name, withName: (other) => MODELS + encodeURIComponent(other) + path.slice(plain.length) };
  }
  if (mark < 0) return undefined;
  const query = new URLSearchParams(path.slice(mark));
  const name = query.get('model');
  if (name === null || name === '') return undefined;
  return {
    name,
    withName(other) {
      query.set('model', other);
      return `${plain}?${query.toString()}`;
    },
  };
}

/** The router has checked that it can be decoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
