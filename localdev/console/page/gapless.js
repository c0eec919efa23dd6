// Code generated from pkg/client/js by `make page`. DO NOT EDIT.

// src/emitter.ts
var Emitter = class {
  constructor() {
    this.K = /* @__PURE__ */ new Map();
  }
  on(type, listener) {
    let set = this.K.get(type);
    set || this.K.set(type, set = /* @__PURE__ */ new Set());
    let own = (event) => listener(event);
    return set.add(own), () => {
      set.delete(own);
    };
  }
  l(type, event) {
    for (let listener of [...this.K.get(type) ?? []])
      try {
        listener(event);
      } catch (error) {
        Promise.reject(error);
      }
  }
  L(type) {
    return !!this.K.get(type)?.size;
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
      };
      for (let [target, type] of targets) target?.addEventListener?.(type, listener);
      return () => {
        for (let [target, type] of targets) target?.removeEventListener?.(type, listener);
      };
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
var maxBackoff = 3e4;
function backoff(env, attempt) {
  return env.random() * Math.min(maxBackoff, 1e3 * 2 ** attempt);
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
var callTimeout = 15e3, pingTimeout = 1e4, doubtTimeout = 3e3, maxSilence = 24e4, maxLate = 2e3, maxHeldBack = 9e4;
function wireError(e) {
  return new GaplessError(e.code, e.message, e.temporary, e.retryAfterMs);
}
var ignore = () => {
}, lost = { code: 1006, message: "connection lost" }, replaced = { code: 1e3, message: "replaced" }, Link = class {
  constructor(_host, _socket) {
    this.F = _host;
    this.E = _socket;
    this.m = !0;
    this.fb = 0;
    this.D = /* @__PURE__ */ new Map();
    this.ya = /* @__PURE__ */ new Map();
    this.za = /* @__PURE__ */ new Map();
    this.Z = /* @__PURE__ */ new Set();
    /** Pings since the last push. */
    this.M = 0;
    this.a = _host.a, this.C = new Promise((_, reject) => this.Ba = reject), this.wa = Promise.race([this.C, new Promise((resolve) => _socket.onopen = resolve)]), this.C.catch(ignore), _socket.onmessage = (event) => this.gb(event.data), _socket.onclose = (event) => this.d({ code: event.code ?? lost.code, message: event.reason || lost.message }), _socket.onerror = ignore;
  }
  /** Ends the link, whoever began; calls under way reject with `disconnected`. A code that is a text never forbids to come back. */
  d({ code, message }, afterMs, back = !(code >= 3500)) {
    if (!this.m) return;
    this.m = !1;
    let reason = this.xa = { code, message }, error = new GaplessError("disconnected", message, back, afterMs);
    this.Ba(error);
    let socket = this.E;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = ignore;
    try {
      socket.close(1e3);
    } catch {
    }
    this.a.clearTimeout(this.$);
    for (let timer of this.Z) this.a.clearTimeout(timer);
    for (let id of this.D.keys())
      this.p(id)?.v(error);
    this.F.hb(this, reason, error);
  }
  /** Runs later, unless the link ends before. */
  s(ms, run) {
    if (!this.m) return;
    let timer = this.a.setTimeout(() => {
      this.Z.delete(timer), run();
    }, ms);
    this.Z.add(timer);
  }
  /** Resolves later, or when the link ends. */
  Ca(ms) {
    return Promise.race([this.C, new Promise((resolve) => this.s(ms, resolve))]).catch(ignore);
  }
  w(action, fields) {
    return new Promise((resolve, reject) => {
      if (!this.m) return reject(new GaplessError("disconnected", "not connected", !0));
      let id = ++this.fb, timer = this.a.setTimeout(
        () => this.p(id)?.v(new GaplessError("timeout", "no answer in time", !0)),
        callTimeout
      );
      this.D.set(id, { aa: resolve, v: reject, ba: timer }), this.ca({ action, id, ...fields });
    });
  }
  /**
   * Runs one after the other what concerns a membership, since the platform
   * may handle a connection's commands at once.
   */
  Da(room, run) {
    let result = (this.ya.get(room) ?? Promise.resolve()).then(run);
    return this.ya.set(room, result.catch(ignore)), result;
  }
  ca(frame) {
    try {
      this.E.send(JSON.stringify(frame)), this.Aa = this.a.now();
    } catch {
      this.d({ code: "socket", message: "socket not open" });
    }
  }
  /** The highest number of a log that was acknowledged here: pushes on this connection leave it out. */
  Ea(room, epoch, seq = 0) {
    let log = `${epoch} ${room}`;
    return seq = Math.max(seq, this.za.get(log) ?? 0), this.za.set(log, seq), seq;
  }
  /** Watches the line: pings after `ms` of silence. */
  ib(ms) {
    this._ = ms || 45e3, this.O();
  }
  /** Asks at once whether the line is alive. */
  da() {
    if (this.E.readyState !== 1)
      return this.d(lost);
    this.N = !0, this.M = 0, this.Fa(doubtTimeout), this.O();
  }
  p(id) {
    let call = this.D.get(id);
    return call && (this.D.delete(id), this.a.clearTimeout(call.ba)), call;
  }
  Fa(timeout) {
    let now = this.a.now(), left = this.u - now;
    this.u = now + (left > 0 ? Math.min(left, timeout) : timeout), this.ca({ action: "ping" });
  }
  Ga() {
    let interval = this.a.hidden() ? this._ * 2 ** this.M : this._;
    return this.u || Math.min(this.L + interval, this.Aa + maxSilence);
  }
  O() {
    if (!this.m) return;
    let env = this.a, due = this.Ga();
    env.clearTimeout(this.$), this.$ = env.setTimeout(() => this.jb(env.now() - due), due - env.now());
  }
  jb(late2) {
    if (Math.abs(late2) > maxHeldBack) return this.da();
    if (this.a.now() >= this.Ga()) {
      if (this.u)
        return late2 > maxLate && !this.N ? this.da() : this.d({ code: "no_answer", message: "no answer to a ping" });
      this.M++, this.Fa(pingTimeout);
    }
    this.O();
  }
  gb(data) {
    this.L = this.a.now(), this.u && (this.u = 0, this.O());
    let frame;
    try {
      if (frame = JSON.parse(data), !frame || typeof frame != "object") throw 0;
    } catch {
      return this.F.Ha(new GaplessError("bad_frame", "unreadable frame"));
    }
    let revived = this.N;
    if (this.N = !1, frame.push)
      frame.push !== "pong" && (this.M = 0), this.F.G(this, frame);
    else if (frame.id != null) {
      let call = this.p(frame.id);
      frame.error ? call?.v(wireError(frame.error)) : call?.aa(frame.ok);
    } else if (frame.error)
      this.F.Ha(wireError(frame.error));
    else
      for (let id of this.D.keys())
        this.p(id)?.v(new GaplessError("unavailable", "the gateway failed", !0));
    revived && this.m && this.F.kb(this);
  }
};

// src/wire.ts
function bytes(json) {
  return encodeURIComponent(json).replace(/%../g, "x").length;
}

// src/outbox.ts
var keyWindow = 48e4, late = () => new GaplessError("timeout", "not acknowledged in time", !0), closed = () => new GaplessError("closed", "the client was closed"), Outbox = class {
  constructor(_client) {
    this.b = _client;
    /** Of all rooms, in the order of the calls. */
    this.f = /* @__PURE__ */ new Set();
    this.ea = /* @__PURE__ */ new Set();
    this.lb = 0;
  }
  mb(room, data, options = {}) {
    return new Promise((resolve, reject) => {
      let client = this.b, { max = 1e3, overflow = "reject", timeoutMs = 12e4 } = client.q.queue ?? {}, json = JSON.stringify(data);
      if (client.state === "closed") throw closed();
      if (json === void 0) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > 30720) throw new GaplessError("too_large", `data must be at most ${30720} bytes of JSON`);
      if (this.f.size >= max) {
        let oldest = overflow === "drop-oldest" && [...this.f].find((item2) => !item2.fa);
        if (!oldest) throw new GaplessError("overflow", `${max} messages wait already`, !0);
        this.x(oldest, new GaplessError("overflow", "given up for a newer message"));
      }
      let timeout = Math.min(timeoutMs, keyWindow), item = {
        Ia: room,
        Ja: JSON.parse(json),
        // as it is now, whatever becomes of the object
        Ka: options.key ?? client.La + (++this.lb).toString(36),
        fa: !1,
        nb: client.a.now() + timeout,
        aa: resolve,
        v: reject,
        ba: client.a.setTimeout(() => this.x(item, late()), timeout)
      };
      this.f.add(item), this.H(room);
    });
  }
  /** Whether a message of ours may be in the log without us knowing its number. */
  P(room) {
    return !!this.Ma(room)?.fa;
  }
  ob() {
    for (let item of this.f) this.H(item.Ia);
  }
  y() {
    for (let item of this.f) this.x(item, closed());
  }
  async H(room) {
    if (this.ea.has(room)) return;
    this.ea.add(room);
    let client = this.b, item;
    for (let tries = 0; item = this.Ma(room); ) {
      let link = client.c;
      if (!link || client.g.get(room)?.pb()) break;
      if (client.a.now() >= item.nb) {
        this.x(item, late());
        continue;
      }
      try {
        item.fa = !0;
        let ok = await link.w("publish", { room, key: item.Ka, data: item.Ja });
        link.Ea(room, ok.epoch, ok.seq), client.g.get(room)?.Q(ok, item.Ka, item.Ja), this.x(item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate }), tries = 0;
      } catch (error) {
        await client.ga(link, error, tries++) || this.x(item, error);
      }
    }
    this.ea.delete(room), client.g.get(room)?.n();
  }
  Ma(room) {
    for (let item of this.f) if (item.Ia === room) return item;
  }
  x(item, result) {
    this.f.delete(item) && (this.b.a.clearTimeout(item.ba), result instanceof Error ? item.v(result) : item.aa(result));
  }
};

// src/stream.ts
var maxLag = 1e4, Stream = class {
  /** Is one of `_open` until it ends. */
  constructor(_open) {
    this.Oa = _open;
    this.f = [];
    /** Calls of `next` that wait. */
    this.P = [];
    _open.add(this);
  }
  G(item) {
    this.f.push(item) > maxLag && this.d(new GaplessError("overflow", `an iteration lags ${maxLag} messages behind`)), this.Na();
  }
  /** What was pushed before can still be read; then comes the error, if any, or the end. */
  d(error) {
    this.Oa.delete(this) && (this.i = error, this.Na());
  }
  async next() {
    for (; !this.f.length && this.Oa.has(this); ) await new Promise((wake) => this.P.push(wake));
    if (this.f.length) return { value: this.f.shift(), done: !1 };
    let error = this.i;
    if (this.i = void 0, error) throw error;
    return { value: void 0, done: !0 };
  }
  return() {
    return this.f = [], this.d(), this.i = void 0, this.next();
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  Na() {
    for (let wake of this.P.splice(0)) wake();
  }
};

// src/room.ts
var gapPatience = 500, gapPause = 1e3, maxAhead = 1e3, storageTimeout = 5e3;
function lost2(from, { epoch, head, oldest }) {
  return new GaplessError("reset", "messages are lost: start anew", !1, 0, { from, to: { epoch, seq: head }, oldest });
}
var RoomCore = class extends Emitter {
  constructor(_client, name, _options) {
    super();
    this.b = _client;
    this.name = name;
    this.q = _options;
    this.k = /* @__PURE__ */ new Map();
    this.ha = "";
    this.T = /* @__PURE__ */ new Set();
    /** Questions in a row that failed, or did not close the gap. */
    this.z = 0;
    let { since } = _options;
    since !== void 0 ? this.e = typeof since == "number" ? { epoch: "", seq: since } : { ...since } : this.qb();
  }
  get position() {
    return this.e?.epoch ? { ...this.e } : void 0;
  }
  get joined() {
    return !!this.b.c && this.h === this.b.c && !this.i && !this.j;
  }
  async publish(data, options) {
    if (this.j) throw new GaplessError("left", "the room was left");
    return this.b.t.mb(this.name, data, options);
  }
  send(data) {
    let { joined } = this;
    return joined && this.b.c.ca({ action: "publish", room: this.name, data, ephemeral: !0 }), joined;
  }
  async history(query) {
    let page = await this.b.I("history", () => ({ room: this.name, ...query }));
    if (!page.recovered) throw lost2({ epoch: query.epoch ?? "", seq: query.since ?? query.before }, page);
    return {
      ...page,
      first: page.messages[0]?.seq,
      last: page.messages.at(-1)?.seq,
      messages: page.messages.filter((e) => !e.void).map((e) => this.Pa(page.epoch, e))
    };
  }
  presence() {
    return this.b.I("presence", () => ({ room: this.name }));
  }
  leave() {
    this.j || (this.j = !0, this.b.rb(this), this.b.t.H(this.name), this.y());
  }
  [Symbol.asyncIterator]() {
    let stream = new Stream(this.T);
    return this.j ? this.y() : this.b.state === "closed" && this.y(this.b.reason), stream;
  }
  /** Ends iterations, loudly if it was not the application that wanted it. */
  y(reason) {
    this.ma();
    for (let stream of this.T)
      stream.d(reason && reason.code !== "closed" ? new GaplessError("closed", reason.message) : void 0);
  }
  /** Where a join goes on. */
  Qa() {
    let at = this.e;
    return at ? { since: at.seq, epoch: at.epoch || void 0 } : { last: this.q.last || void 0 };
  }
  /** A publish has to wait for its place in the order to be known. */
  pb() {
    return !this.S && !this.i;
  }
  /** Takes what hello or sync said of the room; `asked` is where we were then. */
  Ra(link, result, asked, hello) {
    if (this.j) return;
    let error = result?.error;
    error && hello && !error.temporary && error.code !== "token_expired" ? this.Sa(link, wireError(error)) : !result || error ? error?.code === "conflict" && (this.h = void 0) : (hello && (this.i = void 0, this.h = link), this.Ta(result, asked, hello)), this.n();
  }
  G(link, frame) {
    let { push, room, ...event } = frame;
    push === "messages" ? this.p(frame.epoch, frame.messages) : push === "behind" ? this.U = link : (push === "ephemeral" || push === "presence") && this.l(push, event), this.n();
  }
  /** Our own message has its number; it comes to us by no other way on this connection. */
  Q(ok, key, data) {
    let entry = { seq: ok.seq, user: this.b.user, at: this.b.a.now(), key, data, Q: !0 };
    this.p(ok.epoch, ok.duplicate ? [] : [entry]), this.n();
  }
  /** Does what is to be done: join, catch up, wait for a gap to close. */
  n() {
    let { a: env, c: link } = this.b;
    if (!(this.la || this.j || !link || this.R) && !(this.h === link && this.i)) {
      if (this.h === link && !this.r && this.U !== link) {
        if (!this.na()) return;
        let wait = this.z ? gapPause + backoff(env, this.z - 1) : this.sb() ? gapPatience : 0;
        if (wait) {
          this.ka ??= env.setTimeout(() => {
            this.r = this.na(), this.n();
          }, wait);
          return;
        }
      }
      this.ma(), this.la = this.I(link).finally(() => {
        this.la = void 0, this.n();
      });
    }
  }
  oa() {
    return this.e && { ...this.e };
  }
  /** The log holds more than what was handed on: entries above a gap, or own messages that will not be pushed here. */
  na() {
    let link = this.b.c;
    return !!link && (this.k.size > 0 || link.Ea(this.name, this.e.epoch) > this.e.seq);
  }
  ma() {
    this.b.a.clearTimeout(this.ka), this.ka = void 0;
  }
  async I(link) {
    let join = this.h !== link;
    join && (this.U = void 0), this.r = !1;
    let asked = this.oa();
    try {
      let page = await link.Da(this.name, async () => {
        if (this.j) throw new GaplessError("left", "the room was left");
        return link.w(join || this.ja ? "join" : "history", { room: this.name, ...this.Qa() });
      });
      if (this.j) return;
      join && (this.i = void 0, this.h = link), this.Ta(page, asked, join), !join && this.U === link && !page.more && (this.h = void 0);
    } catch (e) {
      let error = e;
      if (this.j || link !== this.b.c) return;
      if (this.r = !join, error.code === "forbidden" && !join && !this.ja) {
        this.ja = !0;
        return;
      }
      await this.b.ga(link, error, this.z++) || this.Sa(link, error);
    }
  }
  Sa(link, error) {
    this.i = error, this.h = link, this.r = !1, this.l("error", error), this.b.t.H(this.name);
  }
  sb() {
    return this.b.t.P(this.name) || !!this.k.get(Math.min(...this.k.keys()))?.Q;
  }
  Ta(page, asked, join) {
    let at = this.e, recovered = page.recovered && (!at?.epoch || page.epoch === at.epoch);
    if (at && !recovered && (asked?.epoch !== at.epoch || asked.seq !== at.seq)) {
      this.r = !0;
      return;
    }
    this.r ||= page.more;
    let first = page.messages[0];
    if (!at && page.more && !first) {
      this.h = void 0;
      return;
    }
    for (let seq of this.k.keys()) seq <= (first?.seq ?? page.head) && this.k.delete(seq);
    if (!at || !recovered ? this.e = { epoch: page.epoch, seq: first ? first.seq - 1 : page.head } : at.epoch = page.epoch, this.S = !0, at && !recovered) {
      let error = lost2(at, page);
      if (this.l("reset", error.reset), !this.L("reset")) for (let stream of this.T) stream.d(error);
    }
    join && this.l("joined", { epoch: page.epoch, seq: page.head, recovered }), this.p(page.epoch, page.messages), this.z = this.na() && asked?.seq === this.e.seq ? this.z + 1 : 0, this.pa(), this.b.t.H(this.name);
  }
  /** Sorts entries in, and hands on what is next. */
  p(epoch, entries) {
    let at = this.e, other = at?.epoch && epoch !== at.epoch;
    epoch !== this.ha && (this.k.size && (this.h = void 0), this.k.clear()), this.ha = epoch, other && (this.h = void 0), at && this.S && !other && (at.epoch = epoch);
    let before = at?.seq;
    for (let entry of entries)
      at && !other && entry.seq <= at.seq || (this.k.size < maxAhead || entry.seq === at?.seq + 1 ? this.k.set(entry.seq, entry) : this.r = !0, this.Ua());
    this.Ua(), at?.seq !== before && (this.pa(), this.ma(), this.z = 0);
  }
  Ua() {
    let at = this.e;
    if (!at || !this.S || at.epoch !== this.ha) return;
    let entry;
    for (; !this.j && this.b.state !== "closed" && (entry = this.k.get(at.seq + 1)); ) {
      if (this.k.delete(++at.seq), entry.void) continue;
      let message = this.Pa(at.epoch, entry);
      for (let stream of this.T) stream.G(message);
      this.l("message", message);
    }
  }
  Pa(epoch, { Q: _own, ...entry }) {
    return { room: this.name, epoch, ...entry };
  }
  pa() {
    if (this.ia) return;
    let value = JSON.stringify(this.e);
    this.ia = this.Va((storage, key) => storage.setItem(key, value))?.then(() => {
      this.ia = void 0, JSON.stringify(this.e) !== value && this.pa();
    });
  }
  qb() {
    this.R = this.Va((storage, key) => storage.getItem(key))?.then((value) => {
      try {
        let { epoch, seq } = JSON.parse(value);
        typeof epoch == "string" && Number.isSafeInteger(seq) && seq >= 0 && (this.e = { epoch, seq });
      } catch {
      }
      this.R = void 0, this.n();
    });
  }
  /** What the storage answers, if there is one. If it is full, forbidden or silent, that is told, and live goes on. */
  Va(run) {
    let { q: { storage }, a: env, V: url } = this.b;
    return storage && inTime(env, storageTimeout, () => run(storage, `gapless:${typeof url == "string" ? url : ""}:${this.name}`)).catch((e) => this.l("error", e));
  }
};

// src/client.ts
var connectTimeout = 1e4, tokenTimeout = 3e4, held = 1e4, syncEvery = 3e5, syncPause = 5e3, overlap = 1e4, rotateSoonest = 5e3, renewBefore = 6e4, asking = (rooms) => rooms.map((room) => [room, room.oa()]), ClientCore = class extends Emitter {
  constructor(_url, _options) {
    super();
    this.V = _url;
    this.q = _options;
    this.state = "connecting";
    this.g = /* @__PURE__ */ new Map();
    this.t = new Outbox(this);
    /** Those that were replaced and still answer. */
    this.qa = /* @__PURE__ */ new Set();
    this.W = 0;
    /** In a pause between attempts: until when the server asked for it, which no wake shortens. */
    this.X = 1 / 0;
    this.a = environment(_options.environment), this.La = randomName(this.a) + ".", this.session = _options.session ?? randomName(this.a), this.Xa();
  }
  get rooms() {
    return this.g;
  }
  join(name, options = {}) {
    let room = this.g.get(name);
    return room || (this.g.set(name, room = new RoomCore(this, name, options)), room.n()), room;
  }
  check() {
    this.c ? this.c.da() : this.a.now() >= this.X && this.Y();
  }
  reconnect() {
    if (this.state !== "closed") return this.check();
    this.W = 0, this.J("connecting"), this.Xa();
  }
  close() {
    this.ua({ code: "closed", message: "closed by the application" });
  }
  rb(room) {
    this.g.delete(room.name), this.c && this.Ya(this.c, room.name);
  }
  /** Asks on the present connection, and again if that may help; the first time and `most` + 1 times more. */
  async I(action, fields, most = 2) {
    for (let tries = 0; ; ) {
      let link = this.c;
      if (!link) throw new GaplessError("disconnected", "not connected", !0);
      try {
        return await link.w(action, fields());
      } catch (error) {
        if (tries > most || !await this.ga(link, error, tries++)) throw error;
      }
    }
  }
  /** Does what has to come before a command that failed so is repeated, and waits; false if it would fail again. */
  async ga(link, error, tries) {
    if (link !== this.c) return !0;
    if (error.code === "token_expired") this.Za(link);
    else if (error.code === "unauthenticated") link.d(error);
    else if (!error.temporary) return !1;
    return await link.Ca(error.retryAfterMs + backoff(this.a, tries)), !0;
  }
  /** Presents a fresh token on a live connection, until one is taken. */
  async Za(link) {
    if (!(this.sa === link || !this.q.getToken)) {
      this.sa = link;
      for (let tries = 0; link.m; tries++)
        try {
          let { tokenExpiresInMs } = await link.w("auth", { token: await this._a(() => this.q.getToken({ fresh: !0 })) });
          return this.sa = void 0, this.$a(link, tokenExpiresInMs);
        } catch (e) {
          let error = e;
          if (!link.m) return;
          this.l("error", error), error.code === "conflict" || error.code === "unauthenticated" ? (this.B = !0, link.d(error)) : await link.Ca(error.retryAfterMs + 1e3 + backoff(this.a, tries));
        }
    }
  }
  G(link, frame) {
    if (frame.push !== "bye") {
      (frame.messages || frame.push === "behind" || link === (this.c ?? link)) && this.g.get(frame.room)?.G(link, frame);
      return;
    }
    (frame.code === 3003 || frame.code === 3005) && (this.B = !0), link.d({ code: frame.code ?? 1e3, message: frame.reason ?? "" }, frame.afterMs, frame.reconnect);
  }
  hb(link, reason, error) {
    this.qa.delete(link), link === this.c && (this.c = void 0, this.a.now() - link.va >= held && (this.W = 0), error.temporary ? this.o ? this.J("reconnecting", reason) : this.ab(reason, error.retryAfterMs) : this.ua(reason));
  }
  kb(link) {
    link === this.c && this.bb(link);
  }
  Ha(error) {
    this.l("error", error);
  }
  Xa() {
    this.Wa = this.a.onWake(() => this.check()), this.Y();
  }
  J(state, reason, retryInMs) {
    this.state = state, this.reason = reason, this.l("state", { state, reason, retryInMs });
  }
  ua(reason) {
    this.a.clearTimeout(this.ra), this.X = 1 / 0, this.o = void 0, this.Wa();
    let links = [this.c, this.A, ...this.qa];
    this.c = this.A = void 0;
    for (let link of links) link?.d(reason);
    this.t.y();
    for (let room of this.g.values()) room.y(reason);
    this.state !== "closed" && this.J("closed", reason);
  }
  ab(reason, afterMs = 0) {
    let ms = afterMs + backoff(this.a, this.W++);
    this.X = this.a.now() + afterMs, this.ra = this.a.setTimeout(() => {
      this.Y();
    }, ms), this.J(this.user === void 0 ? "connecting" : "reconnecting", reason, ms);
  }
  /** What the application answers, in time. */
  _a(ask) {
    return inTime(this.a, tokenTimeout, ask).catch((e) => {
      throw new GaplessError("token", e?.message ?? String(e), !0);
    });
  }
  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  async Y() {
    this.a.clearTimeout(this.ra), this.X = 1 / 0;
    let attempt = this.o = {}, link;
    try {
      let [url, token] = await this._a(
        () => Promise.all([
          typeof this.V == "string" ? this.V : this.V(),
          this.q.getToken?.({ fresh: !!this.B })
        ])
      );
      if (this.o !== attempt) return;
      let opening = link = this.A = new Link(this, this.E(url));
      link.s(connectTimeout, () => {
        opening === this.A && opening.d({ code: "timeout", message: "no connection in time" });
      }), await link.wa;
      let asked = asking([...this.g.values()].filter((room) => !room.R).slice(0, 32)), hello = await link.w("hello", {
        token,
        session: this.session,
        rooms: this.cb(asked)
      });
      if (this.o !== attempt) return link.d(replaced);
      link.m || await link.C, this.o = this.A = void 0, this.tb(link, hello, asked);
    } catch (error) {
      if (this.o !== attempt) return;
      this.o = this.A = void 0, this.ub(error, link);
    }
  }
  E(url) {
    let Socket = this.q.WebSocket ?? globalThis.WebSocket;
    try {
      return new Socket(url);
    } catch (e) {
      throw new GaplessError("bad_request", Socket ? e.message : "no WebSocket here: pass one in the options");
    }
  }
  ub(error, link) {
    let reason = link?.xa ?? { code: error.code ?? "socket", message: error.message };
    link?.d(reason);
    let stale = error.code === "token_expired" || error.code === "unauthenticated" && !this.B;
    stale && (this.B = !0);
    let final = !stale && error.temporary === !1;
    this.c ? (this.l("error", error), this.c.s(1e3 + backoff(this.a, this.W++), () => this.db())) : final ? this.ua(reason) : this.ab(reason, error.retryAfterMs);
  }
  tb(link, hello, asked) {
    let old = this.c;
    this.c = link, link.va = this.ta = this.a.now(), this.B = !1, this.user = hello.user, link.ib(hello.heartbeatMs), this.$a(link, hello.tokenExpiresInMs), hello.rotateInMs !== void 0 && link.s(Math.max(hello.rotateInMs, rotateSoonest), () => this.db()), this.eb(link), this.state !== "connected" && this.J("connected");
    for (let [room, at] of asked)
      this.g.get(room.name) === room ? room.Ra(link, hello.rooms?.[room.name], at, !0) : this.Ya(link, room.name);
    for (let room of this.g.values()) room.n();
    this.t.ob(), old && (this.qa.add(old), old.s(overlap, () => old.d(replaced)));
  }
  /** Make before break: the platform ends each connection after two hours. */
  db() {
    this.o || this.Y();
  }
  $a(link, ms) {
    ms && link.s(Math.max(ms - renewBefore, ms * 0.8), () => this.Za(link));
  }
  Ya(link, room) {
    link.Da(room, () => link.w("leave", { room })).catch(() => {
    });
  }
  eb(link) {
    link.s(syncEvery * (0.8 + 0.4 * this.a.random()), () => {
      this.bb(link), this.eb(link);
    });
  }
  cb(asked) {
    return Object.fromEntries(asked.map(([room]) => [room.name, room.Qa()]));
  }
  /** Asks for every room whether anything was missed. */
  bb(link) {
    let now = this.a.now();
    if (Math.abs(now - this.ta) < syncPause) return;
    this.ta = now;
    let rooms = [...this.g.values()].filter((room) => room.joined && room.oa());
    for (; rooms.length; ) this.vb(link, rooms.splice(0, 32)).catch(() => {
    });
  }
  /** Rejects if it would fail again; the next connection says all anew. */
  async vb(link, rooms) {
    let asked, ok = await this.I("sync", () => (asked = asking(rooms.filter((room) => room.joined)), { rooms: this.cb(asked) }), 1 / 0);
    for (let [room, at] of asked) room.Ra(link, ok.rooms[room.name], at, !1);
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
