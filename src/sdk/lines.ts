/** Cuts a stream of UTF-8 bytes into lines, however the bytes are cut into pieces. */
export class Lines {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #rest = '';

  /** The lines that this piece completes. */
  push(piece: Uint8Array): string[] {
    const text = this.#decoder.decode(piece, { stream: true });
    if (!text.includes('\n')) {
      this.#rest += text;
      return [];
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    return lines;
  }

  /** What came after the last line end: not empty when the stream was cut off. */
  get rest(): string {
    return this.#rest + this.#decoder.decode();
  }
}
