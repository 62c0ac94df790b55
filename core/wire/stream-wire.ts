/** The event-stream dialects: what ends a stream properly, and how an error event reads. */
export type StreamWire = 'chat' | 'completions' | 'responses' | 'messages' | 'other';
