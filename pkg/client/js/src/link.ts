import { GaplessError } from "./error.js";
import { callTimeout, doubtTimeout, maxHeldBack, maxLate, maxSilence, pingTimeout } from "./limits.js";
import type { Environment, Reason, WebSocketLike } from "./types.js";
import type { Frame, WireError } from "./wire.js";

export interface LinkHost {
  _env: Environment;
  _push(link: Link, frame: Frame): void;
  /** `error` says whether to reconnect, and when. */
  _lost(link: Link, reason: Reason, error: GaplessError): void;
  /** The connection is alive after a doubt: ask what was missed. */
  _sync(): void;
  _emit(type: "error", error: GaplessError): void;
}

interface Call {
  _resolve(ok: any): void;
  _reject(error: GaplessError): void;
  _timer: unknown;
}

export function wireError(e: WireError): GaplessError {
  return new GaplessError(e.code, e.message, e.temporary, e.retryAfterMs);
}

const ignore = () => {};

/** The error of everything that waits when the client ends. */
export const closed = ({ message }: Reason) => new GaplessError("closed", message);

export type Chains = Map<string, Promise<unknown>>;

/** Runs functions with the same name one after the other. */
export function serial<R>(chains: Chains, name: string, run: () => Promise<R>): Promise<R> {
  const result = (chains.get(name) ?? Promise.resolve()).then(run);
  chains.set(name, result.catch(ignore));
  return result;
}

const lost: Reason = { code: 1006, message: "connection lost" };
export const replaced: Reason = { code: 1000, message: "replaced" };

/** One socket: commands, their replies, and whether the connection is alive. */
export class Link {
  _alive = true;
  /** The time of the answer to hello. */
  _since!: number;
  /** Rejects when the link ends before it opened. */
  _opened: Promise<unknown>;
  /** Rejects when the link ends. */
  _over: Promise<never>;
  /** Rooms whose live messages have stopped here: join again once caught up. `behind` may come before the answer to the join. */
  _behind = new Set<string>();
  /** The reason of the link's end. */
  _reason: Reason | undefined;

  private _env: Environment;
  private _ids = 0;
  private _calls = new Map<number, Call>();
  /** Commands about a membership run one after the other, because the platform handles a connection's commands concurrently. */
  _chains: Chains = new Map();
  private _published = new Map<string, number>();
  private _timers = new Set<unknown>();

  private _base!: number;
  /** Pings since the last push. */
  private _idle = 0;
  private _heard!: number;
  private _spoke!: number;
  /** The deadline of the ping under way; 0 without one. */
  private _deadline?: number;
  private _doubted?: boolean;
  private _beat: unknown;
  private _fail!: (error: GaplessError) => void;

  constructor(private _host: LinkHost, private _socket: WebSocketLike) {
    this._env = _host._env;
    this._over = new Promise((_, reject) => (this._fail = reject));
    this._opened = Promise.race([this._over, new Promise((resolve) => (_socket.onopen = resolve))]);
    this._over.catch(ignore);
    _socket.onmessage = (event) => this._receive(event.data);
    _socket.onclose = (event) =>
      this._end({ code: event.code ?? lost.code, message: event.reason || lost.message });
    _socket.onerror = ignore; // a close event follows
  }

  /** Ends the link, whichever side began; calls under way reject with `disconnected`. A code that is a string never forbids reconnecting. */
  _end({ code, message }: Reason, afterMs?: number, back = !((code as number) >= 3500)): void {
    if (!this._alive) return;
    this._alive = false;
    const reason = (this._reason = { code, message });
    const error = new GaplessError("disconnected", message, back, afterMs);
    this._fail(error);
    const socket = this._socket;
    // Handlers stay: some libraries' sockets throw errors without a handler.
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = ignore;
    try {
      socket.close(1000);
    } catch {
      // it was closed already
    }
    this._env.clearTimeout(this._beat);
    for (const timer of this._timers) this._env.clearTimeout(timer);
    for (const id of this._calls.keys()) {
      this._take(id)?._reject(error);
    }
    this._host._lost(this, reason, error);
  }

  /** Runs a function later, unless the link ends first. */
  _after(ms: number, run: () => void): void {
    if (!this._alive) return;
    const timer = this._env.setTimeout(() => {
      this._timers.delete(timer);
      run();
    }, ms);
    this._timers.add(timer);
  }

  /** Resolves later, or when the link ends. */
  _sleep(ms: number): Promise<void> {
    return Promise.race([this._over, new Promise<void>((resolve) => this._after(ms, resolve))]).catch(ignore);
  }

  _call(action: string, fields: object): Promise<any> {
    return new Promise((resolve, reject) => {
      if (!this._alive) return reject(new GaplessError("disconnected", "not connected", true));
      const id = ++this._ids;
      const timer = this._env.setTimeout(
        () => this._take(id)?._reject(new GaplessError("timeout", "no answer in time", true)),
        callTimeout,
      );
      this._calls.set(id, { _resolve: resolve, _reject: reject, _timer: timer });
      this._send({ action, id, ...fields });
    });
  }

  _send(frame: object): void {
    try {
      this._socket.send(JSON.stringify(frame));
      this._spoke = this._env.now();
    } catch {
      this._end({ code: "socket", message: "not connected" });
    }
  }

  /** The highest acknowledged number of a log here: pushes on this connection leave our own messages out. */
  _acknowledged(room: string, epoch: string, seq = 0): number {
    const log = `${epoch} ${room}`;
    seq = Math.max(seq, this._published.get(log) ?? 0);
    this._published.set(log, seq);
    return seq;
  }

  /** Watches the connection: pings after `ms` of silence. */
  _watch(ms: number): void {
    this._base = ms || 45_000;
    this._schedule();
  }

  /** Pings at once. */
  _doubt(): void {
    if (this._socket.readyState !== 1) {
      return this._end(lost);
    }
    this._doubted = true;
    this._idle = 0;
    this._ping(doubtTimeout);
    this._schedule();
  }

  private _take(id: number): Call | undefined {
    const call = this._calls.get(id);
    if (call) {
      this._calls.delete(id);
      this._env.clearTimeout(call._timer);
    }
    return call;
  }

  private _ping(timeout: number): void {
    const now = this._env.now();
    // A second doubt does not extend the deadline.
    const left = this._deadline! - now;
    this._deadline = now + (left > 0 ? Math.min(left, timeout) : timeout);
    this._send({ action: "ping" });
  }

  private _due(): number {
    const interval = this._env.hidden() ? this._base * 2 ** this._idle : this._base;
    return this._deadline || Math.min(this._heard + interval, this._spoke + maxSilence);
  }

  private _schedule(): void {
    if (!this._alive) return;
    const env = this._env;
    const due = this._due();
    env.clearTimeout(this._beat);
    this._beat = env.setTimeout(() => this._fire(env.now() - due), due - env.now());
  }

  private _fire(late: number): void {
    if (Math.abs(late) > maxHeldBack) return this._doubt();
    if (this._env.now() >= this._due()) {
      if (this._deadline) {
        // After a late timer, ping once more before giving up.
        return late > maxLate && !this._doubted ? this._doubt() : this._end({ code: "no_answer", message: "no answer in time" });
      }
      this._idle++;
      this._ping(pingTimeout);
    }
    this._schedule();
  }

  private _receive(data: unknown): void {
    this._heard = this._env.now();
    if (this._deadline) {
      this._deadline = 0;
      this._schedule();
    }
    let frame: Frame;
    try {
      frame = JSON.parse(data as string);
      if (Object(frame) !== frame) throw 0;
    } catch {
      return this._host._emit("error", new GaplessError("bad_frame", "unreadable frame"));
    }
    const revived = this._doubted;
    this._doubted = false;
    if (frame.push) {
      if (frame.push !== "pong") this._idle = 0;
      this._host._push(this, frame);
    } else if (frame.id != null) {
      const call = this._take(frame.id);
      if (frame.error) call?._reject(wireError(frame.error));
      else call?._resolve(frame.ok);
    } else if (frame.error) {
      this._host._emit("error", wireError(frame.error));
    } else {
      // The gateway's own frame: one command failed, and it does not say which. Repeat all.
      for (const id of this._calls.keys()) {
        this._take(id)?._reject(new GaplessError("unavailable", "the gateway failed", true));
      }
    }
    if (revived && this._alive) this._host._sync();
  }
}
