import type { ClientCore } from "./client.js";
import { GaplessError } from "./error.js";
import { keyWindow, maxData } from "./limits.js";
import { closed } from "./link.js";
import type { Published, PublishOptions, Reason } from "./types.js";
import { bytes } from "./wire.js";

interface Item {
  _room: string;
  _data: unknown;
  _key: string;
  /** The user: keys belong to a user, so another user's repetition would be a second message. */
  _user: string | undefined;
  _sent: boolean;
  /** The time at which it is given up, by the clock: a timer may sleep with the machine. */
  _until: number;
  _resolve(published: Published): void;
  _reject(error: GaplessError): void;
  _timer: unknown;
}

const late = () => new GaplessError("timeout", "no answer in time", true);

/**
 * Publishes that wait for their acknowledgement. One publish of a room is under way
 * at a time, because the platform handles a connection's commands concurrently and
 * could swap two.
 */
export class Outbox {
  /** Of all rooms, in the order of the calls. */
  private _items = new Set<Item>();
  private _pumping = new Set<string>();
  private _keys = 0;

  constructor(private _client: ClientCore) {}

  _add(room: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return new Promise((resolve, reject) => {
      const client = this._client;
      const { max = 1000, overflow, timeoutMs = 120_000 } = client._options.queue ?? {};
      const json = JSON.stringify(data);
      if (client.state === "closed") throw closed(client.reason!);
      if (json === undefined) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > maxData) throw new GaplessError("too_large", "data is too large");
      if (this._items.size >= max) {
        const error = new GaplessError("overflow", "too many messages wait", true);
        const oldest = overflow === "drop-oldest" && [...this._items].find((item) => !item._sent);
        if (!oldest) throw error;
        this._settle(oldest, error);
      }
      const timeout = Math.min(timeoutMs, keyWindow);
      const item: Item = {
        _room: room,
        _data: JSON.parse(json), // a copy, because the caller may change the object
        _key: options.key ?? client._nonce + (++this._keys).toString(36),
        _user: client.user,
        _sent: false,
        _until: client._env.now() + timeout,
        _resolve: resolve,
        _reject: reject,
        _timer: client._env.setTimeout(() => this._settle(item, late()), timeout),
      };
      this._items.add(item);
      void this._pump(room);
    });
  }

  /** Whether the log may hold a message of ours whose number we do not know. */
  _waiting(room: string): boolean {
    return !!this._first(room)?._sent;
  }

  _pumpAll(): void {
    for (const item of this._items) {
      item._user ??= this._client.user;
      void this._pump(item._room);
    }
  }

  _close(reason: Reason): void {
    for (const item of this._items) this._settle(item, closed(reason));
  }

  async _pump(room: string): Promise<void> {
    if (this._pumping.has(room)) return;
    this._pumping.add(room);
    const client = this._client;
    let item: Item | undefined;
    for (let tries = 0; (item = this._first(room)); ) {
      const link = client._link;
      // Until the room's position is known, our message would have no place in the order.
      if (!link || client._rooms.get(room)?._pending()) break;
      if ((item._user ??= client.user) !== client.user) {
        this._settle(item, new GaplessError("conflict", "another user now"));
        continue;
      }
      if (client._env.now() >= item._until) {
        this._settle(item, late());
        continue;
      }
      try {
        item._sent = true;
        const ok = await link._call("publish", { room, key: item._key, data: item._data });
        link._acknowledged(room, ok.epoch, ok.seq);
        client._rooms.get(room)?._own(ok, item._user!, item._key, item._data);
        this._settle(item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate });
        tries = 0;
      } catch (error) {
        if (!(await client._repeats(link, error as GaplessError, tries++))) this._settle(item, error as GaplessError);
      }
    }
    this._pumping.delete(room);
    client._rooms.get(room)?._check();
  }

  private _first(room: string): Item | undefined {
    for (const item of this._items) if (item._room === room) return item;
  }

  private _settle(item: Item, result: Published | GaplessError): void {
    if (!this._items.delete(item)) return;
    this._client._env.clearTimeout(item._timer);
    if (result instanceof Error) item._reject(result);
    else item._resolve(result);
  }
}
