/** What the listening server knows, for `/ready` and for new requests. */
export interface ServerState {
  isReady: boolean;
  isDraining: boolean;
}
