// Code generated from pkg/client/js by `make page`. DO NOT EDIT.

// src/emitter.ts
var Emitter = class {
  constructor() {
    this.R = /* @__PURE__ */ new Map();
  }
  on(type, listener) {
    let set = this.R.get(type);
    set || this.R.set(type, set = /* @__PURE__ */ new Set());
    let own = (event) => listener(event);
    return set.add(own), () => {
      set.delete(own);
    };
  }
  i(type, event) {
    for (let listener of [...this.R.get(type) ?? []])
      try {
        listener(event);
      } catch (error) {
        Promise.reject(error);
      }
  }
  S(type) {
    return !!this.R.get(type)?.size;
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
    this.E = _socket;
    this.l = !0;
    this._a = 0;
    this.x = /* @__PURE__ */ new Map();
    this.za = /* @__PURE__ */ new Map();
    this.ba = /* @__PURE__ */ new Set();
    this.ca = /* @__PURE__ */ new Set();
    this.xa = new Promise((resolve) => _socket.onopen = () => resolve()), this.T = new Promise((_, reject) => this.Ca = reject), this.T.catch(ignore), _socket.onmessage = (event) => this.$a(event.data), _socket.onclose = (event) => this.d({ code: event.code ?? lost.code, message: event.reason || lost.message }), _socket.onerror = ignore;
  }
  /** Ends the link, whoever began; calls under way reject with `disconnected`, to be tried again after a while. */
  d({ code, message }, afterMs) {
    if (!this.l) return;
    this.l = !1;
    let reason = this.ya = { code, message }, error = new GaplessError("disconnected", message, !0, afterMs);
    this.Ca(error);
    let socket = this.E;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = ignore;
    try {
      socket.close(1e3);
    } catch {
    }
    this.f.a.clearTimeout(this.ga);
    for (let timer of this.ba) this.f.a.clearTimeout(timer);
    for (let id of [...this.x.keys()])
      this.s(id)?.t(error);
    for (let wake of this.ca) wake();
    this.f.ab(this, reason);
  }
  /** Runs later, unless the link ends before. */
  v(ms, run) {
    let timer = this.f.a.setTimeout(() => {
      this.ba.delete(timer), run();
    }, ms);
    this.ba.add(timer);
  }
  /** Resolves later, or when the link ends. */
  ha(ms) {
    return new Promise((resolve) => {
      if (!this.l) return resolve();
      this.ca.add(resolve), this.v(ms, () => {
        this.ca.delete(resolve), resolve();
      });
    });
  }
  w(action, fields) {
    return new Promise((resolve, reject) => {
      if (!this.l) return reject(new GaplessError("disconnected", "not connected", !0));
      let id = ++this._a, timer = this.f.a.setTimeout(
        () => this.s(id)?.t(new GaplessError("timeout", "no answer in time", !0)),
        callTimeout
      );
      this.x.set(id, { z: resolve, t: reject, ia: timer }), this.ja({ action, id, ...fields });
    });
  }
  /**
   * Runs one after the other what concerns a membership, since the platform
   * may handle a connection's commands at once.
   */
  Da(room, run) {
    let result = (this.za.get(room) ?? Promise.resolve()).then(run);
    return this.za.set(room, result.catch(ignore)), result;
  }
  ja(frame) {
    try {
      this.E.send(JSON.stringify(frame)), this.Ba = this.f.a.now();
    } catch {
      this.d({ code: "socket", message: "socket not open" });
    }
  }
  /** Ends the link once every call is answered, or soon. */
  ka() {
    this.Aa = !0, this.x.size || this.d(replaced);
  }
  /** Watches the line: pings after `ms` of silence. */
  bb(ms) {
    this.U = this.y = ms || 45e3, this.la();
  }
  /** Asks at once whether the line is alive. */
  Ea() {
    if (this.E.readyState !== 1)
      return this.d(lost);
    this.ea = !0, this.y = this.U, this.ma(doubtTimeout), this.la();
  }
  s(id) {
    let call = this.x.get(id);
    return call && (this.x.delete(id), this.f.a.clearTimeout(call.ia), this.Aa && this.l && this.ka()), call;
  }
  ma(timeout) {
    let now = this.f.a.now(), left = this.D - now;
    this.D = now + (left > 0 ? Math.min(left, timeout) : timeout), this.ja({ action: "ping" });
  }
  Fa() {
    return this.D || Math.min(this.S + this.y, this.Ba + maxSilence);
  }
  la() {
    if (!this.l) return;
    let env = this.f.a;
    env.clearTimeout(this.ga);
    let planned = env.now() + Math.min(Math.max(this.Fa() - env.now(), 0), this.y);
    this.ga = env.setTimeout(() => this.cb(env.now() - planned), planned - env.now());
  }
  cb(late) {
    let due = this.f.a.now() >= this.Fa();
    if (due && this.D) {
      if (late <= maxLate || this.da) return this.d({ code: "no_answer", message: "no answer to a ping" });
      this.da = !0, this.ma(doubtTimeout);
    } else {
      if (late > this.U)
        return this.Ea();
      due && (this.y = this.fa && this.f.a.hidden() ? Math.min(2 * this.y, maxSilence) : this.U, this.fa = !0, this.ma(pingTimeout));
    }
    this.la();
  }
  $a(data) {
    this.S = this.f.a.now(), this.D = 0, this.da = !1;
    let frame;
    try {
      if (frame = JSON.parse(data), !frame || typeof frame != "object") throw 0;
    } catch {
      return this.f.Ga(new GaplessError("bad_frame", "unreadable frame"));
    }
    let revived = this.ea;
    if (this.ea = !1, frame.push !== "pong" && (this.fa = !1), frame.push)
      this.f.F(this, frame);
    else if (frame.id != null) {
      let call = this.s(frame.id);
      frame.error ? call?.t(wireError(frame.error)) : call?.z(frame.ok);
    } else if (frame.error)
      this.f.Ga(wireError(frame.error));
    else
      for (let id of [...this.x.keys()])
        this.s(id)?.t(new GaplessError("unavailable", "the gateway failed", !0));
    revived && this.l && this.f.db(this);
  }
};

// src/wire.ts
function bytes(json) {
  return encodeURIComponent(json).replace(/%../g, "x").length;
}

// src/outbox.ts
var maxTimeout = 54e4, Outbox = class {
  constructor(_client) {
    this.c = _client;
    this.n = /* @__PURE__ */ new Map();
    this.na = /* @__PURE__ */ new Set();
    this.oa = 0;
    this.eb = 0;
  }
  fb(room, data, options = {}) {
    return new Promise((resolve, reject) => {
      let client = this.c, { max = 1e3, overflow = "reject", timeoutMs = 12e4 } = client.u.queue ?? {}, json = JSON.stringify(data);
      if (json === void 0) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > 30720) throw new GaplessError("too_large", `data must be at most ${30720} bytes of JSON`);
      if (this.oa >= max && !(overflow === "drop-oldest" && this.gb()))
        throw new GaplessError("overflow", `${max} messages wait already`, !0);
      let item = {
        Ha: JSON.parse(json),
        // as it is now, whatever becomes of the object
        G: options.key ?? client.Ia + (++this.eb).toString(36),
        pa: !1,
        z: resolve,
        t: reject,
        ia: client.a.setTimeout(
          () => this.H(room, item, new GaplessError("timeout", "not acknowledged in time", !0)),
          Math.min(timeoutMs, maxTimeout)
        )
      }, queue = this.n.get(room);
      queue || this.n.set(room, queue = []), queue.push(item), this.oa++, this.V(room);
    });
  }
  /** Whether a message of ours may be in the log without us knowing its number. */
  hb(room) {
    return !!this.n.get(room)?.[0]?.pa;
  }
  ib() {
    for (let room of this.n.keys()) this.V(room);
  }
  W() {
    for (let [room, queue] of this.n)
      for (let item of [...queue]) this.H(room, item, new GaplessError("closed", "the client was closed"));
  }
  async V(room) {
    if (this.na.has(room)) return;
    this.na.add(room);
    let client = this.c, item;
    for (let tries = 0; item = this.n.get(room)?.[0]; ) {
      let link = client.b;
      if (!link || client.j.get(room)?.jb()) break;
      try {
        item.pa = !0;
        let ok = await link.w("publish", { room, key: item.G, data: item.Ha });
        client.j.get(room)?.qa(ok, item.G, item.Ha), this.H(room, item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate }), tries = 0;
      } catch (e) {
        let error = e;
        if (link !== client.b || !link.l) continue;
        if (error.code === "token_expired") client.I(link);
        else if (error.code === "unauthenticated") link.d(error);
        else if (!error.temporary) {
          this.H(room, item, error);
          continue;
        }
        await link.ha(error.retryAfterMs + backoff(client.a, tries++));
      }
    }
    this.na.delete(room), client.j.get(room)?.o();
  }
  gb() {
    for (let [room, queue] of this.n) {
      let item = queue.find((item2) => !item2.pa);
      if (item)
        return this.H(room, item, new GaplessError("overflow", "given up for a newer message")), !0;
    }
    return !1;
  }
  H(room, item, result) {
    let queue = this.n.get(room), at = queue?.indexOf(item) ?? -1;
    !queue || at < 0 || (queue.splice(at, 1), queue.length || this.n.delete(room), this.oa--, this.c.a.clearTimeout(item.ia), result instanceof Error ? item.t(result) : item.z(result));
  }
};

// src/stream.ts
var maxLag = 1e4, Stream = class {
  constructor(_release) {
    this.kb = _release;
    this.X = [];
    this.p = [];
  }
  F(item) {
    let next = this.p.shift();
    next ? next.z({ value: item, done: !1 }) : this.X.push(item) > maxLag && this.d(new GaplessError("overflow", `an iteration lags ${maxLag} messages behind`));
  }
  /** What was pushed before can still be read; then comes the error, if any, or the end. */
  d(error) {
    if (!this.A) {
      this.A = !0, this.kb(this), this.g = error;
      for (let next of this.p.splice(0))
        this.g ? next.t(this.g) : next.z({ value: void 0, done: !0 }), this.g = void 0;
    }
  }
  next() {
    if (this.X.length) return Promise.resolve({ value: this.X.shift(), done: !1 });
    if (this.g) {
      let error = this.g;
      return this.g = void 0, Promise.reject(error);
    }
    return this.A ? Promise.resolve({ value: void 0, done: !0 }) : new Promise((resolve, reject) => this.p.push({ z: resolve, t: reject }));
  }
  return() {
    return this.X = [], this.d(), Promise.resolve({ value: void 0, done: !0 });
  }
  [Symbol.asyncIterator]() {
    return this;
  }
};

// src/room.ts
var gapPatience = 500, maxAhead = 1e3, RoomCore = class extends Emitter {
  constructor(_client, name, _options) {
    super();
    this.c = _client;
    this.name = name;
    this.u = _options;
    this.h = /* @__PURE__ */ new Map();
    this.ra = "";
    this.K = /* @__PURE__ */ new Set();
    let { since } = _options;
    since !== void 0 ? this.e = typeof since == "number" ? { epoch: "", seq: since } : { ...since } : this.lb();
  }
  get position() {
    return this.e?.epoch ? { ...this.e } : void 0;
  }
  get joined() {
    return !!this.c.b && this.k === this.c.b && !this.g;
  }
  publish(data, options) {
    return this.m ? Promise.reject(new GaplessError("left", "the room was left")) : this.c.B.fb(this.name, data, options);
  }
  send(data) {
    let link = this.joined ? this.c.b : void 0;
    return link?.ja({ action: "publish", room: this.name, data, ephemeral: !0 }), !!link;
  }
  async history(query) {
    let page = await this.c.Ja("history", { room: this.name, ...query });
    return {
      epoch: page.epoch,
      head: page.head,
      more: page.more,
      messages: page.messages.filter((e) => !e.void).map((e) => this.Ka(page.epoch, e))
    };
  }
  presence() {
    return this.c.Ja("presence", { room: this.name });
  }
  leave() {
    this.m || (this.m = !0, this.c.mb(this), this.W());
  }
  [Symbol.asyncIterator]() {
    let stream = new Stream((s) => this.K.delete(s));
    return this.m ? stream.d() : this.K.add(stream), stream;
  }
  /** Ends iterations. */
  W() {
    this.c.a.clearTimeout(this.M);
    for (let stream of [...this.K]) stream.d();
  }
  /** Where a join goes on. */
  La() {
    let at = this.e;
    return at ? { since: at.seq, epoch: at.epoch || void 0 } : { last: this.u.last || void 0 };
  }
  /** A publish has to wait for its place in the order to be known. */
  jb() {
    return !this.J && !this.g;
  }
  /** Takes what hello or sync said of the room; `asked` is where we were then. */
  Ma(link, result, asked, hello) {
    if (this.m) return;
    let error = result?.error;
    error && hello && !error.temporary && error.code !== "token_expired" ? this.Na(link, wireError(error)) : !result || error ? error?.code === "conflict" && (this.k = void 0) : (hello && (this.g = void 0, this.k = link), this.Oa(result, asked, hello)), this.o();
  }
  F(link, frame) {
    frame.push === "messages" ? this.s(frame.epoch, frame.messages) : frame.push === "ephemeral" ? this.i("ephemeral", { user: frame.user, data: frame.data }) : frame.push === "presence" ? this.i("presence", { joined: frame.joined, left: frame.left, count: frame.count }) : frame.push === "behind" && (this.L = link), this.o();
  }
  /** Our own message has its number; it comes to us by no other way on this connection. */
  qa(ok, key, data) {
    ok.duplicate ? this.q ||= !this.e || ok.epoch !== this.e.epoch || ok.seq > this.e.seq : this.s(ok.epoch, [{ seq: ok.seq, user: this.c.user, at: this.c.a.now(), key, data, qa: !0 }]), this.o();
  }
  /** Does what is to be done: join, catch up, wait for a gap to close. */
  o() {
    let link = this.c.b;
    if (!(this.N || this.m || !link || this.Y) && !(this.k === link && this.g)) {
      if (this.k === link && !this.q && this.L !== link) {
        if (!this.h.size) return;
        if (this.nb()) {
          this.M ??= this.c.a.setTimeout(() => {
            this.M = void 0, this.q = this.h.size > 0, this.o();
          }, gapPatience);
          return;
        }
      }
      this.N = this.ob().finally(() => {
        this.N = void 0, this.o();
      });
    }
  }
  /** Resolves once nothing is under way. */
  async pb() {
    for (; this.N; ) await this.N;
  }
  Z() {
    return this.e && { ...this.e };
  }
  async ob() {
    let { c: client } = this;
    for (let tries = 0; !this.m; ) {
      let link = client.b;
      if (!link || this.g && this.k === link) return;
      let join = this.k !== link;
      if (!join && !this.q && this.L !== link && !this.h.size) return;
      join && (this.L = void 0);
      let asked = this.Z(), seq = asked?.seq;
      try {
        let page = await link.Da(
          this.name,
          () => this.m ? Promise.reject(new GaplessError("left", "the room was left")) : link.w(join || this.sa ? "join" : "history", { room: this.name, ...this.La() })
        );
        if (this.m) return;
        join && (this.g = void 0, this.k = link), this.Oa(page, asked, join), !join && this.L === link && !page.more && (this.k = void 0);
      } catch (e) {
        let error = e;
        if (this.m) return;
        if (link !== client.b || !link.l) continue;
        if (error.code === "forbidden" && !join && !this.sa) {
          this.sa = !0;
          continue;
        }
        if (error.code === "token_expired") client.I(link);
        else if (!error.temporary) {
          this.Na(link, error);
          continue;
        }
        await link.ha(error.retryAfterMs + backoff(client.a, tries++));
        continue;
      }
      this.h.size && !this.q && this.e?.seq === seq ? await link.ha(1e3 + backoff(client.a, tries++)) : tries = 0;
    }
  }
  Na(link, error) {
    if (error.code === "unauthenticated") return link.d(error);
    this.g = error, this.k = link, this.q = !1, this.i("error", error), this.c.B.V(this.name);
  }
  nb() {
    return this.c.B.hb(this.name) || !!this.h.get(Math.min(...this.h.keys())).qa;
  }
  Oa(page, asked, join) {
    let at = this.e, recovered = page.recovered && (!at?.epoch || page.epoch === at.epoch);
    if (at && !recovered && (asked?.epoch !== at.epoch || asked.seq !== at.seq)) {
      this.q = !0;
      return;
    }
    this.q = page.more;
    let first = page.messages[0];
    if (!at && page.more && !first) {
      this.k = void 0;
      return;
    }
    for (let seq of this.h.keys()) seq <= (first?.seq ?? page.head) && this.h.delete(seq);
    !at || !recovered ? this.e = { epoch: page.epoch, seq: first ? first.seq - 1 : page.head } : at.epoch = page.epoch, this.J = !0, at && !recovered && this.qb(at, page), join && this.i("joined", { epoch: page.epoch, seq: page.head, recovered }), this.s(page.epoch, page.messages), this.Pa(), this.c.B.V(this.name);
  }
  qb(from, page) {
    if (this.i("reset", { from, to: { ...this.e }, oldest: page.oldest }), !this.S("reset"))
      for (let stream of [...this.K]) stream.d(new GaplessError("reset", "messages are lost: load your state anew"));
  }
  /** Sorts entries in, and hands on what is next. */
  s(epoch, entries) {
    let at = this.e, other = at?.epoch && epoch !== at.epoch;
    epoch !== this.ra && (this.h.size && (this.k = void 0), this.h.clear()), this.ra = epoch, other && entries.length && (this.k = void 0), at && this.J && !other && (at.epoch = epoch);
    let before = at?.seq;
    for (let entry of entries)
      at && !other && entry.seq <= at.seq || (this.h.size < maxAhead || entry.seq === at?.seq + 1 ? this.h.set(entry.seq, entry) : this.q = !0, this.Qa());
    this.Qa(), at && at.seq !== before && this.Pa(), this.h.size || (this.c.a.clearTimeout(this.M), this.M = void 0);
  }
  Qa() {
    let at = this.e;
    if (!at || !this.J || at.epoch !== this.ra) return;
    let entry;
    for (; !this.m && (entry = this.h.get(at.seq + 1)); ) {
      if (this.h.delete(++at.seq), entry.void) continue;
      let message = this.Ka(at.epoch, entry);
      for (let stream of [...this.K]) stream.F(message);
      this.i("message", message);
    }
  }
  Ka(epoch, e) {
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
  G() {
    return `gapless:${this.c.Ra}:${this.name}`;
  }
  Pa() {
    if (this.J)
      try {
        this.c.u.storage?.setItem(this.G(), JSON.stringify(this.e))?.catch?.((e) => this.i("error", e));
      } catch (e) {
        this.i("error", e);
      }
  }
  lb() {
    let use = (value) => {
      try {
        value && !this.e && (this.e = JSON.parse(value));
      } catch {
      }
    }, stored;
    try {
      stored = this.c.u.storage?.getItem(this.G());
    } catch (e) {
      queueMicrotask(() => this.i("error", e));
    }
    if (!stored || typeof stored == "string") return use(stored);
    this.Y = !0, stored.then(use, (e) => this.i("error", e)).then(() => {
      this.Y = !1, this.o();
    });
  }
};

// src/client.ts
var connectTimeout = 1e4, tokenTimeout = 3e4, held = 1e4, syncEvery = 3e5, syncPause = 5e3, overlap = 1e4, hopeless = ["forbidden", "bad_request", "too_large", "conflict"], ClientCore = class extends Emitter {
  constructor(_url, _options) {
    super();
    this.Ra = _url;
    this.u = _options;
    this.state = "connecting";
    this.j = /* @__PURE__ */ new Map();
    this.B = new Outbox(this);
    this._ = 0;
    /** The token at hand was refused, so often in a row. */
    this.ta = 0;
    this.a = environment(_options.environment), this.Ia = randomName(this.a) + ".", this.session = _options.session ?? randomName(this.a), this.aa = this.a.onWake(() => this.check()), this.P();
  }
  get rooms() {
    return this.j;
  }
  join(name, options = {}) {
    let room = this.j.get(name);
    return room || (this.j.set(name, room = new RoomCore(this, name, options)), room.o()), room;
  }
  check() {
    this.b ? this.b.Ea() : this.C !== void 0 && this.P();
  }
  reconnect() {
    if (this.state !== "closed") return this.check();
    this.aa(), this.aa = this.a.onWake(() => this.check()), this._ = this.ta = 0, this.Q("connecting"), this.P();
  }
  close() {
    let rooms = [...this.j.values()];
    this.va({ code: "closed", message: "closed by the application" }), this.B.W();
    for (let room of rooms) room.W();
  }
  mb(room) {
    this.j.delete(room.name), this.b && this.Sa(this.b, room.name);
  }
  /** Asks on the present connection. */
  async Ja(action, fields) {
    if (!this.b) throw new GaplessError("disconnected", "not connected", !0);
    return this.b.w(action, fields);
  }
  /** Presents a fresh token on a live connection. */
  I(link) {
    this.$ === link || !this.u.getToken || (this.$ = link, this.Ta(!0).then((token) => link.w("auth", { token })).then(
      (ok) => {
        this.$ = void 0, this.Ua(link, ok.tokenExpiresInMs);
      },
      (error) => {
        this.$ = void 0, link.l && (this.i("error", error), error.code === "conflict" || error.code === "unauthenticated" ? (this.O = !0, link.d(error)) : link.v(5e3, () => this.I(link)));
      }
    ));
  }
  F(link, frame) {
    if (frame.push !== "bye") {
      (frame.messages || frame.push === "behind" || link === (this.b ?? link)) && this.j.get(frame.room)?.F(link, frame);
      return;
    }
    let reason = { code: frame.code ?? 1e3, message: frame.reason ?? "" }, back = frame.reconnect ?? (frame.code ?? 0) < 3500;
    (frame.code === 3003 || frame.code === 3005) && (this.O = !0);
    let current = link === this.b;
    current && (this.b = void 0), link.d(reason, frame.afterMs), current && this.A(link, reason, back, frame.afterMs);
  }
  ab(link, reason) {
    link === this.b && (this.b = void 0, this.A(link, reason, typeof reason.code != "number" || reason.code < 3500));
  }
  db(link) {
    link === this.b && this.Va(link);
  }
  Ga(error) {
    this.i("error", error);
  }
  A(link, reason, back, afterMs) {
    this.a.now() - link.wa >= held && (this._ = 0), back ? this.r ? this.Q("reconnecting", reason) : this.Wa(reason, afterMs) : this.va(reason);
  }
  Q(state, reason, retryInMs) {
    this.state = state, this.reason = reason, this.i("state", { state, reason, retryInMs });
  }
  va(reason) {
    this.a.clearTimeout(this.C), this.C = this.r = void 0, this.aa();
    let links = [this.b, this.p];
    this.b = this.p = void 0;
    for (let link of links) link?.d(reason);
    this.state !== "closed" && this.Q("closed", reason);
  }
  Wa(reason, afterMs = 0) {
    let ms = afterMs + backoff(this.a, this._++);
    this.C = this.a.setTimeout(() => {
      this.P();
    }, ms), this.Q(this.user === void 0 ? "connecting" : "reconnecting", reason, ms);
  }
  Ta(fresh) {
    return new Promise((resolve, reject) => {
      let failed = (e) => {
        this.a.clearTimeout(timer), reject(new GaplessError("token", e?.message ?? String(e), !0));
      }, timer = this.a.setTimeout(() => failed("getToken did not answer in time"), tokenTimeout);
      Promise.resolve().then(() => this.u.getToken?.({ fresh })).then((token) => {
        this.a.clearTimeout(timer), resolve(token);
      }, failed);
    });
  }
  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  async P() {
    this.a.clearTimeout(this.C), this.C = void 0;
    let attempt = this.r = {}, link, timer;
    try {
      let token = await this.Ta(!!this.O);
      if (this.r !== attempt) return;
      link = this.p = new Link(this, this.E());
      let opening = link;
      timer = this.a.setTimeout(() => opening.d({ code: "timeout", message: "no connection in time" }), connectTimeout), await Promise.race([link.xa, link.T]);
      let asked = /* @__PURE__ */ new Map();
      for (let room of this.j.values())
        asked.size < 32 && !room.Y && asked.set(room, room.Z());
      let hello = await link.w("hello", {
        token,
        session: this.session,
        rooms: this.Xa(asked)
      });
      if (this.r !== attempt) return link.ka();
      link.l || await link.T, this.r = this.p = void 0, this.rb(link, hello, asked);
    } catch (error) {
      if (this.r !== attempt) return;
      this.r = this.p = void 0, this.sb(error, link);
    } finally {
      this.a.clearTimeout(timer);
    }
  }
  E() {
    let Socket = this.u.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new GaplessError("bad_request", "no WebSocket here: pass one in the options");
    return new Socket(this.Ra);
  }
  sb(error, link) {
    let reason = link?.ya ?? { code: error.code ?? "socket", message: error.message };
    link?.d(reason), (error.code === "token_expired" || error.code === "unauthenticated") && (this.O = !0);
    let terminal = error.code === "unauthenticated" && ++this.ta > 1 || hopeless.includes(error.code) || typeof reason.code == "number" && reason.code >= 3500;
    this.b ? (this.i("error", error), this.b.v(1e3 + backoff(this.a, this._++), () => this.Ya())) : terminal ? this.va(reason) : this.Wa(reason, error.retryAfterMs);
  }
  rb(link, hello, asked) {
    let old = this.b;
    this.b = link, link.wa = this.ua = this.a.now(), this.ta = 0, this.O = !1, this.user = hello.user, link.bb(hello.heartbeatMs), this.Ua(link, hello.tokenExpiresInMs), hello.rotateInMs !== void 0 && link.v(Math.max(hello.rotateInMs, 5e3), () => this.Ya()), this.Za(link), this.state !== "connected" && this.Q("connected");
    for (let [room, at] of asked)
      this.j.get(room.name) === room ? room.Ma(link, hello.rooms?.[room.name], at, !0) : this.Sa(link, room.name);
    for (let room of this.j.values()) room.o();
    this.B.ib(), old && (old.v(overlap, () => old.d(replaced)), Promise.all([...this.j.values()].map((room) => room.pb())).then(() => old.ka()));
  }
  /** Make before break: the platform ends each connection after two hours. */
  Ya() {
    this.r || this.P();
  }
  Ua(link, ms) {
    ms && link.v(Math.max(ms - 6e4, ms * 0.8), () => this.I(link));
  }
  Sa(link, room) {
    link.Da(room, () => link.w("leave", { room })).catch(() => {
    });
  }
  Za(link) {
    link.v(syncEvery * (0.8 + 0.4 * this.a.random()), () => {
      this.Va(link), this.Za(link);
    });
  }
  Xa(asked) {
    return Object.fromEntries([...asked.keys()].map((room) => [room.name, room.La()]));
  }
  /** Asks for every room whether anything was missed. */
  Va(link) {
    let now = this.a.now();
    if (Math.abs(now - this.ua) < syncPause) return;
    this.ua = now;
    let rooms = [...this.j.values()].filter((room) => room.joined && room.Z());
    for (; rooms.length; ) {
      let asked = new Map(rooms.splice(0, 32).map((room) => [room, room.Z()]));
      link.w("sync", { rooms: this.Xa(asked) }).then(
        (ok) => {
          for (let [room, at] of asked) room.Ma(link, ok.rooms[room.name], at, !1);
        },
        (error) => {
          error.code === "token_expired" ? this.I(link) : error.code === "unauthenticated" && link.d(error);
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
