// Code generated from pkg/client/js by `make page`. DO NOT EDIT.

// src/emitter.ts
var Emitter = class {
  constructor() {
    this.Q = /* @__PURE__ */ new Map();
  }
  on(type, listener) {
    let set = this.Q.get(type);
    set || this.Q.set(type, set = /* @__PURE__ */ new Set());
    let own = (event) => listener(event);
    return set.add(own), () => {
      set.delete(own);
    };
  }
  g(type, event) {
    for (let listener of [...this.Q.get(type) ?? []])
      try {
        listener(event);
      } catch (error) {
        Promise.reject(error);
      }
  }
  R(type) {
    return !!this.Q.get(type)?.size;
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
  constructor(code, message, temporary = !1, retryAfterMs = 0) {
    super(message), this.name = "GaplessError", this.code = code, this.temporary = temporary, this.retryAfterMs = retryAfterMs;
  }
};

// src/link.ts
var callTimeout = 15e3, pingTimeout = 1e4, doubtTimeout = 3e3, maxSilence = 24e4, maxLate = 2e3;
function wireError(e) {
  return new GaplessError(e.code, e.message, e.temporary, e.retryAfterMs);
}
var ignore = () => {
}, lost = { code: 1006, message: "connection lost" }, replaced = { code: 1e3, message: "replaced" }, Link = class {
  constructor(_host, _socket) {
    this.f = _host;
    this.F = _socket;
    this.k = !0;
    this.cb = 0;
    this.x = /* @__PURE__ */ new Map();
    this.Ba = /* @__PURE__ */ new Map();
    this.Ca = /* @__PURE__ */ new Map();
    this.ba = /* @__PURE__ */ new Set();
    this.za = new Promise((resolve) => _socket.onopen = () => resolve()), this.D = new Promise((_, reject) => this.Fa = reject), this.D.catch(ignore), _socket.onmessage = (event) => this.db(event.data), _socket.onclose = (event) => this.d({ code: event.code ?? lost.code, message: event.reason || lost.message }), _socket.onerror = ignore;
  }
  /** Ends the link, whoever began; calls under way reject with `disconnected`, to be tried again after a while. */
  d({ code, message }, afterMs, back) {
    if (!this.k) return;
    this.k = !1;
    let reason = this.Aa = { code, message }, error = new GaplessError("disconnected", message, !0, afterMs);
    this.Fa(error);
    let socket = this.F;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = ignore;
    try {
      socket.close(1e3);
    } catch {
    }
    this.f.a.clearTimeout(this.fa);
    for (let timer of this.ba) this.f.a.clearTimeout(timer);
    for (let id of [...this.x.keys()])
      this.r(id)?.s(error);
    this.f.eb(this, reason, afterMs, back);
  }
  /** Runs later, unless the link ends before. */
  v(ms, run) {
    if (!this.k) return;
    let timer = this.f.a.setTimeout(() => {
      this.ba.delete(timer), run();
    }, ms);
    this.ba.add(timer);
  }
  /** Resolves later, or when the link ends. */
  Ga(ms) {
    return Promise.race([this.D, new Promise((resolve) => this.v(ms, resolve))]).catch(ignore);
  }
  w(action, fields) {
    return new Promise((resolve, reject) => {
      if (!this.k) return reject(new GaplessError("disconnected", "not connected", !0));
      let id = ++this.cb, timer = this.f.a.setTimeout(
        () => this.r(id)?.s(new GaplessError("timeout", "no answer in time", !0)),
        callTimeout
      );
      this.x.set(id, { z: resolve, s: reject, ga: timer }), this.ha({ action, id, ...fields });
    });
  }
  /**
   * Runs one after the other what concerns a membership, since the platform
   * may handle a connection's commands at once.
   */
  Ha(room, run) {
    let result = (this.Ba.get(room) ?? Promise.resolve()).then(run);
    return this.Ba.set(room, result.catch(ignore)), result;
  }
  ha(frame) {
    try {
      this.F.send(JSON.stringify(frame)), this.Ea = this.f.a.now();
    } catch {
      this.d({ code: "socket", message: "socket not open" });
    }
  }
  /** Ends the link once every call is answered, or soon. */
  ia() {
    this.Da = !0, this.x.size || this.d(replaced);
  }
  /** The highest number of a log that was acknowledged here: pushes on this connection leave it out. */
  Ia(room, epoch, seq = 0) {
    let log = `${epoch} ${room}`;
    return seq = Math.max(seq, this.Ca.get(log) ?? 0), this.Ca.set(log, seq), seq;
  }
  /** Watches the line: pings after `ms` of silence. */
  fb(ms) {
    this.S = this.y = ms || 45e3, this.ja();
  }
  /** Asks at once whether the line is alive. */
  Ja() {
    if (this.F.readyState !== 1)
      return this.d(lost);
    this.da = !0, this.y = this.S, this.ka(doubtTimeout), this.ja();
  }
  r(id) {
    let call = this.x.get(id);
    return call && (this.x.delete(id), this.f.a.clearTimeout(call.ga), this.Da && this.k && this.ia()), call;
  }
  ka(timeout) {
    let now = this.f.a.now(), left = this.E - now;
    this.E = now + (left > 0 ? Math.min(left, timeout) : timeout), this.ha({ action: "ping" });
  }
  Ka() {
    return this.E || Math.min(this.R + this.y, this.Ea + maxSilence);
  }
  ja() {
    if (!this.k) return;
    let env = this.f.a;
    env.clearTimeout(this.fa);
    let planned = env.now() + Math.min(Math.max(this.Ka() - env.now(), 0), this.y);
    this.fa = env.setTimeout(() => this.gb(env.now() - planned), planned - env.now());
  }
  gb(late) {
    let due = this.f.a.now() >= this.Ka();
    if (due && this.E) {
      if (late <= maxLate || this.ca) return this.d({ code: "no_answer", message: "no answer to a ping" });
      this.ca = !0, this.ka(doubtTimeout);
    } else {
      if (late > this.S)
        return this.Ja();
      due && (this.y = this.ea && this.f.a.hidden() ? Math.min(2 * this.y, maxSilence) : this.S, this.ea = !0, this.ka(pingTimeout));
    }
    this.ja();
  }
  db(data) {
    this.R = this.f.a.now(), this.E = 0, this.ca = !1;
    let frame;
    try {
      if (frame = JSON.parse(data), !frame || typeof frame != "object") throw 0;
    } catch {
      return this.f.La(new GaplessError("bad_frame", "unreadable frame"));
    }
    let revived = this.da;
    if (this.da = !1, frame.push !== "pong" && (this.ea = !1), frame.push)
      this.f.G(this, frame);
    else if (frame.id != null) {
      let call = this.r(frame.id);
      frame.error ? call?.s(wireError(frame.error)) : call?.z(frame.ok);
    } else if (frame.error)
      this.f.La(wireError(frame.error));
    else
      for (let id of [...this.x.keys()])
        this.r(id)?.s(new GaplessError("unavailable", "the gateway failed", !0));
    revived && this.k && this.f.hb(this);
  }
};

// src/wire.ts
function bytes(json) {
  return encodeURIComponent(json).replace(/%../g, "x").length;
}

// src/outbox.ts
var maxTimeout = 54e4, Outbox = class {
  constructor(_client) {
    this.b = _client;
    this.n = /* @__PURE__ */ new Map();
    this.la = /* @__PURE__ */ new Set();
    this.ma = 0;
    this.ib = 0;
  }
  jb(room, data, options = {}) {
    return new Promise((resolve, reject) => {
      let client = this.b, { max = 1e3, overflow = "reject", timeoutMs = 12e4 } = client.t.queue ?? {}, json = JSON.stringify(data);
      if (json === void 0) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > 30720) throw new GaplessError("too_large", `data must be at most ${30720} bytes of JSON`);
      if (this.ma >= max && !(overflow === "drop-oldest" && this.kb()))
        throw new GaplessError("overflow", `${max} messages wait already`, !0);
      let item = {
        Ma: JSON.parse(json),
        // as it is now, whatever becomes of the object
        H: options.key ?? client.Na + (++this.ib).toString(36),
        na: !1,
        z: resolve,
        s: reject,
        ga: client.a.setTimeout(
          () => this.I(room, item, new GaplessError("timeout", "not acknowledged in time", !0)),
          Math.min(timeoutMs, maxTimeout)
        )
      }, queue = this.n.get(room);
      queue || this.n.set(room, queue = []), queue.push(item), this.ma++, this.T(room);
    });
  }
  /** Whether a message of ours may be in the log without us knowing its number. */
  lb(room) {
    return !!this.n.get(room)?.[0]?.na;
  }
  mb() {
    for (let room of this.n.keys()) this.T(room);
  }
  U() {
    for (let [room, queue] of this.n)
      for (let item of [...queue]) this.I(room, item, new GaplessError("closed", "the client was closed"));
  }
  async T(room) {
    if (this.la.has(room)) return;
    this.la.add(room);
    let client = this.b, item;
    for (let tries = 0; item = this.n.get(room)?.[0]; ) {
      let link = client.c;
      if (!link || client.h.get(room)?.nb()) break;
      try {
        item.na = !0;
        let ok = await link.w("publish", { room, key: item.H, data: item.Ma });
        link.Ia(room, ok.epoch, ok.seq), client.h.get(room)?.oa(ok, item.H, item.Ma), this.I(room, item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate }), tries = 0;
      } catch (e) {
        let error = e;
        if (link !== client.c || !link.k) continue;
        if (error.code === "token_expired") client.J(link);
        else if (error.code === "unauthenticated") link.d(error);
        else if (!error.temporary) {
          this.I(room, item, error);
          continue;
        }
        await link.Ga(error.retryAfterMs + backoff(client.a, tries++));
      }
    }
    this.la.delete(room), client.h.get(room)?.o();
  }
  kb() {
    for (let [room, queue] of this.n) {
      let item = queue.find((item2) => !item2.na);
      if (item)
        return this.I(room, item, new GaplessError("overflow", "given up for a newer message")), !0;
    }
    return !1;
  }
  I(room, item, result) {
    let queue = this.n.get(room), at = queue?.indexOf(item) ?? -1;
    !queue || at < 0 || (queue.splice(at, 1), queue.length || this.n.delete(room), this.ma--, this.b.a.clearTimeout(item.ga), result instanceof Error ? item.s(result) : item.z(result));
  }
};

// src/stream.ts
var maxLag = 1e4, Stream = class {
  constructor(_release) {
    this.ob = _release;
    this.V = [];
    this.p = [];
  }
  G(item) {
    let next = this.p.shift();
    next ? next.z({ value: item, done: !1 }) : this.V.push(item) > maxLag && this.d(new GaplessError("overflow", `an iteration lags ${maxLag} messages behind`));
  }
  /** What was pushed before can still be read; then comes the error, if any, or the end. */
  d(error) {
    if (!this.pa) {
      this.pa = !0, this.ob(this), this.i = error;
      for (let next of this.p.splice(0))
        this.i ? next.s(this.i) : next.z({ value: void 0, done: !0 }), this.i = void 0;
    }
  }
  next() {
    if (this.V.length) return Promise.resolve({ value: this.V.shift(), done: !1 });
    if (this.i) {
      let error = this.i;
      return this.i = void 0, Promise.reject(error);
    }
    return this.pa ? Promise.resolve({ value: void 0, done: !0 }) : new Promise((resolve, reject) => this.p.push({ z: resolve, s: reject }));
  }
  return() {
    return this.V = [], this.d(), Promise.resolve({ value: void 0, done: !0 });
  }
  [Symbol.asyncIterator]() {
    return this;
  }
};

// src/room.ts
var gapPatience = 500, gapPause = 1e3, maxAhead = 1e3, RoomCore = class extends Emitter {
  constructor(_client, name, _options) {
    super();
    this.b = _client;
    this.name = name;
    this.t = _options;
    this.l = /* @__PURE__ */ new Map();
    this.qa = "";
    this.L = /* @__PURE__ */ new Set();
    /** Questions in a row that failed, or did not close the gap. */
    this.A = 0;
    let { since } = _options;
    since !== void 0 ? this.e = typeof since == "number" ? { epoch: "", seq: since } : { ...since } : this.pb();
  }
  get position() {
    return this.e?.epoch ? { ...this.e } : void 0;
  }
  get joined() {
    return !!this.b.c && this.j === this.b.c && !this.i;
  }
  publish(data, options) {
    return this.m ? Promise.reject(new GaplessError("left", "the room was left")) : this.b.B.jb(this.name, data, options);
  }
  send(data) {
    let link = this.joined ? this.b.c : void 0;
    return link?.ha({ action: "publish", room: this.name, data, ephemeral: !0 }), !!link;
  }
  async history(query) {
    let page = await this.b.Y("history", { room: this.name, ...query });
    return {
      epoch: page.epoch,
      head: page.head,
      more: page.more,
      messages: page.messages.filter((e) => !e.void).map((e) => this.Oa(page.epoch, e))
    };
  }
  presence() {
    return this.b.Y("presence", { room: this.name });
  }
  leave() {
    this.m || (this.m = !0, this.b.qb(this), this.U());
  }
  [Symbol.asyncIterator]() {
    let stream = new Stream((s) => this.L.delete(s));
    return this.m ? stream.d() : this.L.add(stream), stream;
  }
  /** Ends iterations. */
  U() {
    this.ta();
    for (let stream of [...this.L]) stream.d();
  }
  /** Where a join goes on. */
  Pa() {
    let at = this.e;
    return at ? { since: at.seq, epoch: at.epoch || void 0 } : { last: this.t.last || void 0 };
  }
  /** A publish has to wait for its place in the order to be known. */
  nb() {
    return !this.K && !this.i;
  }
  /** Takes what hello or sync said of the room; `asked` is where we were then. */
  Qa(link, result, asked, hello) {
    if (this.m) return;
    let error = result?.error;
    error && hello && !error.temporary && error.code !== "token_expired" ? this.Ra(link, wireError(error)) : !result || error ? error?.code === "conflict" && (this.j = void 0) : (hello && (this.i = void 0, this.j = link), this.Sa(result, asked, hello)), this.o();
  }
  G(link, frame) {
    frame.push === "messages" ? this.r(frame.epoch, frame.messages) : frame.push === "ephemeral" ? this.g("ephemeral", { user: frame.user, data: frame.data }) : frame.push === "presence" ? this.g("presence", { joined: frame.joined, left: frame.left, count: frame.count }) : frame.push === "behind" && (this.X = link), this.o();
  }
  /** Our own message has its number; it comes to us by no other way on this connection. */
  oa(ok, key, data) {
    let entry = { seq: ok.seq, user: this.b.user, at: this.b.a.now(), key, data, oa: !0 };
    this.r(ok.epoch, ok.duplicate ? [] : [entry]), this.o();
  }
  /** Does what is to be done: join, catch up, wait for a gap to close. */
  o() {
    let { a: env, c: link } = this.b;
    if (!(this.M || this.m || !link || this.W) && !(this.j === link && this.i)) {
      if (this.j === link && !this.u && this.X !== link) {
        if (!this.ua()) return;
        let wait = this.A ? gapPause + backoff(env, this.A - 1) : this.rb() ? gapPatience : 0;
        if (wait) {
          this.sa ??= env.setTimeout(() => {
            this.u = this.ua(), this.o();
          }, wait);
          return;
        }
      }
      this.ta(), this.M = this.Y(link).finally(() => {
        this.M = void 0, this.o();
      });
    }
  }
  /** Resolves once nothing is under way. */
  async sb() {
    for (; this.M; ) await this.M;
  }
  Z() {
    return this.e && { ...this.e };
  }
  /** The log holds more than what was handed on: entries above a gap, or own messages that will not be pushed here. */
  ua() {
    let link = this.b.c;
    return !!link && (this.l.size > 0 || link.Ia(this.name, this.e.epoch) > this.e.seq);
  }
  ta() {
    this.b.a.clearTimeout(this.sa), this.sa = void 0;
  }
  async Y(link) {
    let join = this.j !== link;
    join && (this.X = void 0), this.u = !1;
    let asked = this.Z();
    try {
      let page = await link.Ha(
        this.name,
        () => this.m ? Promise.reject(new GaplessError("left", "the room was left")) : link.w(join || this.ra ? "join" : "history", { room: this.name, ...this.Pa() })
      );
      if (this.m) return;
      join && (this.i = void 0, this.j = link), this.Sa(page, asked, join), !join && this.X === link && !page.more && (this.j = void 0);
    } catch (e) {
      let error = e;
      if (this.m || !link.k) return;
      if (this.u = !join, error.code === "forbidden" && !join && !this.ra) {
        this.ra = !0;
        return;
      }
      if (error.code === "token_expired") this.b.J(link);
      else if (!error.temporary) return this.Ra(link, error);
      await link.Ga(error.retryAfterMs + backoff(this.b.a, this.A++));
    }
  }
  Ra(link, error) {
    if (error.code === "unauthenticated") return link.d(error);
    this.i = error, this.j = link, this.u = !1, this.g("error", error), this.b.B.T(this.name);
  }
  rb() {
    return this.b.B.lb(this.name) || !!this.l.get(Math.min(...this.l.keys()))?.oa;
  }
  Sa(page, asked, join) {
    let at = this.e, recovered = page.recovered && (!at?.epoch || page.epoch === at.epoch);
    if (at && !recovered && (asked?.epoch !== at.epoch || asked.seq !== at.seq)) {
      this.u = !0;
      return;
    }
    this.u ||= page.more;
    let first = page.messages[0];
    if (!at && page.more && !first) {
      this.j = void 0;
      return;
    }
    for (let seq of this.l.keys()) seq <= (first?.seq ?? page.head) && this.l.delete(seq);
    !at || !recovered ? this.e = { epoch: page.epoch, seq: first ? first.seq - 1 : page.head } : at.epoch = page.epoch, this.K = !0, at && !recovered && this.tb(at, page), join && this.g("joined", { epoch: page.epoch, seq: page.head, recovered }), this.r(page.epoch, page.messages), this.A = this.ua() && asked?.seq === this.e.seq ? this.A + 1 : 0, this.Ta(), this.b.B.T(this.name);
  }
  tb(from, page) {
    if (this.g("reset", { from, to: { ...this.e }, oldest: page.oldest }), !this.R("reset"))
      for (let stream of [...this.L]) stream.d(new GaplessError("reset", "messages are lost: load your state anew"));
  }
  /** Sorts entries in, and hands on what is next. */
  r(epoch, entries) {
    let at = this.e, other = at?.epoch && epoch !== at.epoch;
    epoch !== this.qa && (this.l.size && (this.j = void 0), this.l.clear()), this.qa = epoch, other && (this.j = void 0), at && this.K && !other && (at.epoch = epoch);
    let before = at?.seq;
    for (let entry of entries)
      at && !other && entry.seq <= at.seq || (this.l.size < maxAhead || entry.seq === at?.seq + 1 ? this.l.set(entry.seq, entry) : this.u = !0, this.Ua());
    this.Ua(), at?.seq !== before && (this.Ta(), this.ta(), this.A = 0);
  }
  Ua() {
    let at = this.e;
    if (!at || !this.K || at.epoch !== this.qa) return;
    let entry;
    for (; !this.m && (entry = this.l.get(at.seq + 1)); ) {
      if (this.l.delete(++at.seq), entry.void) continue;
      let message = this.Oa(at.epoch, entry);
      for (let stream of [...this.L]) stream.G(message);
      this.g("message", message);
    }
  }
  Oa(epoch, e) {
    return {
      room: this.name,
      epoch,
      seq: e.seq,
      user: e.user,
      at: e.at,
      key: e.key,
      data: e.data
    };
  }
  H() {
    return `gapless:${this.b.Va}:${this.name}`;
  }
  Ta() {
    if (this.K)
      try {
        this.b.t.storage?.setItem(this.H(), JSON.stringify(this.e))?.catch?.((e) => this.g("error", e));
      } catch (e) {
        this.g("error", e);
      }
  }
  pb() {
    let use = (value) => {
      try {
        value && !this.e && (this.e = JSON.parse(value));
      } catch {
      }
    }, stored;
    try {
      stored = this.b.t.storage?.getItem(this.H());
    } catch (e) {
      queueMicrotask(() => this.g("error", e));
    }
    if (!stored || typeof stored == "string") return use(stored);
    this.W = !0, stored.then(use, (e) => this.g("error", e)).then(() => {
      this.W = !1, this.o();
    });
  }
};

// src/client.ts
var connectTimeout = 1e4, tokenTimeout = 3e4, held = 1e4, syncEvery = 3e5, syncPause = 5e3, overlap = 1e4, hopeless = ["forbidden", "bad_request", "too_large", "conflict"], final = (reason) => reason.code >= 3500, ClientCore = class extends Emitter {
  constructor(_url, _options) {
    super();
    this.Va = _url;
    this.t = _options;
    this.state = "connecting";
    this.h = /* @__PURE__ */ new Map();
    this.B = new Outbox(this);
    this._ = 0;
    /** The token at hand was refused, so often in a row. */
    this.va = 0;
    this.a = environment(_options.environment), this.Na = randomName(this.a) + ".", this.session = _options.session ?? randomName(this.a), this.aa = this.a.onWake(() => this.check()), this.O();
  }
  get rooms() {
    return this.h;
  }
  join(name, options = {}) {
    let room = this.h.get(name);
    return room || (this.h.set(name, room = new RoomCore(this, name, options)), room.o()), room;
  }
  check() {
    this.c ? this.c.Ja() : this.C !== void 0 && this.O();
  }
  reconnect() {
    if (this.state !== "closed") return this.check();
    this.aa(), this.aa = this.a.onWake(() => this.check()), this._ = this.va = 0, this.P("connecting"), this.O();
  }
  close() {
    let rooms = [...this.h.values()];
    this.xa({ code: "closed", message: "closed by the application" }), this.B.U();
    for (let room of rooms) room.U();
  }
  qb(room) {
    this.h.delete(room.name), this.c && this.Wa(this.c, room.name);
  }
  /** Asks on the present connection. */
  async Y(action, fields) {
    if (!this.c) throw new GaplessError("disconnected", "not connected", !0);
    return this.c.w(action, fields);
  }
  /** Presents a fresh token on a live connection. */
  J(link) {
    this.$ === link || !this.t.getToken || (this.$ = link, this.Xa(!0).then((token) => link.w("auth", { token })).then(
      (ok) => {
        this.$ = void 0, this.Ya(link, ok.tokenExpiresInMs);
      },
      (error) => {
        this.$ = void 0, link.k && (this.g("error", error), error.code === "conflict" || error.code === "unauthenticated" ? (this.N = !0, link.d(error)) : link.v(5e3, () => this.J(link)));
      }
    ));
  }
  G(link, frame) {
    if (frame.push !== "bye") {
      (frame.messages || frame.push === "behind" || link === (this.c ?? link)) && this.h.get(frame.room)?.G(link, frame);
      return;
    }
    (frame.code === 3003 || frame.code === 3005) && (this.N = !0), link.d({ code: frame.code ?? 1e3, message: frame.reason ?? "" }, frame.afterMs, frame.reconnect);
  }
  eb(link, reason, afterMs, back = !final(reason)) {
    link === this.c && (this.c = void 0, this.a.now() - link.ya >= held && (this._ = 0), back ? this.q ? this.P("reconnecting", reason) : this.Za(reason, afterMs) : this.xa(reason));
  }
  hb(link) {
    link === this.c && this._a(link);
  }
  La(error) {
    this.g("error", error);
  }
  P(state, reason, retryInMs) {
    this.state = state, this.reason = reason, this.g("state", { state, reason, retryInMs });
  }
  xa(reason) {
    this.a.clearTimeout(this.C), this.C = this.q = void 0, this.aa();
    let links = [this.c, this.p];
    this.c = this.p = void 0;
    for (let link of links) link?.d(reason);
    this.state !== "closed" && this.P("closed", reason);
  }
  Za(reason, afterMs = 0) {
    let ms = afterMs + backoff(this.a, this._++);
    this.C = this.a.setTimeout(() => {
      this.O();
    }, ms), this.P(this.user === void 0 ? "connecting" : "reconnecting", reason, ms);
  }
  Xa(fresh) {
    return new Promise((resolve, reject) => {
      let failed = (e) => {
        this.a.clearTimeout(timer), reject(new GaplessError("token", e?.message ?? String(e), !0));
      }, timer = this.a.setTimeout(() => failed("getToken did not answer in time"), tokenTimeout);
      Promise.resolve().then(() => this.t.getToken?.({ fresh })).then((token) => {
        this.a.clearTimeout(timer), resolve(token);
      }, failed);
    });
  }
  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  async O() {
    this.a.clearTimeout(this.C), this.C = void 0;
    let attempt = this.q = {}, link, timer;
    try {
      let token = await this.Xa(!!this.N);
      if (this.q !== attempt) return;
      link = this.p = new Link(this, this.F());
      let opening = link;
      timer = this.a.setTimeout(() => opening.d({ code: "timeout", message: "no connection in time" }), connectTimeout), await Promise.race([link.za, link.D]);
      let asked = /* @__PURE__ */ new Map();
      for (let room of this.h.values())
        asked.size < 32 && !room.W && asked.set(room, room.Z());
      let hello = await link.w("hello", {
        token,
        session: this.session,
        rooms: this.$a(asked)
      });
      if (this.q !== attempt) return link.ia();
      link.k || await link.D, this.q = this.p = void 0, this.ub(link, hello, asked);
    } catch (error) {
      if (this.q !== attempt) return;
      this.q = this.p = void 0, this.vb(error, link);
    } finally {
      this.a.clearTimeout(timer);
    }
  }
  F() {
    let Socket = this.t.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new GaplessError("bad_request", "no WebSocket here: pass one in the options");
    return new Socket(this.Va);
  }
  vb(error, link) {
    let reason = link?.Aa ?? { code: error.code ?? "socket", message: error.message };
    link?.d(reason), (error.code === "token_expired" || error.code === "unauthenticated") && (this.N = !0);
    let terminal = error.code === "unauthenticated" && ++this.va > 1 || hopeless.includes(error.code) || final(reason);
    this.c ? (this.g("error", error), this.c.v(1e3 + backoff(this.a, this._++), () => this.ab())) : terminal ? this.xa(reason) : this.Za(reason, error.retryAfterMs);
  }
  ub(link, hello, asked) {
    let old = this.c;
    this.c = link, link.ya = this.wa = this.a.now(), this.va = 0, this.N = !1, this.user = hello.user, link.fb(hello.heartbeatMs), this.Ya(link, hello.tokenExpiresInMs), hello.rotateInMs !== void 0 && link.v(Math.max(hello.rotateInMs, 5e3), () => this.ab()), this.bb(link), this.state !== "connected" && this.P("connected");
    for (let [room, at] of asked)
      this.h.get(room.name) === room ? room.Qa(link, hello.rooms?.[room.name], at, !0) : this.Wa(link, room.name);
    for (let room of this.h.values()) room.o();
    this.B.mb(), old && (old.v(overlap, () => old.d(replaced)), Promise.all([...this.h.values()].map((room) => room.sb())).then(() => old.ia()));
  }
  /** Make before break: the platform ends each connection after two hours. */
  ab() {
    this.q || this.O();
  }
  Ya(link, ms) {
    ms && link.v(Math.max(ms - 6e4, ms * 0.8), () => this.J(link));
  }
  Wa(link, room) {
    link.Ha(room, () => link.w("leave", { room })).catch(() => {
    });
  }
  bb(link) {
    link.v(syncEvery * (0.8 + 0.4 * this.a.random()), () => {
      this._a(link), this.bb(link);
    });
  }
  $a(asked) {
    return Object.fromEntries([...asked.keys()].map((room) => [room.name, room.Pa()]));
  }
  /** Asks for every room whether anything was missed. */
  _a(link) {
    let now = this.a.now();
    if (Math.abs(now - this.wa) < syncPause) return;
    this.wa = now;
    let rooms = [...this.h.values()].filter((room) => room.joined && room.Z());
    for (; rooms.length; ) {
      let asked = new Map(rooms.splice(0, 32).map((room) => [room, room.Z()]));
      link.w("sync", { rooms: this.$a(asked) }).then(
        (ok) => {
          for (let [room, at] of asked) room.Qa(link, ok.rooms[room.name], at, !1);
        },
        (error) => {
          error.code === "token_expired" ? this.J(link) : error.code === "unauthenticated" && link.d(error);
        }
      );
    }
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
