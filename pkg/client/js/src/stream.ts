import { GaplessError } from "./error.js";

/** Messages that one iteration may lag behind before it is told so. */
const maxLag = 10_000;

/** One `for await` over a room. */
export class Stream<T> implements AsyncIterableIterator<T> {
  private _items: T[] = [];
  private _error: GaplessError | undefined;
  private _ended?: boolean;
  private _next: { _resolve(r: IteratorResult<T>): void; _reject(e: unknown): void }[] = [];

  constructor(private _release: (stream: Stream<T>) => void) {}

  _push(item: T): void {
    const next = this._next.shift();
    if (next) next._resolve({ value: item, done: false });
    else if (this._items.push(item) > maxLag) {
      this._end(new GaplessError("overflow", `an iteration lags ${maxLag} messages behind`));
    }
  }

  /** What was pushed before can still be read; then comes the error, if any, or the end. */
  _end(error?: GaplessError): void {
    if (this._ended) return;
    this._ended = true;
    this._release(this);
    this._error = error;
    for (const next of this._next.splice(0)) {
      if (this._error) next._reject(this._error);
      else next._resolve({ value: undefined, done: true });
      this._error = undefined;
    }
  }

  next(): Promise<IteratorResult<T>> {
    if (this._items.length) return Promise.resolve({ value: this._items.shift()!, done: false });
    if (this._error) {
      const error = this._error;
      this._error = undefined;
      return Promise.reject(error);
    }
    if (this._ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this._next.push({ _resolve: resolve, _reject: reject }));
  }

  return(): Promise<IteratorResult<T>> {
    this._items = [];
    this._end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
