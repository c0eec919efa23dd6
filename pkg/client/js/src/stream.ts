import { GaplessError } from "./error.js";

/** Messages that one iteration may lag behind before it is told so. */
const maxLag = 10_000;

/** One `for await` over a room. */
export class Stream<T> implements AsyncIterableIterator<T> {
  private _items: T[] = [];
  private _error: GaplessError | undefined;
  /** Calls of `next` that wait. */
  private _waiting: (() => void)[] = [];

  /** Is one of `_open` until it ends. */
  constructor(private _open: Set<Stream<T>>) {
    _open.add(this);
  }

  _push(item: T): void {
    if (this._items.push(item) > maxLag) this._end(new GaplessError("overflow", `an iteration lags ${maxLag} messages behind`));
    this._wake();
  }

  /** What was pushed before can still be read; then comes the error, if any, or the end. */
  _end(error?: GaplessError): void {
    if (!this._open.delete(this)) return;
    this._error = error;
    this._wake();
  }

  async next(): Promise<IteratorResult<T>> {
    while (!this._items.length && this._open.has(this)) await new Promise<void>((wake) => this._waiting.push(wake));
    if (this._items.length) return { value: this._items.shift()!, done: false };
    const error = this._error;
    this._error = undefined;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<T>> {
    this._items = [];
    this._end();
    this._error = undefined;
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private _wake(): void {
    for (const wake of this._waiting.splice(0)) wake();
  }
}
