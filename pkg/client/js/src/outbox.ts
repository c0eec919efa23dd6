import type { ClientCore } from "./client.js";
import { backoff } from "./environment.js";
import { GaplessError } from "./error.js";
import type { Published, PublishOptions } from "./types.js";
import { bytes, maxData } from "./wire.js";

/** The server knows a key for ten minutes; past them, a repetition would be a second message. */
const maxTimeout = 540_000;

interface Item {
  _data: unknown;
  _key: string;
  _sent: boolean;
  _resolve(published: Published): void;
  _reject(error: GaplessError): void;
  _timer: unknown;
}

/**
 * Publishes that wait for their acknowledgement. In one room one is under way
 * at a time: the platform handles a connection's commands at once, so two
 * could change places.
 */
export class Outbox {
  private _queues = new Map<string, Item[]>();
  private _pumping = new Set<string>();
  private _count = 0;
  private _keys = 0;

  constructor(private _client: ClientCore) {}

  _add(room: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return new Promise((resolve, reject) => {
      const client = this._client;
      const { max = 1000, overflow = "reject", timeoutMs = 120_000 } = client._options.queue ?? {};
      const json = JSON.stringify(data);
      if (json === undefined) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > maxData) throw new GaplessError("too_large", `data must be at most ${maxData} bytes of JSON`);
      if (this._count >= max && !(overflow === "drop-oldest" && this._drop())) {
        throw new GaplessError("overflow", `${max} messages wait already`, true);
      }
      const item: Item = {
        _data: JSON.parse(json), // as it is now, whatever becomes of the object
        _key: options.key ?? client._nonce + (++this._keys).toString(36),
        _sent: false,
        _resolve: resolve,
        _reject: reject,
        _timer: client._env.setTimeout(
          () => this._settle(room, item, new GaplessError("timeout", "not acknowledged in time", true)),
          Math.min(timeoutMs, maxTimeout),
        ),
      };
      let queue = this._queues.get(room);
      if (!queue) this._queues.set(room, (queue = []));
      queue.push(item);
      this._count++;
      void this._pump(room);
    });
  }

  /** Whether a message of ours may be in the log without us knowing its number. */
  _waiting(room: string): boolean {
    return !!this._queues.get(room)?.[0]?._sent;
  }

  _pumpAll(): void {
    for (const room of this._queues.keys()) void this._pump(room);
  }

  _close(): void {
    for (const [room, queue] of this._queues) {
      for (const item of [...queue]) this._settle(room, item, new GaplessError("closed", "the client was closed"));
    }
  }

  async _pump(room: string): Promise<void> {
    if (this._pumping.has(room)) return;
    this._pumping.add(room);
    const client = this._client;
    let item: Item | undefined;
    for (let tries = 0; (item = this._queues.get(room)?.[0]); ) {
      const link = client._link;
      // Until the room's position is known, our message would have no place in the order.
      if (!link || client._rooms.get(room)?._pending()) break;
      try {
        item._sent = true;
        const ok = await link._call("publish", { room, key: item._key, data: item._data });
        link._acknowledged(room, ok.epoch, ok.seq);
        client._rooms.get(room)?._own(ok, item._key, item._data);
        this._settle(room, item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate });
        tries = 0;
      } catch (e) {
        const error = e as GaplessError;
        if (link !== client._link || !link._alive) continue;
        if (error.code === "token_expired") client._refresh(link);
        else if (error.code === "unauthenticated") link._end(error);
        else if (!error.temporary) {
          this._settle(room, item, error);
          continue;
        }
        await link._sleep(error.retryAfterMs + backoff(client._env, tries++));
      }
    }
    this._pumping.delete(room);
    client._rooms.get(room)?._check();
  }

  private _drop(): boolean {
    for (const [room, queue] of this._queues) {
      const item = queue.find((item) => !item._sent);
      if (item) {
        this._settle(room, item, new GaplessError("overflow", "given up for a newer message"));
        return true;
      }
    }
    return false;
  }

  private _settle(room: string, item: Item, result: Published | GaplessError): void {
    const queue = this._queues.get(room);
    const at = queue?.indexOf(item) ?? -1;
    if (!queue || at < 0) return;
    queue.splice(at, 1);
    if (!queue.length) this._queues.delete(room);
    this._count--;
    this._client._env.clearTimeout(item._timer);
    if (result instanceof Error) item._reject(result);
    else item._resolve(result);
  }
}
