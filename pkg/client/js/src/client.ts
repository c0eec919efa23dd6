import { Emitter } from "./emitter.js";
import { backoff, environment, inTime, randomName } from "./environment.js";
import { GaplessError } from "./error.js";
import { connectTimeout, held, maxRooms, overlap, renewBefore, rotateSoonest, syncEvery, syncPause, tokenTimeout } from "./limits.js";
import { type Chains, Link, type LinkHost, replaced, serial } from "./link.js";
import { Outbox } from "./outbox.js";
import { RoomCore } from "./room.js";
import type {
  Client, ClientEvents, Environment, JoinOptions, Options, Position, Reason, Room, State, Url, WebSocketLike,
} from "./types.js";
import type { Frame, HelloResult, RoomResult } from "./wire.js";

/** The rooms of a question, and the position of each when it was asked. */
type Asked = [room: RoomCore<any, any>, at: Position | undefined][];

const asking = (rooms: RoomCore<any, any>[]): Asked => rooms.map((room) => [room, room._at]);

export class ClientCore extends Emitter<ClientEvents> implements Client, LinkHost {
  state: State = "connecting";
  reason: Reason | undefined;
  user: string | undefined;
  readonly session: string;

  readonly _env: Environment;
  readonly _nonce: string;
  readonly _rooms = new Map<string, RoomCore<any, any>>();
  readonly rooms: ReadonlyMap<string, Room<any, any>> = this._rooms;
  readonly _outbox = new Outbox(this);
  /** Calls of the storage, by room: a room that was left may still write when it is joined again. */
  readonly _stores: Chains = new Map();
  /** The connection in use: hello is answered. */
  _link: Link | undefined;

  /** The attempt under way, if any; a later attempt makes it void. */
  private _dialing: object | undefined;
  /** All open connections: the one in use, one that is being opened, and replaced ones. */
  private _links = new Set<Link>();
  private _attempt = 0;
  private _retry: unknown;
  /** In a pause between attempts: the end of the pause that the server asked for, which no wake shortens. */
  private _earliest = Infinity;
  /** The token at hand was refused, or has expired. */
  private _fresh?: boolean;
  private _refreshing: Link | undefined;
  private _synced!: number;
  private _unwake!: () => void;

  constructor(readonly _url: Url, readonly _options: Options) {
    super();
    this._env = environment(_options.environment);
    this._nonce = randomName(this._env) + ".";
    this.session = _options.session ?? randomName(this._env);
    this._begin();
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
    else if (this._env.now() >= this._earliest) void this._dial();
  }

  reconnect(): void {
    if (this.state !== "closed") return this.check();
    this._attempt = 0;
    this._set("connecting");
    this._begin();
  }

  close(): void {
    this._stop({ code: "closed", message: "closed by the application" });
  }

  _leave(room: RoomCore<any, any>): void {
    this._rooms.delete(room.name);
    if (this._link) this._forget(this._link, room.name);
  }

  /** Sends a command on the present connection, and repeats it after temporary failures, at most `most` + 1 times. */
  async _ask(action: string, fields: () => object, most = 2): Promise<any> {
    for (let tries = 0; ; ) {
      const link = this._link;
      if (!link) throw new GaplessError("disconnected", "not connected", true);
      try {
        return await link._call(action, fields());
      } catch (error) {
        if (tries > most || !(await this._repeats(link, error as GaplessError, tries++))) throw error;
      }
    }
  }

  /** Prepares the repetition of a command that failed with an error, and waits; false if it would fail again. */
  async _repeats(link: Link, error: GaplessError, tries: number): Promise<boolean> {
    if (link !== this._link) return true; // at once, on another connection
    if (error.code === "token_expired") void this._refresh(link);
    else if (error.code === "unauthenticated") link._end(error);
    else if (!error.temporary) return false;
    await link._sleep(error.retryAfterMs + backoff(this._env, tries));
    return true;
  }

  /** Presents a fresh token on a live connection until one is accepted. */
  async _refresh(link: Link): Promise<void> {
    if (this._refreshing === link || !this._options.getToken) return;
    this._refreshing = link;
    for (let tries = 0; link._alive; tries++) {
      try {
        const { tokenExpiresInMs } = await link._call("auth", { token: await this._answer(() => this._options.getToken!({ fresh: true })) });
        this._refreshing = undefined;
        return this._expire(link, tokenExpiresInMs);
      } catch (e) {
        const error = e as GaplessError;
        if (!link._alive) return;
        this._emit("error", error);
        // Another user, or unknown to the server: a connection of its own decides.
        if (error.code === "conflict" || error.code === "unauthenticated") {
          this._fresh = true;
          link._end(error);
        } else await link._sleep(error.retryAfterMs + 1000 + backoff(this._env, tries));
      }
    }
  }

  _push(link: Link, frame: Frame): void {
    if (frame.push !== "bye") {
      this._rooms.get(frame.room!)?._push(link, frame);
      return;
    }
    if (frame.code === 3003 || frame.code === 3005) this._fresh = true;
    link._end({ code: frame.code ?? 1000, message: frame.reason ?? "" }, frame.afterMs, frame.reconnect);
  }

  _lost(link: Link, reason: Reason, error: GaplessError): void {
    this._links.delete(link);
    if (link !== this._link) return;
    this._link = undefined;
    if (this._env.now() - link._since >= held) this._attempt = 0;
    if (!error.temporary) this._stop(reason);
    else if (this._dialing) this._set("reconnecting", reason);
    else this._later(reason, error.retryAfterMs);
  }

  private _begin(): void {
    this._unwake = this._env.onWake(() => this.check());
    void this._dial();
  }

  private _set(state: State, reason?: Reason, retryInMs?: number): void {
    this.state = state;
    this.reason = reason;
    this._emit("state", { state, reason, retryInMs });
  }

  private _stop(reason: Reason): void {
    this._env.clearTimeout(this._retry);
    this._earliest = Infinity;
    this._dialing = undefined;
    this._unwake();
    this._link = undefined;
    for (const link of this._links) link._end(reason);
    this._outbox._close(reason);
    for (const room of this._rooms.values()) room._close(reason);
    if (this.state !== "closed") this._set("closed", reason);
  }

  private _later(reason: Reason, afterMs = 0): void {
    const ms = afterMs + backoff(this._env, this._attempt++);
    this._earliest = this._env.now() + afterMs;
    this._retry = this._env.setTimeout(() => void this._dial(), ms);
    this._set(this.user === undefined ? "connecting" : "reconnecting", reason, ms);
  }

  /** The answer of the application's code, within tokenTimeout. */
  private _answer<T>(ask: () => T | Promise<T>): Promise<T> {
    return inTime(this._env, tokenTimeout, ask).catch((e) => {
      throw new GaplessError("token", e?.message ?? String(e), true);
    });
  }

  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  private async _dial(): Promise<void> {
    this._env.clearTimeout(this._retry);
    this._earliest = Infinity;
    const attempt = (this._dialing = {});
    let link: Link | undefined;
    try {
      const [url, token] = await this._answer(() =>
        Promise.all([
          typeof this._url === "string" ? this._url : this._url(),
          this._options.getToken?.({ fresh: !!this._fresh }),
        ]),
      );
      if (this._dialing !== attempt) return;
      const opening = (link = new Link(this, this._socket(url)));
      this._links.add(link);
      link._after(connectTimeout, () => {
        if (this._dialing === attempt) opening._end({ code: "timeout", message: "no answer in time" });
      });
      await link._opened;
      const asked = asking([...this._rooms.values()].filter((room) => !room._loading).slice(0, maxRooms));
      const hello: HelloResult = await link._call("hello", {
        token,
        session: this.session,
        rooms: this._positions(asked),
      });
      if (this._dialing !== attempt) return link._end(replaced);
      // Some sockets hand on several frames at once: a bye may have followed.
      if (!link._alive) await link._over;
      this._dialing = undefined;
      this._adopt(link, hello, asked);
    } catch (error) {
      if (this._dialing !== attempt) return;
      this._dialing = undefined;
      this._failed(error as GaplessError, link);
    }
  }

  private _socket(url: string): WebSocketLike {
    const Socket = this._options.WebSocket ?? (globalThis as any).WebSocket;
    try {
      return new Socket(url);
    } catch (e) {
      throw new GaplessError("bad_request", Socket ? (e as Error).message : "pass a WebSocket in the options");
    }
  }

  private _failed(error: GaplessError, link: Link | undefined): void {
    const reason = link?._reason ?? { code: error.code ?? "socket", message: error.message };
    link?._end(reason);
    const stale = error.code === "token_expired" || (error.code === "unauthenticated" && !this._fresh);
    if (stale) this._fresh = true;
    const final = !stale && error.temporary === false;
    if (this._link) {
      // A replacement failed; the connection in use is as good as before.
      this._emit("error", error);
      this._link._after(1000 + backoff(this._env, this._attempt++), () => this._rotate());
    } else if (final) this._stop(reason);
    else this._later(reason, error.retryAfterMs);
  }

  private _adopt(link: Link, hello: HelloResult, asked: Asked): void {
    const old = this._link;
    this._link = link;
    link._since = this._synced = this._env.now();
    this._fresh = false;
    this.user = hello.user;
    link._watch(hello.heartbeatMs);
    this._expire(link, hello.tokenExpiresInMs);
    if (hello.rotateInMs !== undefined) link._after(Math.max(hello.rotateInMs, rotateSoonest), () => this._rotate());
    this._syncLater(link);
    if (this.state !== "connected") this._set("connected");
    for (const [room, at] of asked) {
      if (this._rooms.get(room.name) === room) room._result(link, hello.rooms?.[room.name], at);
      else this._forget(link, room.name);
    }
    for (const room of this._rooms.values()) room._check();
    this._outbox._pumpAll();
    old?._after(overlap, () => old._end(replaced));
  }

  /** Make before break: the platform ends each connection after two hours. */
  _rotate(): void {
    if (!this._dialing) void this._dial();
  }

  private _expire(link: Link, ms?: number): void {
    if (ms) link._after(Math.max(ms - renewBefore, ms * 0.8), () => this._refresh(link));
  }

  private _forget(link: Link, room: string): void {
    serial(link._chains, room, () => link._call("leave", { room })).catch(() => {}); // the end of the connection does the same
  }

  private _syncLater(link: Link): void {
    link._after(syncEvery * (0.8 + 0.4 * this._env.random()), () => {
      this._sync();
      this._syncLater(link);
    });
  }

  private _positions(asked: Asked): object {
    return Object.fromEntries(asked.map(([room]) => [room.name, room._from()]));
  }

  /** Asks for every room whether anything was missed. */
  _sync(): void {
    const now = this._env.now();
    if (Math.abs(now - this._synced) < syncPause) return;
    this._synced = now;
    const rooms = [...this._rooms.values()].filter((room) => room.joined && room._at);
    while (rooms.length) this._syncSome(rooms.splice(0, maxRooms)).catch(() => {});
  }

  /** Rejects if it would fail again; the next connection sends everything again. */
  private async _syncSome(rooms: RoomCore<any, any>[]): Promise<void> {
    let asked!: Asked;
    const ok: { rooms: Record<string, RoomResult> } = await this._ask("sync", () => {
      asked = asking(rooms.filter((room) => room.joined));
      return { rooms: this._positions(asked) };
    }, Infinity);
    for (const [room, at] of asked) room._result(undefined, ok.rooms[room.name], at);
  }
}
