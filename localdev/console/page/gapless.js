// Code generated from pkg/client/js by `make page`. DO NOT EDIT.

// src/emitter.ts
var Emitter = class {
  constructor() {
    this.M = /* @__PURE__ */ new Map();
  }
  on(type, listener) {
    let set = this.M.get(type);
    set || this.M.set(type, set = /* @__PURE__ */ new Set());
    let own = (event) => listener(event);
    return set.add(own), () => {
      set.delete(own);
    };
  }
  h(type, event) {
    for (let listener of [...this.M.get(type) ?? []])
      try {
        listener(event);
      } catch (error) {
        Promise.reject(error);
      }
  }
};

// src/environment.ts
function environment(own = {}) {
  let host = globalThis, hidden = () => host.document?.visibilityState === "hidden";
  return {
    now: () => Date.now(),
    setTimeout: (run, ms) => setTimeout(run, Math.min(ms, 2147483647)),
    clearTimeout: (timer) => clearTimeout(timer),
    random: () => Math.random(),
    hidden,
    onWake(wake) {
      let targets = [
        [host, "online"],
        [host, "pageshow"],
        [host.document, "visibilitychange"],
        [host.navigator?.connection, "change"]
      ], listener = () => {
        hidden() || wake();
      }, each = (verb) => {
        for (let [target, type] of targets) target?.[verb + "EventListener"]?.(type, listener);
      };
      return each("add"), () => each("remove");
    },
    ...own
  };
}
function inTime(env, ms, run) {
  return new Promise((resolve, reject) => {
    let timer = env.setTimeout(() => reject(new Error("no answer in time")), ms);
    Promise.resolve().then(run).then(resolve, reject).finally(() => env.clearTimeout(timer));
  });
}
function backoff(env, attempt) {
  return env.random() * Math.min(3e4, 1e3 * 2 ** attempt);
}
function randomName(env) {
  let name = "";
  for (; name.length < 16; ) name += Math.floor(env.random() * 36).toString(36);
  return name;
}

// src/error.ts
var GaplessError = class extends Error {
  constructor(code, message, temporary = !1, retryAfterMs = 0, reset) {
    super(message), this.name = "GaplessError", this.code = code, this.temporary = temporary, this.retryAfterMs = retryAfterMs, this.reset = reset;
  }
};

// src/link.ts
function wireError(e) {
  return new GaplessError(e.code, e.message, e.temporary, e.retryAfterMs);
}
var ignore = () => {
}, closed = ({ message }) => new GaplessError("closed", message);
function serial(chains, name, run) {
  let result = (chains.get(name) ?? Promise.resolve()).then(run);
  return chains.set(name, result.catch(ignore)), result;
}
var lost = { code: 1006, message: "connection lost" }, replaced = { code: 1e3, message: "replaced" }, Link = class {
  constructor(_host, _socket) {
    this.E = _host;
    this.D = _socket;
    this.m = !0;
    /** Rooms whose live messages have stopped here: join again once caught up. `behind` may come before the answer to the join. */
    this.N = /* @__PURE__ */ new Set();
    this.fb = 0;
    this.C = /* @__PURE__ */ new Map();
    /** Commands about a membership run one after the other, because the platform handles a connection's commands concurrently. */
    this.ya = /* @__PURE__ */ new Map();
    this.za = /* @__PURE__ */ new Map();
    this.$ = /* @__PURE__ */ new Set();
    /** Pings since the last push. */
    this.O = 0;
    this.a = _host.a, this.B = new Promise((_, reject) => this.Ca = reject), this.wa = Promise.race([this.B, new Promise((resolve) => _socket.onopen = resolve)]), this.B.catch(ignore), _socket.onmessage = (event) => this.gb(event.data), _socket.onclose = (event) => this.e({ code: event.code ?? lost.code, message: event.reason || lost.message }), _socket.onerror = ignore;
  }
  /** Ends the link, whichever side began; calls under way reject with `disconnected`. A code that is a string never forbids reconnecting. */
  e({ code, message }, afterMs, back = !(code >= 3500)) {
    if (!this.m) return;
    this.m = !1;
    let reason = this.xa = { code, message }, error = new GaplessError("disconnected", message, back, afterMs);
    this.Ca(error);
    let socket = this.D;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = ignore;
    try {
      socket.close(1e3);
    } catch {
    }
    this.a.clearTimeout(this.ba);
    for (let timer of this.$) this.a.clearTimeout(timer);
    for (let id of this.C.keys())
      this.p(id)?.w(error);
    this.E.hb(this, reason, error);
  }
  /** Runs a function later, unless the link ends first. */
  s(ms, run) {
    if (!this.m) return;
    let timer = this.a.setTimeout(() => {
      this.$.delete(timer), run();
    }, ms);
    this.$.add(timer);
  }
  /** Resolves later, or when the link ends. */
  Da(ms) {
    return Promise.race([this.B, new Promise((resolve) => this.s(ms, resolve))]).catch(ignore);
  }
  x(action, fields) {
    return new Promise((resolve, reject) => {
      if (!this.m) return reject(new GaplessError("disconnected", "not connected", !0));
      let id = ++this.fb, timer = this.a.setTimeout(
        () => this.p(id)?.w(new GaplessError("timeout", "no answer in time", !0)),
        15e3
      );
      this.C.set(id, { ca: resolve, w: reject, da: timer }), this.ea({ action, id, ...fields });
    });
  }
  ea(frame) {
    try {
      this.D.send(JSON.stringify(frame)), this.Ba = this.a.now();
    } catch {
      this.e({ code: "socket", message: "not connected" });
    }
  }
  /** The highest acknowledged number of a log here: pushes on this connection leave our own messages out. */
  Ea(room, epoch, seq = 0) {
    let log = `${epoch} ${room}`;
    return seq = Math.max(seq, this.za.get(log) ?? 0), this.za.set(log, seq), seq;
  }
  /** Watches the connection: pings after `ms` of silence. */
  ib(ms) {
    this.aa = ms || 45e3, this.Q();
  }
  /** Pings at once. */
  fa() {
    if (this.D.readyState !== 1)
      return this.e(lost);
    this.P = !0, this.O = 0, this.Fa(3e3), this.Q();
  }
  p(id) {
    let call = this.C.get(id);
    return call && (this.C.delete(id), this.a.clearTimeout(call.da)), call;
  }
  Fa(timeout) {
    let now = this.a.now(), left = this.v - now;
    this.v = now + (left > 0 ? Math.min(left, timeout) : timeout), this.ea({ action: "ping" });
  }
  Ga() {
    let interval = this.a.hidden() ? this.aa * 2 ** this.O : this.aa;
    return this.v || Math.min(this.Aa + interval, this.Ba + 24e4);
  }
  Q() {
    if (!this.m) return;
    let env = this.a, due = this.Ga();
    env.clearTimeout(this.ba), this.ba = env.setTimeout(() => this.jb(env.now() - due), due - env.now());
  }
  jb(late2) {
    if (Math.abs(late2) > 9e4) return this.fa();
    if (this.a.now() >= this.Ga()) {
      if (this.v)
        return late2 > 2e3 && !this.P ? this.fa() : this.e({ code: "no_answer", message: "no answer in time" });
      this.O++, this.Fa(1e4);
    }
    this.Q();
  }
  gb(data) {
    this.Aa = this.a.now(), this.v && (this.v = 0, this.Q());
    let frame;
    try {
      if (frame = JSON.parse(data), Object(frame) !== frame) throw 0;
    } catch {
      return this.E.h("error", new GaplessError("bad_frame", "unreadable frame"));
    }
    let revived = this.P;
    if (this.P = !1, frame.push)
      frame.push !== "pong" && (this.O = 0), this.E.F(this, frame);
    else if (frame.id != null) {
      let call = this.p(frame.id);
      frame.error ? call?.w(wireError(frame.error)) : call?.ca(frame.ok);
    } else if (frame.error)
      this.E.h("error", wireError(frame.error));
    else
      for (let id of this.C.keys())
        this.p(id)?.w(new GaplessError("unavailable", "the gateway failed", !0));
    revived && this.m && this.E.Ha();
  }
};

// src/wire.ts
function bytes(json) {
  return unescape(encodeURIComponent(json)).length;
}

// src/outbox.ts
var late = () => new GaplessError("timeout", "no answer in time", !0), Outbox = class {
  constructor(_client) {
    this.b = _client;
    /** Of all rooms, in the order of the calls. */
    this.f = /* @__PURE__ */ new Set();
    this.ga = /* @__PURE__ */ new Set();
    this.kb = 0;
  }
  lb(room, data, options = {}) {
    return new Promise((resolve, reject) => {
      let client = this.b, { max = 1e3, overflow, timeoutMs = 12e4 } = client.q.queue ?? {}, json = JSON.stringify(data);
      if (client.state === "closed") throw closed(client.reason);
      if (json === void 0) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > 30720) throw new GaplessError("too_large", "data is too large");
      if (this.f.size >= max) {
        let error = new GaplessError("overflow", "too many messages wait", !0), oldest = overflow === "drop-oldest" && [...this.f].find((item2) => !item2.ha);
        if (!oldest) throw error;
        this.t(oldest, error);
      }
      let timeout = Math.min(timeoutMs, 48e4), item = {
        Ia: room,
        Ja: JSON.parse(json),
        // a copy, because the caller may change the object
        Ka: options.key ?? client.La + (++this.kb).toString(36),
        ia: client.user,
        ha: !1,
        mb: client.a.now() + timeout,
        ca: resolve,
        w: reject,
        da: client.a.setTimeout(() => this.t(item, late()), timeout)
      };
      this.f.add(item), this.G(room);
    });
  }
  /** Whether the log may hold a message of ours whose number we do not know. */
  R(room) {
    return !!this.Ma(room)?.ha;
  }
  nb() {
    for (let item of this.f)
      item.ia ??= this.b.user, this.G(item.Ia);
  }
  y(reason) {
    for (let item of this.f) this.t(item, closed(reason));
  }
  async G(room) {
    if (this.ga.has(room)) return;
    this.ga.add(room);
    let client = this.b, item;
    for (let tries = 0; item = this.Ma(room); ) {
      let link = client.d;
      if (!link || client.g.get(room)?.ob()) break;
      if ((item.ia ??= client.user) !== client.user) {
        this.t(item, new GaplessError("conflict", "another user now"));
        continue;
      }
      if (client.a.now() >= item.mb) {
        this.t(item, late());
        continue;
      }
      try {
        item.ha = !0;
        let ok = await link.x("publish", { room, key: item.Ka, data: item.Ja });
        link.Ea(room, ok.epoch, ok.seq), client.g.get(room)?.S(ok, item.ia, item.Ka, item.Ja), this.t(item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate }), tries = 0;
      } catch (error) {
        await client.ja(link, error, tries++) || this.t(item, error);
      }
    }
    this.ga.delete(room), client.g.get(room)?.n();
  }
  Ma(room) {
    for (let item of this.f) if (item.Ia === room) return item;
  }
  t(item, result) {
    this.f.delete(item) && (this.b.a.clearTimeout(item.da), result instanceof Error ? item.w(result) : item.ca(result));
  }
};

// src/stream.ts
var Stream = class {
  /** Is one of `_open` until it ends. */
  constructor(_open, _handed) {
    this.Oa = _open;
    this.T = _handed;
    /** Pushed and not delivered yet. */
    this.f = [];
    /** Calls of `next` that wait. */
    this.R = [];
    _open.add(this);
  }
  F(item) {
    this.f.push(item) > 1e4 && this.e(new GaplessError("overflow", "a loop lags too far behind")), this.Na();
  }
  /** Items pushed before can still be read; then follows the error, if any, or the end. */
  e(error) {
    this.Oa.delete(this) && (this.k = error, this.Na());
  }
  async next() {
    for (; !this.f.length && this.Oa.has(this); ) await new Promise((wake) => this.R.push(wake));
    if (this.f.length) {
      let value = this.f.shift();
      return this.T(), { value, done: !1 };
    }
    let error = this.k;
    if (this.k = void 0, error) throw error;
    return { value: void 0, done: !0 };
  }
  return() {
    return this.f = [], this.e(), this.k = void 0, this.next();
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  Na() {
    for (let wake of this.R.splice(0)) wake();
  }
};

// src/room.ts
function lost2(from, { epoch, head, oldest }) {
  return new GaplessError("reset", "messages are lost", !1, 0, { from, to: { epoch, seq: head }, oldest });
}
var RoomCore = class extends Emitter {
  constructor(_client, name, _options) {
    super();
    this.b = _client;
    this.name = name;
    this.q = _options;
    this.j = /* @__PURE__ */ new Map();
    this.H = "";
    this.I = /* @__PURE__ */ new Set();
    /** The number of consecutive reads that failed or did not close the gap. */
    this.z = 0;
    let { since } = _options;
    since !== void 0 ? this.c = typeof since == "number" ? { epoch: "", seq: since } : { ...since } : this.pb();
  }
  get position() {
    let at = this.T();
    return at?.epoch ? at : void 0;
  }
  get joined() {
    return !!this.b.d && this.o === this.b.d && !this.k && !this.i;
  }
  async publish(data, options) {
    if (this.i) throw new GaplessError("left", "the room was left");
    return this.b.u.lb(this.name, data, options);
  }
  send(data) {
    let { joined } = this;
    return joined && this.b.d.ea({ action: "publish", room: this.name, data, ephemeral: !0 }), joined;
  }
  async history(query) {
    let page = await this.b.K("history", () => ({ room: this.name, ...query }));
    if (!page.recovered) throw lost2({ epoch: query.epoch ?? "", seq: query.since ?? query.before }, page);
    return {
      ...page,
      first: page.messages[0]?.seq,
      last: page.messages.at(-1)?.seq,
      messages: page.messages.filter((e) => !e.void).map((e) => this.Pa(page.epoch, e))
    };
  }
  presence() {
    return this.b.K("presence", () => ({ room: this.name }));
  }
  leave() {
    this.i || (this.i = !0, this.b.qb(this), this.b.u.G(this.name), this.y());
  }
  [Symbol.asyncIterator]() {
    let stream = new Stream(this.I, () => this.oa());
    return this.i ? this.y() : this.b.state === "closed" && this.y(this.b.reason), stream;
  }
  /** Ends iterations, with an error unless the application asked for it. */
  y(reason) {
    this.W();
    for (let stream of this.I)
      stream.e(reason && reason.code !== "closed" ? closed(reason) : void 0);
  }
  /** The position from which a join goes on. */
  Qa() {
    let at = this.c;
    return this.J = !1, at ? { since: at.seq, epoch: at.epoch || void 0 } : { last: this.q.last || void 0 };
  }
  /** A publish has to wait for its place in the order to be known. */
  ob() {
    return !this.V && !this.k;
  }
  /** Takes the room's result of hello on a link, or of sync without a link; `asked` is our position when it was sent. */
  Ra(link, result, asked) {
    if (this.i) return;
    let error = result?.error;
    error && link && !error.temporary && error.code !== "token_expired" ? this.Sa(link, wireError(error)) : error?.code === "conflict" ? this.o = void 0 : result && !error && this.Ta(result, asked, link), this.n();
  }
  F(link, frame) {
    let { push, room, ...event } = frame;
    push === "messages" ? this.p(frame.epoch, frame.messages) : push === "behind" ? link.N.add(this.name) : (push === "ephemeral" || push === "presence") && link === (this.b.d ?? link) && this.h(push, event), this.n();
  }
  /** Our own message has its number; nothing else brings it on this connection. */
  S(ok, user, key, data) {
    let entry = { seq: ok.seq, user, at: this.b.a.now(), key, data, S: !0 };
    this.p(ok.epoch, ok.duplicate ? [] : [entry]), this.n();
  }
  /** Joins, catches up, or waits for a gap to close, whichever is due. */
  n() {
    let { a: env, d: link } = this.b, on = this.o === link;
    if (!(this.na || this.i || !link || this.U || on && this.k)) {
      if (on && !this.J && !this.r && !link.N.has(this.name)) {
        if (!this.pa()) return;
        let wait = this.z ? 1e3 + backoff(env, this.z - 1) : this.rb() ? 500 : 0;
        if (wait) {
          this.ma ??= env.setTimeout(() => {
            this.W(), this.r = this.pa(), this.n();
          }, wait);
          return;
        }
      }
      this.W(), this.na = this.K(link).finally(() => {
        this.na = void 0, this.n();
      });
    }
  }
  /** The log holds more than was delivered: entries above a gap, or own messages that will not be pushed here. */
  pa() {
    let link = this.b.d;
    return !!link && (this.j.size > 0 || link.Ea(this.name, this.c.epoch) > this.c.seq);
  }
  W() {
    this.b.a.clearTimeout(this.ma), this.ma = void 0;
  }
  async K(link) {
    let join = this.o !== link || this.J;
    join && (this.o = void link.N.delete(this.name)), this.r = !1;
    let asked = this.c;
    try {
      let page = await serial(link.ya, this.name, async () => {
        if (this.i) throw new GaplessError("left", "the room was left");
        return link.x(join || this.la ? "join" : "history", { room: this.name, ...this.Qa() });
      });
      if (this.i) return;
      this.Ta(page, asked, join && link), !join && link.N.has(this.name) && !page.more && (this.o = void 0);
    } catch (e) {
      let error = e;
      if (this.i || link !== this.b.d) return;
      if (this.r = !join, error.code === "forbidden" && !join && !this.la) {
        this.la = !0;
        return;
      }
      await this.b.ja(link, error, this.z++) || this.Sa(link, error);
    }
  }
  Sa(link, error) {
    this.o = link, this.k = error, this.r = !1, this.h("error", error), this.b.u.G(this.name);
  }
  rb() {
    return this.b.u.R(this.name) || !!this.j.get(Math.min(...this.j.keys()))?.S;
  }
  /** Takes the answer to a read from a position, or to a join on a link. */
  Ta(page, asked, join) {
    join && (this.o = join, this.k = void 0);
    let at = this.c, recovered = page.recovered && (!at?.epoch || page.epoch === at.epoch);
    if (at && !recovered && asked !== at) {
      this.r = !0;
      return;
    }
    this.r ||= page.more;
    let first = page.messages[0];
    if (!at && page.more && !first) {
      this.o = void 0;
      return;
    }
    if (page.epoch === this.H) for (let seq of this.j.keys()) seq <= (first?.seq ?? page.head) && this.j.delete(seq);
    if (!at || !recovered ? this.c = { epoch: page.epoch, seq: first ? first.seq - 1 : page.head } : this.Ua(page.epoch), this.V = !0, at && !recovered) {
      this.J = !1;
      let error = lost2(at, page);
      if (this.h("reset", error.reset), !this.M.get("reset")?.size) for (let stream of this.I) stream.e(error);
    }
    join && this.h("joined", { epoch: page.epoch, seq: page.head, recovered }), this.p(page.epoch, page.messages), this.z = this.pa() && asked?.seq === this.c.seq ? this.z + 1 : 0, this.oa(), this.b.u.G(this.name);
  }
  /** Sorts entries in, and delivers the next ones. */
  p(epoch, entries) {
    let at = this.c, other = at?.epoch && epoch !== at.epoch;
    (other || epoch !== this.H && this.j.size) && (this.J = !0), epoch !== this.H && this.j.clear(), this.H = epoch, at && this.V && !other && (at = this.Ua(epoch));
    for (let entry of entries) {
      let seq = this.c?.seq;
      !other && entry.seq <= seq || (this.j.size < 1e3 || entry.seq === seq + 1 ? this.j.set(entry.seq, entry) : this.r = !0, this.Va());
    }
    this.Va(), this.c !== at && (this.oa(), this.W(), this.z = 0);
  }
  /** Notes that the log has entries; it is ours if we knew none. */
  Ua(epoch) {
    return this.c.epoch ? this.c : this.c = { epoch, seq: this.c.seq };
  }
  Va() {
    let epoch = this.H, entry;
    for (; this.V && this.c.epoch === epoch && !this.i && this.b.state !== "closed" && (entry = this.j.get(this.c.seq + 1)); ) {
      let { seq } = entry;
      if (this.j.delete(seq), this.c = { epoch, seq }, entry.void) continue;
      let message = this.Pa(epoch, entry);
      for (let stream of this.I) stream.F(message);
      this.h("message", message);
    }
  }
  Pa(epoch, { S: _own, ...entry }) {
    return { room: this.name, epoch, ...entry };
  }
  /** The position up to which the application was given everything: a loop may lag behind. */
  T() {
    let [first] = [...this.I].map(({ f: _items }) => _items).sort((a, b) => b.length - a.length)[0] ?? [];
    return first ? { epoch: first.epoch, seq: first.seq - 1 } : this.c;
  }
  oa() {
    this.ka || (this.ka = !0, this.Wa((storage, key) => (this.ka = !1, storage.setItem(key, JSON.stringify(this.T())))));
  }
  pb() {
    this.U = this.Wa((storage, key) => storage.getItem(key))?.then((value) => {
      try {
        let { epoch, seq } = JSON.parse(value);
        typeof epoch == "string" && Number.isSafeInteger(seq) && seq >= 0 && (this.c = { epoch, seq });
      } catch {
      }
      this.U = void 0, this.n();
    });
  }
  /** Calls the storage, if any, one call after the other. If it fails or is silent, an `error` event says so, and the room goes on. */
  Wa(run) {
    let { q: { storage }, a: env, X: url, sb: _stores } = this.b;
    return storage && serial(_stores, this.name, () => inTime(env, 5e3, () => run(storage, `gapless:${typeof url == "string" ? url : ""}:${this.name}`)).catch((e) => this.h("error", e)));
  }
};

// src/client.ts
var asking = (rooms) => rooms.map((room) => [room, room.c]), ClientCore = class extends Emitter {
  constructor(_url, _options) {
    super();
    this.X = _url;
    this.q = _options;
    this.state = "connecting";
    this.g = /* @__PURE__ */ new Map();
    this.rooms = this.g;
    this.u = new Outbox(this);
    /** Calls of the storage, by room: a room that was left may still write when it is joined again. */
    this.sb = /* @__PURE__ */ new Map();
    /** All open connections: the one in use, one that is being opened, and replaced ones. */
    this.qa = /* @__PURE__ */ new Set();
    this.Y = 0;
    /** In a pause between attempts: the end of the pause that the server asked for, which no wake shortens. */
    this.Z = 1 / 0;
    this.a = environment(_options.environment), this.La = randomName(this.a) + ".", this.session = _options.session ?? randomName(this.a), this.Ya();
  }
  join(name, options = {}) {
    let room = this.g.get(name);
    return room || (this.g.set(name, room = new RoomCore(this, name, options)), room.n()), room;
  }
  check() {
    this.d ? this.d.fa() : this.a.now() >= this.Z && this._();
  }
  reconnect() {
    if (this.state !== "closed") return this.check();
    this.Y = 0, this.L("connecting"), this.Ya();
  }
  close() {
    this.ua({ code: "closed", message: "closed by the application" });
  }
  qb(room) {
    this.g.delete(room.name), this.d && this.Za(this.d, room.name);
  }
  /** Sends a command on the present connection, and repeats it after temporary failures, at most `most` + 1 times. */
  async K(action, fields, most = 2) {
    for (let tries = 0; ; ) {
      let link = this.d;
      if (!link) throw new GaplessError("disconnected", "not connected", !0);
      try {
        return await link.x(action, fields());
      } catch (error) {
        if (tries > most || !await this.ja(link, error, tries++)) throw error;
      }
    }
  }
  /** Prepares the repetition of a command that failed with an error, and waits; false if it would fail again. */
  async ja(link, error, tries) {
    if (link !== this.d) return !0;
    if (error.code === "token_expired") this._a(link);
    else if (error.code === "unauthenticated") link.e(error);
    else if (!error.temporary) return !1;
    return await link.Da(error.retryAfterMs + backoff(this.a, tries)), !0;
  }
  /** Presents a fresh token on a live connection until one is accepted. */
  async _a(link) {
    if (!(this.sa === link || !this.q.getToken)) {
      this.sa = link;
      for (let tries = 0; link.m; tries++)
        try {
          let { tokenExpiresInMs } = await link.x("auth", { token: await this.$a(() => this.q.getToken({ fresh: !0 })) });
          return this.sa = void 0, this.ab(link, tokenExpiresInMs);
        } catch (e) {
          let error = e;
          if (!link.m) return;
          this.h("error", error), error.code === "conflict" || error.code === "unauthenticated" ? (this.A = !0, link.e(error)) : await link.Da(error.retryAfterMs + 1e3 + backoff(this.a, tries));
        }
    }
  }
  F(link, frame) {
    if (frame.push !== "bye") {
      this.g.get(frame.room)?.F(link, frame);
      return;
    }
    (frame.code === 3003 || frame.code === 3005) && (this.A = !0), link.e({ code: frame.code ?? 1e3, message: frame.reason ?? "" }, frame.afterMs, frame.reconnect);
  }
  hb(link, reason, error) {
    this.qa.delete(link), link === this.d && (this.d = void 0, this.a.now() - link.va >= 1e4 && (this.Y = 0), error.temporary ? this.l ? this.L("reconnecting", reason) : this.bb(reason, error.retryAfterMs) : this.ua(reason));
  }
  Ya() {
    this.Xa = this.a.onWake(() => this.check()), this._();
  }
  L(state, reason, retryInMs) {
    this.state = state, this.reason = reason, this.h("state", { state, reason, retryInMs });
  }
  ua(reason) {
    this.a.clearTimeout(this.ra), this.Z = 1 / 0, this.l = void 0, this.Xa(), this.d = void 0;
    for (let link of this.qa) link.e(reason);
    this.u.y(reason);
    for (let room of this.g.values()) room.y(reason);
    this.state !== "closed" && this.L("closed", reason);
  }
  bb(reason, afterMs = 0) {
    let ms = afterMs + backoff(this.a, this.Y++);
    this.Z = this.a.now() + afterMs, this.ra = this.a.setTimeout(() => {
      this._();
    }, ms), this.L(this.user === void 0 ? "connecting" : "reconnecting", reason, ms);
  }
  /** The answer of the application's code, within tokenTimeout. */
  $a(ask) {
    return inTime(this.a, 3e4, ask).catch((e) => {
      throw new GaplessError("token", e?.message ?? String(e), !0);
    });
  }
  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  async _() {
    this.a.clearTimeout(this.ra), this.Z = 1 / 0;
    let attempt = this.l = {}, link;
    try {
      let [url, token] = await this.$a(
        () => Promise.all([
          typeof this.X == "string" ? this.X : this.X(),
          this.q.getToken?.({ fresh: !!this.A })
        ])
      );
      if (this.l !== attempt) return;
      let opening = link = new Link(this, this.D(url));
      this.qa.add(link), link.s(1e4, () => {
        this.l === attempt && opening.e({ code: "timeout", message: "no answer in time" });
      }), await link.wa;
      let asked = asking([...this.g.values()].filter((room) => !room.U).slice(0, 32)), hello = await link.x("hello", {
        token,
        session: this.session,
        rooms: this.cb(asked)
      });
      if (this.l !== attempt) return link.e(replaced);
      link.m || await link.B, this.l = void 0, this.tb(link, hello, asked);
    } catch (error) {
      if (this.l !== attempt) return;
      this.l = void 0, this.ub(error, link);
    }
  }
  D(url) {
    let Socket = this.q.WebSocket ?? globalThis.WebSocket;
    try {
      return new Socket(url);
    } catch (e) {
      throw new GaplessError("bad_request", Socket ? e.message : "pass a WebSocket in the options");
    }
  }
  ub(error, link) {
    let reason = link?.xa ?? { code: error.code ?? "socket", message: error.message };
    link?.e(reason);
    let stale = error.code === "token_expired" || error.code === "unauthenticated" && !this.A;
    stale && (this.A = !0);
    let final = !stale && error.temporary === !1;
    this.d ? (this.h("error", error), this.d.s(1e3 + backoff(this.a, this.Y++), () => this.db())) : final ? this.ua(reason) : this.bb(reason, error.retryAfterMs);
  }
  tb(link, hello, asked) {
    let old = this.d;
    this.d = link, link.va = this.ta = this.a.now(), this.A = !1, this.user = hello.user, link.ib(hello.heartbeatMs), this.ab(link, hello.tokenExpiresInMs), hello.rotateInMs !== void 0 && link.s(Math.max(hello.rotateInMs, 5e3), () => this.db()), this.eb(link), this.state !== "connected" && this.L("connected");
    for (let [room, at] of asked)
      this.g.get(room.name) === room ? room.Ra(link, hello.rooms?.[room.name], at) : this.Za(link, room.name);
    for (let room of this.g.values()) room.n();
    this.u.nb(), old?.s(1e4, () => old.e(replaced));
  }
  /** Make before break: the platform ends each connection after two hours. */
  db() {
    this.l || this._();
  }
  ab(link, ms) {
    ms && link.s(Math.max(ms - 6e4, ms * 0.8), () => this._a(link));
  }
  Za(link, room) {
    serial(link.ya, room, () => link.x("leave", { room })).catch(() => {
    });
  }
  eb(link) {
    link.s(3e5 * (0.8 + 0.4 * this.a.random()), () => {
      this.Ha(), this.eb(link);
    });
  }
  cb(asked) {
    return Object.fromEntries(asked.map(([room]) => [room.name, room.Qa()]));
  }
  /** Asks for every room whether anything was missed. */
  Ha() {
    let now = this.a.now();
    if (Math.abs(now - this.ta) < 5e3) return;
    this.ta = now;
    let rooms = [...this.g.values()].filter((room) => room.joined && room.c);
    for (; rooms.length; ) this.vb(rooms.splice(0, 32)).catch(() => {
    });
  }
  /** Rejects if it would fail again; the next connection sends everything again. */
  async vb(rooms) {
    let asked, ok = await this.K("sync", () => (asked = asking(rooms.filter((room) => room.joined)), { rooms: this.cb(asked) }), 1 / 0);
    for (let [room, at] of asked) room.Ra(void 0, ok.rooms[room.name], at);
  }
};

// src/index.ts
function connect(url, options = {}) {
  return new ClientCore(url, options);
}
export {
  GaplessError,
  connect
};
