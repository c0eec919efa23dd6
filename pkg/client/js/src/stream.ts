import { GaplessError } from "./error.js";
import { maxLag } from "./limits.js";

/** One `for await` over a room. */
export class Stream<T> implements AsyncIterableIterator<T> {
  /** Pushed and not delivered yet. */
  _items: T[] = [];
  private _error: GaplessError | undefined;
  /** Calls of `next` that wait. */
  private _waiting: (() => void)[] = [];

  /** Is one of `_open` until it ends. */
  constructor(private _open: Set<Stream<T>>, private _handed: () => void) {
    _open.add(this);
  }

  _push(item: T): void {
    if (this._items.push(item) > maxLag) this._end(new GaplessError("overflow", "a loop lags too far behind"));
    this._wake();
  }

  /** Items pushed before can still be read; then follows the error, if any, or the end. */
  _end(error?: GaplessError): void {
    if (!this._open.delete(this)) return;
    this._error = error;
    this._wake();
  }

  async next(): Promise<IteratorResult<T>> {
    while (!this._items.length && this._open.has(this)) await new Promise<void>((wake) => this._waiting.push(wake));
    if (this._items.length) {
      const value = this._items.shift()!;
      this._handed();
      return { value, done: false };
    }
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
