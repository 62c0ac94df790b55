/**
 * The plain call: the client's request as it is, the upstream's answer as it comes. One call, one round. The identity in
 * `a&b`, the baseline in `a|b`, and `none-…` reaches a model whose own name begins with an approach's.
 */
import { definePlugin } from '../../core/index.ts';

export default definePlugin({
  name: 'none',
  description: 'Passes the request on as it is.',
  apply({ approaches }) {
    approaches.add('none', { kind: 'answerer', isSingleCall: true, run: (call, next) => next(call) });
  },
});
