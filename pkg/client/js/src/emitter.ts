/** Calls listeners. If a listener throws, the others are still called, and its error becomes an unhandled rejection. */
export class Emitter<Events> {
  _listeners = new Map<keyof Events, Set<(event: any) => void>>();

  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    let set = this._listeners.get(type);
    if (!set) this._listeners.set(type, (set = new Set()));
    // Wrapped, so that one function added twice is called and removed twice.
    const own = (event: Events[K]) => listener(event);
    set.add(own);
    return () => void set.delete(own);
  }

  _emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of [...(this._listeners.get(type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        void Promise.reject(error);
      }
    }
  }
}
