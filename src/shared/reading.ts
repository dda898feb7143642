/** How something long goes: until it is told to stop, saying how far it is. */
export interface Reading {
  readonly signal?: AbortSignal;
  /** Bytes that have been read, of all the file's; often. */
  readonly progress?: (bytes: number, size: number) => void;
  /** What is done now and takes a while, as the rest of a sentence: `28,501 nodes are opened`. */
  readonly say?: (text: string) => void;
}
