import { Emitter } from "./emitter.js";
import { backoff, environment, inTime, randomName } from "./environment.js";
import { GaplessError } from "./error.js";
import { Link, type LinkHost, replaced } from "./link.js";
import { Outbox } from "./outbox.js";
import { RoomCore } from "./room.js";
import type {
  Client, ClientEvents, Environment, JoinOptions, Options, Position, Reason, Room, State, WebSocketLike,
} from "./types.js";
import { type Frame, type HelloResult, maxRooms, type RoomResult } from "./wire.js";

/** Until hello is answered, from the opening of the socket. */
const connectTimeout = 10_000;
/** For getToken. */
const tokenTimeout = 30_000;
/** After so long a connection counts as one that held. */
const held = 10_000;
/** Between two looks at what may have been missed. */
const syncEvery = 300_000;
/** Two doubts within this time are one. */
const syncPause = 5_000;
/** How long a replaced connection may still answer what it was asked. */
const overlap = 10_000;

/** Errors of hello after which another attempt would end the same way. */
const hopeless = ["forbidden", "bad_request", "too_large", "conflict"];

/** Whether to stay away until the application decides otherwise; a code that is a text never says so. */
const final = (reason: Reason) => (reason.code as number) >= 3500;

type Asked = Map<RoomCore<any, any>, Position | undefined>;

export class ClientCore extends Emitter<ClientEvents> implements Client, LinkHost {
  state: State = "connecting";
  reason: Reason | undefined;
  user: string | undefined;
  readonly session: string;

  readonly _env: Environment;
  readonly _nonce: string;
  readonly _rooms = new Map<string, RoomCore<any, any>>();
  readonly _outbox = new Outbox(this);
  /** The connection in use: hello is answered. */
  _link: Link | undefined;

  /** The attempt under way, if any; a later one makes it void. */
  private _dialing: object | undefined;
  private _next: Link | undefined;
  private _attempt = 0;
  private _retry: unknown;
  /** The token at hand was refused, so often in a row. */
  private _refusals = 0;
  private _fresh?: boolean;
  private _refreshing: Link | undefined;
  private _synced!: number;
  private _unwake: () => void;

  constructor(readonly _url: string, readonly _options: Options) {
    super();
    this._env = environment(_options.environment);
    this._nonce = randomName(this._env) + ".";
    this.session = _options.session ?? randomName(this._env);
    this._unwake = this._env.onWake(() => this.check());
    void this._dial();
  }

  get rooms(): ReadonlyMap<string, Room<any, any>> {
    return this._rooms;
  }

  join<T, E>(name: string, options: JoinOptions = {}): Room<T, E> {
    let room = this._rooms.get(name);
    if (!room) {
      this._rooms.set(name, (room = new RoomCore(this, name, options)));
      room._check();
    }
    return room;
  }

  check(): void {
    if (this._link) this._link._doubt();
    else if (this._retry !== undefined) void this._dial();
  }

  reconnect(): void {
    if (this.state !== "closed") return this.check();
    this._unwake();
    this._unwake = this._env.onWake(() => this.check());
    this._attempt = this._refusals = 0;
    this._set("connecting");
    void this._dial();
  }

  close(): void {
    const rooms = [...this._rooms.values()];
    this._stop({ code: "closed", message: "closed by the application" });
    this._outbox._close();
    for (const room of rooms) room._close();
  }

  _leave(room: RoomCore<any, any>): void {
    this._rooms.delete(room.name);
    if (this._link) this._forget(this._link, room.name);
  }

  /** Asks on the present connection. */
  async _ask(action: string, fields: object): Promise<any> {
    if (!this._link) throw new GaplessError("disconnected", "not connected", true);
    return this._link._call(action, fields);
  }

  /** Presents a fresh token on a live connection. */
  _refresh(link: Link): void {
    if (this._refreshing === link || !this._options.getToken) return;
    this._refreshing = link;
    this._token(true)
      .then((token) => link._call("auth", { token }))
      .then(
        (ok) => {
          this._refreshing = undefined;
          this._expire(link, ok.tokenExpiresInMs);
        },
        (error) => {
          this._refreshing = undefined;
          if (!link._alive) return;
          this._emit("error", error);
          // Another user, or unknown to the server: a connection of its own decides.
          if (error.code === "conflict" || error.code === "unauthenticated") {
            this._fresh = true;
            link._end(error);
          } else link._after(5_000, () => this._refresh(link));
        },
      );
  }

  _push(link: Link, frame: Frame): void {
    if (frame.push !== "bye") {
      // While one connection replaces another, both bring what has no number.
      if (frame.messages || frame.push === "behind" || link === (this._link ?? link)) this._rooms.get(frame.room!)?._push(link, frame);
      return;
    }
    if (frame.code === 3003 || frame.code === 3005) this._fresh = true;
    link._end({ code: frame.code ?? 1000, message: frame.reason ?? "" }, frame.afterMs, frame.reconnect);
  }

  _lost(link: Link, reason: Reason, afterMs?: number, back = !final(reason)): void {
    if (link !== this._link) return;
    this._link = undefined;
    if (this._env.now() - link._since >= held) this._attempt = 0;
    if (!back) this._stop(reason);
    else if (this._dialing) this._set("reconnecting", reason);
    else this._later(reason, afterMs);
  }

  _revived(link: Link): void {
    if (link === this._link) this._sync(link);
  }

  _stray(error: GaplessError): void {
    this._emit("error", error);
  }

  private _set(state: State, reason?: Reason, retryInMs?: number): void {
    this.state = state;
    this.reason = reason;
    this._emit("state", { state, reason, retryInMs });
  }

  private _stop(reason: Reason): void {
    this._env.clearTimeout(this._retry);
    this._retry = this._dialing = undefined;
    this._unwake();
    const links = [this._link, this._next];
    this._link = this._next = undefined;
    for (const link of links) link?._end(reason);
    if (this.state !== "closed") this._set("closed", reason);
  }

  private _later(reason: Reason, afterMs = 0): void {
    const ms = afterMs + backoff(this._env, this._attempt++);
    this._retry = this._env.setTimeout(() => void this._dial(), ms);
    this._set(this.user === undefined ? "connecting" : "reconnecting", reason, ms);
  }

  private _token(fresh: boolean): Promise<string | undefined> {
    return inTime(this._env, tokenTimeout, () => this._options.getToken?.({ fresh })).catch((e) => {
      throw new GaplessError("token", e?.message ?? String(e), true);
    });
  }

  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  private async _dial(): Promise<void> {
    this._env.clearTimeout(this._retry);
    this._retry = undefined;
    const attempt = (this._dialing = {});
    let link: Link | undefined;
    let timer: unknown;
    try {
      const token = await this._token(!!this._fresh);
      if (this._dialing !== attempt) return;
      link = this._next = new Link(this, this._socket());
      const opening = link;
      timer = this._env.setTimeout(() => opening._end({ code: "timeout", message: "no connection in time" }), connectTimeout);
      await Promise.race([link._opened, link._over]);
      const asked: Asked = new Map();
      for (const room of this._rooms.values()) {
        if (asked.size < maxRooms && !room._loading) asked.set(room, room._asked());
      }
      const hello: HelloResult = await link._call("hello", {
        token,
        session: this.session,
        rooms: this._positions(asked),
      });
      if (this._dialing !== attempt) return link._retire();
      // Some sockets hand on several frames at once: a bye may have followed.
      if (!link._alive) await link._over;
      this._dialing = this._next = undefined;
      this._adopt(link, hello, asked);
    } catch (error) {
      if (this._dialing !== attempt) return;
      this._dialing = this._next = undefined;
      this._failed(error as GaplessError, link);
    } finally {
      this._env.clearTimeout(timer);
    }
  }

  private _socket(): WebSocketLike {
    const Socket = this._options.WebSocket ?? (globalThis as any).WebSocket;
    if (!Socket) throw new GaplessError("bad_request", "no WebSocket here: pass one in the options");
    return new Socket(this._url);
  }

  private _failed(error: GaplessError, link: Link | undefined): void {
    const reason = link?._reason ?? { code: error.code ?? "socket", message: error.message };
    link?._end(reason);
    if (error.code === "token_expired" || error.code === "unauthenticated") this._fresh = true;
    const refused = error.code === "unauthenticated" && ++this._refusals > 1;
    const terminal = refused || hopeless.includes(error.code) || final(reason);
    if (this._link) {
      // A replacement failed; the connection in use is as good as before.
      this._emit("error", error);
      this._link._after(1000 + backoff(this._env, this._attempt++), () => this._rotate());
    } else if (terminal) this._stop(reason);
    else this._later(reason, error.retryAfterMs);
  }

  private _adopt(link: Link, hello: HelloResult, asked: Asked): void {
    const old = this._link;
    this._link = link;
    link._since = this._synced = this._env.now();
    this._refusals = 0;
    this._fresh = false;
    this.user = hello.user;
    link._watch(hello.heartbeatMs);
    this._expire(link, hello.tokenExpiresInMs);
    if (hello.rotateInMs !== undefined) link._after(Math.max(hello.rotateInMs, 5_000), () => this._rotate());
    this._syncLater(link);
    if (this.state !== "connected") this._set("connected");
    for (const [room, at] of asked) {
      if (this._rooms.get(room.name) === room) room._result(link, hello.rooms?.[room.name], at, true);
      else this._forget(link, room.name);
    }
    for (const room of this._rooms.values()) room._check();
    this._outbox._pumpAll();
    if (old) {
      old._after(overlap, () => old._end(replaced));
      void Promise.all([...this._rooms.values()].map((room) => room._settled())).then(() => old._retire());
    }
  }

  /** Make before break: the platform ends each connection after two hours. */
  _rotate(): void {
    if (!this._dialing) void this._dial();
  }

  private _expire(link: Link, ms?: number): void {
    if (ms) link._after(Math.max(ms - 60_000, ms * 0.8), () => this._refresh(link));
  }

  private _forget(link: Link, room: string): void {
    link._serial(room, () => link._call("leave", { room })).catch(() => {}); // the end of the connection does the same
  }

  private _syncLater(link: Link): void {
    link._after(syncEvery * (0.8 + 0.4 * this._env.random()), () => {
      this._sync(link);
      this._syncLater(link);
    });
  }

  private _positions(asked: Asked): object {
    return Object.fromEntries([...asked.keys()].map((room) => [room.name, room._from()]));
  }

  /** Asks for every room whether anything was missed. */
  private _sync(link: Link): void {
    const now = this._env.now();
    if (Math.abs(now - this._synced) < syncPause) return;
    this._synced = now;
    const rooms = [...this._rooms.values()].filter((room) => room.joined && room._asked());
    while (rooms.length) {
      const asked: Asked = new Map(rooms.splice(0, maxRooms).map((room) => [room, room._asked()]));
      link._call("sync", { rooms: this._positions(asked) }).then(
        (ok: { rooms: Record<string, RoomResult> }) => {
          for (const [room, at] of asked) room._result(link, ok.rooms[room.name], at, false);
        },
        (error: GaplessError) => {
          if (error.code === "token_expired") this._refresh(link);
          else if (error.code === "unauthenticated") link._end(error);
        },
      );
    }
  }
}
