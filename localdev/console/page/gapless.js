// Code generated from pkg/client/js by `make page`. DO NOT EDIT.

// src/emitter.ts
var Emitter = class {
  constructor() {
    this.O = /* @__PURE__ */ new Map();
  }
  on(type, listener) {
    let set = this.O.get(type);
    set || this.O.set(type, set = /* @__PURE__ */ new Set());
    let own = (event) => listener(event);
    return set.add(own), () => {
      set.delete(own);
    };
  }
  l(type, event) {
    for (let listener of [...this.O.get(type) ?? []])
      try {
        listener(event);
      } catch (error) {
        Promise.reject(error);
      }
  }
  P(type) {
    return !!this.O.get(type)?.size;
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
var callTimeout = 15e3, pingTimeout = 1e4, doubtTimeout = 3e3, maxSilence = 24e4, maxLate = 2e3;
function wireError(e) {
  return new GaplessError(e.code, e.message, e.temporary, e.retryAfterMs);
}
var ignore = () => {
}, lost = { code: 1006, message: "connection lost" }, replaced = { code: 1e3, message: "replaced" }, Link = class {
  constructor(_host, _socket) {
    this.e = _host;
    this.D = _socket;
    this.i = !0;
    this.gb = 0;
    this.w = /* @__PURE__ */ new Map();
    this.Ca = /* @__PURE__ */ new Map();
    this.Da = /* @__PURE__ */ new Map();
    this.ba = /* @__PURE__ */ new Set();
    this.Aa = new Promise((resolve) => _socket.onopen = () => resolve()), this.B = new Promise((_, reject) => this.Ga = reject), this.B.catch(ignore), _socket.onmessage = (event) => this.hb(event.data), _socket.onclose = (event) => this.d({ code: event.code ?? lost.code, message: event.reason || lost.message }), _socket.onerror = ignore;
  }
  /** Ends the link, whoever began; calls under way reject with `disconnected`, to be tried again after a while. */
  d({ code, message }, afterMs, back) {
    if (!this.i) return;
    this.i = !1;
    let reason = this.Ba = { code, message }, error = new GaplessError("disconnected", message, !0, afterMs);
    this.Ga(error);
    let socket = this.D;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = ignore;
    try {
      socket.close(1e3);
    } catch {
    }
    this.e.a.clearTimeout(this.fa);
    for (let timer of this.ba) this.e.a.clearTimeout(timer);
    for (let id of [...this.w.keys()])
      this.q(id)?.y(error);
    this.e.ib(this, reason, afterMs, back);
  }
  /** Runs later, unless the link ends before. */
  s(ms, run) {
    if (!this.i) return;
    let timer = this.e.a.setTimeout(() => {
      this.ba.delete(timer), run();
    }, ms);
    this.ba.add(timer);
  }
  /** Resolves later, or when the link ends. */
  Ha(ms) {
    return Promise.race([this.B, new Promise((resolve) => this.s(ms, resolve))]).catch(ignore);
  }
  t(action, fields) {
    return new Promise((resolve, reject) => {
      if (!this.i) return reject(new GaplessError("disconnected", "not connected", !0));
      let id = ++this.gb, timer = this.e.a.setTimeout(
        () => this.q(id)?.y(new GaplessError("timeout", "no answer in time", !0)),
        callTimeout
      );
      this.w.set(id, { ga: resolve, y: reject, ha: timer }), this.ia({ action, id, ...fields });
    });
  }
  /**
   * Runs one after the other what concerns a membership, since the platform
   * may handle a connection's commands at once.
   */
  Ia(room, run) {
    let result = (this.Ca.get(room) ?? Promise.resolve()).then(run);
    return this.Ca.set(room, result.catch(ignore)), result;
  }
  ia(frame) {
    try {
      this.D.send(JSON.stringify(frame)), this.Fa = this.e.a.now();
    } catch {
      this.d({ code: "socket", message: "socket not open" });
    }
  }
  /** Ends the link once every call is answered, or soon. */
  ja() {
    this.Ea = !0, this.w.size || this.d(replaced);
  }
  /** The highest number of a log that was acknowledged here: pushes on this connection leave it out. */
  Ja(room, epoch, seq = 0) {
    let log = `${epoch} ${room}`;
    return seq = Math.max(seq, this.Da.get(log) ?? 0), this.Da.set(log, seq), seq;
  }
  /** Watches the line: pings after `ms` of silence. */
  jb(ms) {
    this.Q = this.x = ms || 45e3, this.ka();
  }
  /** Asks at once whether the line is alive. */
  Ka() {
    if (this.D.readyState !== 1)
      return this.d(lost);
    this.da = !0, this.x = this.Q, this.la(doubtTimeout), this.ka();
  }
  q(id) {
    let call = this.w.get(id);
    return call && (this.w.delete(id), this.e.a.clearTimeout(call.ha), this.Ea && this.i && this.ja()), call;
  }
  la(timeout) {
    let now = this.e.a.now(), left = this.C - now;
    this.C = now + (left > 0 ? Math.min(left, timeout) : timeout), this.ia({ action: "ping" });
  }
  La() {
    return this.C || Math.min(this.P + this.x, this.Fa + maxSilence);
  }
  ka() {
    if (!this.i) return;
    let env = this.e.a;
    env.clearTimeout(this.fa);
    let planned = env.now() + Math.min(Math.max(this.La() - env.now(), 0), this.x);
    this.fa = env.setTimeout(() => this.kb(env.now() - planned), planned - env.now());
  }
  kb(late) {
    let due = this.e.a.now() >= this.La();
    if (due && this.C) {
      if (late <= maxLate || this.ca) return this.d({ code: "no_answer", message: "no answer to a ping" });
      this.ca = !0, this.la(doubtTimeout);
    } else {
      if (late > this.Q)
        return this.Ka();
      due && (this.x = this.ea && this.e.a.hidden() ? Math.min(2 * this.x, maxSilence) : this.Q, this.ea = !0, this.la(pingTimeout));
    }
    this.ka();
  }
  hb(data) {
    this.P = this.e.a.now(), this.C = 0, this.ca = !1;
    let frame;
    try {
      if (frame = JSON.parse(data), !frame || typeof frame != "object") throw 0;
    } catch {
      return this.e.Ma(new GaplessError("bad_frame", "unreadable frame"));
    }
    let revived = this.da;
    if (this.da = !1, frame.push !== "pong" && (this.ea = !1), frame.push)
      this.e.E(this, frame);
    else if (frame.id != null) {
      let call = this.q(frame.id);
      frame.error ? call?.y(wireError(frame.error)) : call?.ga(frame.ok);
    } else if (frame.error)
      this.e.Ma(wireError(frame.error));
    else
      for (let id of [...this.w.keys()])
        this.q(id)?.y(new GaplessError("unavailable", "the gateway failed", !0));
    revived && this.i && this.e.lb(this);
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
    this.ma = /* @__PURE__ */ new Set();
    this.na = 0;
    this.mb = 0;
  }
  nb(room, data, options = {}) {
    return new Promise((resolve, reject) => {
      let client = this.b, { max = 1e3, overflow = "reject", timeoutMs = 12e4 } = client.u.queue ?? {}, json = JSON.stringify(data);
      if (json === void 0) throw new GaplessError("bad_request", "data is not JSON");
      if (bytes(json) > 30720) throw new GaplessError("too_large", `data must be at most ${30720} bytes of JSON`);
      if (this.na >= max && !(overflow === "drop-oldest" && this.ob()))
        throw new GaplessError("overflow", `${max} messages wait already`, !0);
      let item = {
        Na: JSON.parse(json),
        // as it is now, whatever becomes of the object
        Oa: options.key ?? client.Pa + (++this.mb).toString(36),
        oa: !1,
        ga: resolve,
        y: reject,
        ha: client.a.setTimeout(
          () => this.F(room, item, new GaplessError("timeout", "not acknowledged in time", !0)),
          Math.min(timeoutMs, maxTimeout)
        )
      }, queue = this.n.get(room);
      queue || this.n.set(room, queue = []), queue.push(item), this.na++, this.G(room);
    });
  }
  /** Whether a message of ours may be in the log without us knowing its number. */
  R(room) {
    return !!this.n.get(room)?.[0]?.oa;
  }
  pb() {
    for (let room of this.n.keys()) this.G(room);
  }
  S() {
    for (let [room, queue] of this.n)
      for (let item of [...queue]) this.F(room, item, new GaplessError("closed", "the client was closed"));
  }
  async G(room) {
    if (this.ma.has(room)) return;
    this.ma.add(room);
    let client = this.b, item;
    for (let tries = 0; item = this.n.get(room)?.[0]; ) {
      let link = client.c;
      if (!link || client.g.get(room)?.qb()) break;
      try {
        item.oa = !0;
        let ok = await link.t("publish", { room, key: item.Oa, data: item.Na });
        link.Ja(room, ok.epoch, ok.seq), client.g.get(room)?.T(ok, item.Oa, item.Na), this.F(room, item, { epoch: ok.epoch, seq: ok.seq, duplicate: !!ok.duplicate }), tries = 0;
      } catch (e) {
        let error = e;
        if (link !== client.c || !link.i) continue;
        if (error.code === "token_expired") client.H(link);
        else if (error.code === "unauthenticated") link.d(error);
        else if (!error.temporary) {
          this.F(room, item, error);
          continue;
        }
        await link.Ha(error.retryAfterMs + backoff(client.a, tries++));
      }
    }
    this.ma.delete(room), client.g.get(room)?.o();
  }
  ob() {
    for (let [room, queue] of this.n) {
      let item = queue.find((item2) => !item2.oa);
      if (item)
        return this.F(room, item, new GaplessError("overflow", "given up for a newer message")), !0;
    }
    return !1;
  }
  F(room, item, result) {
    let queue = this.n.get(room), at = queue?.indexOf(item) ?? -1;
    !queue || at < 0 || (queue.splice(at, 1), queue.length || this.n.delete(room), this.na--, this.b.a.clearTimeout(item.ha), result instanceof Error ? item.y(result) : item.ga(result));
  }
};

// src/stream.ts
var maxLag = 1e4, Stream = class {
  /** Is one of `_open` until it ends. */
  constructor(_open) {
    this.Ra = _open;
    this.I = [];
    /** Calls of `next` that wait. */
    this.R = [];
    _open.add(this);
  }
  E(item) {
    this.I.push(item) > maxLag && this.d(new GaplessError("overflow", `an iteration lags ${maxLag} messages behind`)), this.Qa();
  }
  /** What was pushed before can still be read; then comes the error, if any, or the end. */
  d(error) {
    this.Ra.delete(this) && (this.j = error, this.Qa());
  }
  async next() {
    for (; !this.I.length && this.Ra.has(this); ) await new Promise((wake) => this.R.push(wake));
    if (this.I.length) return { value: this.I.shift(), done: !1 };
    let error = this.j;
    if (this.j = void 0, error) throw error;
    return { value: void 0, done: !0 };
  }
  return() {
    return this.I = [], this.d(), this.j = void 0, this.next();
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  Qa() {
    for (let wake of this.R.splice(0)) wake();
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
    this.u = _options;
    this.k = /* @__PURE__ */ new Map();
    this.pa = "";
    this.W = /* @__PURE__ */ new Set();
    /** Questions in a row that failed, or did not close the gap. */
    this.z = 0;
    let { since } = _options;
    since !== void 0 ? this.f = typeof since == "number" ? { epoch: "", seq: since } : { ...since } : this.rb();
  }
  get position() {
    return this.f?.epoch ? { ...this.f } : void 0;
  }
  get joined() {
    return !!this.b.c && this.h === this.b.c && !this.j;
  }
  async publish(data, options) {
    if (this.m) throw new GaplessError("left", "the room was left");
    return this.b.v.nb(this.name, data, options);
  }
  send(data) {
    let { joined } = this;
    return joined && this.b.c.ia({ action: "publish", room: this.name, data, ephemeral: !0 }), joined;
  }
  async history(query) {
    let page = await this.b.Y("history", { room: this.name, ...query });
    if (!page.recovered) throw lost2({ epoch: query.epoch ?? "", seq: query.since ?? query.before }, page);
    return {
      ...page,
      first: page.messages[0]?.seq,
      last: page.messages.at(-1)?.seq,
      messages: page.messages.filter((e) => !e.void).map((e) => this.Sa(page.epoch, e))
    };
  }
  presence() {
    return this.b.Y("presence", { room: this.name });
  }
  leave() {
    this.m || (this.m = !0, this.b.sb(this), this.b.v.G(this.name), this.S());
  }
  [Symbol.asyncIterator]() {
    let stream = new Stream(this.W);
    return this.m && stream.d(), stream;
  }
  /** Ends iterations. */
  S() {
    this.ta();
    for (let stream of this.W) stream.d();
  }
  /** Where a join goes on. */
  Ta() {
    let at = this.f;
    return at ? { since: at.seq, epoch: at.epoch || void 0 } : { last: this.u.last || void 0 };
  }
  /** A publish has to wait for its place in the order to be known. */
  qb() {
    return !this.V && !this.j;
  }
  /** Takes what hello or sync said of the room; `asked` is where we were then. */
  Ua(link, result, asked, hello) {
    if (this.m) return;
    let error = result?.error;
    error && hello && !error.temporary && error.code !== "token_expired" ? this.Va(link, wireError(error)) : !result || error ? error?.code === "conflict" && (this.h = void 0) : (hello && (this.j = void 0, this.h = link), this.Wa(result, asked, hello)), this.o();
  }
  E(link, frame) {
    let { push, room, ...event } = frame;
    push === "messages" ? this.q(frame.epoch, frame.messages) : push === "behind" ? this.X = link : (push === "ephemeral" || push === "presence") && this.l(push, event), this.o();
  }
  /** Our own message has its number; it comes to us by no other way on this connection. */
  T(ok, key, data) {
    let entry = { seq: ok.seq, user: this.b.user, at: this.b.a.now(), key, data, T: !0 };
    this.q(ok.epoch, ok.duplicate ? [] : [entry]), this.o();
  }
  /** Does what is to be done: join, catch up, wait for a gap to close. */
  o() {
    let { a: env, c: link } = this.b;
    if (!(this.J || this.m || !link || this.U) && !(this.h === link && this.j)) {
      if (this.h === link && !this.r && this.X !== link) {
        if (!this.ua()) return;
        let wait = this.z ? gapPause + backoff(env, this.z - 1) : this.tb() ? gapPatience : 0;
        if (wait) {
          this.sa ??= env.setTimeout(() => {
            this.r = this.ua(), this.o();
          }, wait);
          return;
        }
      }
      this.ta(), this.J = this.Y(link).finally(() => {
        this.J = void 0, this.o();
      });
    }
  }
  /** Resolves once nothing is under way. */
  async ub() {
    for (; this.J; ) await this.J;
  }
  Z() {
    return this.f && { ...this.f };
  }
  /** The log holds more than what was handed on: entries above a gap, or own messages that will not be pushed here. */
  ua() {
    let link = this.b.c;
    return !!link && (this.k.size > 0 || link.Ja(this.name, this.f.epoch) > this.f.seq);
  }
  ta() {
    this.b.a.clearTimeout(this.sa), this.sa = void 0;
  }
  async Y(link) {
    let join = this.h !== link;
    join && (this.X = void 0), this.r = !1;
    let asked = this.Z();
    try {
      let page = await link.Ia(this.name, async () => {
        if (this.m) throw new GaplessError("left", "the room was left");
        return link.t(join || this.ra ? "join" : "history", { room: this.name, ...this.Ta() });
      });
      if (this.m) return;
      join && (this.j = void 0, this.h = link), this.Wa(page, asked, join), !join && this.X === link && !page.more && (this.h = void 0);
    } catch (e) {
      let error = e;
      if (this.m || !link.i) return;
      if (this.r = !join, error.code === "forbidden" && !join && !this.ra) {
        this.ra = !0;
        return;
      }
      if (error.code === "token_expired") this.b.H(link);
      else if (!error.temporary) return this.Va(link, error);
      await link.Ha(error.retryAfterMs + backoff(this.b.a, this.z++));
    }
  }
  Va(link, error) {
    if (error.code === "unauthenticated") return link.d(error);
    this.j = error, this.h = link, this.r = !1, this.l("error", error), this.b.v.G(this.name);
  }
  tb() {
    return this.b.v.R(this.name) || !!this.k.get(Math.min(...this.k.keys()))?.T;
  }
  Wa(page, asked, join) {
    let at = this.f, recovered = page.recovered && (!at?.epoch || page.epoch === at.epoch);
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
    if (!at || !recovered ? this.f = { epoch: page.epoch, seq: first ? first.seq - 1 : page.head } : at.epoch = page.epoch, this.V = !0, at && !recovered) {
      let error = lost2(at, page);
      if (this.l("reset", error.reset), !this.P("reset")) for (let stream of this.W) stream.d(error);
    }
    join && this.l("joined", { epoch: page.epoch, seq: page.head, recovered }), this.q(page.epoch, page.messages), this.z = this.ua() && asked?.seq === this.f.seq ? this.z + 1 : 0, this.va(), this.b.v.G(this.name);
  }
  /** Sorts entries in, and hands on what is next. */
  q(epoch, entries) {
    let at = this.f, other = at?.epoch && epoch !== at.epoch;
    epoch !== this.pa && (this.k.size && (this.h = void 0), this.k.clear()), this.pa = epoch, other && (this.h = void 0), at && this.V && !other && (at.epoch = epoch);
    let before = at?.seq;
    for (let entry of entries)
      at && !other && entry.seq <= at.seq || (this.k.size < maxAhead || entry.seq === at?.seq + 1 ? this.k.set(entry.seq, entry) : this.r = !0, this.Xa());
    this.Xa(), at?.seq !== before && (this.va(), this.ta(), this.z = 0);
  }
  Xa() {
    let at = this.f;
    if (!at || !this.V || at.epoch !== this.pa) return;
    let entry;
    for (; !this.m && (entry = this.k.get(at.seq + 1)); ) {
      if (this.k.delete(++at.seq), entry.void) continue;
      let message = this.Sa(at.epoch, entry);
      for (let stream of this.W) stream.E(message);
      this.l("message", message);
    }
  }
  Sa(epoch, { T: _own, ...entry }) {
    return { room: this.name, epoch, ...entry };
  }
  va() {
    if (this.qa) return;
    let value = JSON.stringify(this.f);
    this.qa = this.Ya((storage, key) => storage.setItem(key, value))?.then(() => {
      this.qa = void 0, JSON.stringify(this.f) !== value && this.va();
    });
  }
  rb() {
    this.U = this.Ya((storage, key) => storage.getItem(key))?.then((value) => {
      try {
        let { epoch, seq } = JSON.parse(value);
        typeof epoch == "string" && Number.isSafeInteger(seq) && seq >= 0 && (this.f = { epoch, seq });
      } catch {
      }
      this.U = void 0, this.o();
    });
  }
  /** What the storage answers, if there is one. If it is full, forbidden or silent, that is told, and live goes on. */
  Ya(run) {
    let { u: { storage }, a: env, Za: url } = this.b;
    return storage && inTime(env, storageTimeout, () => run(storage, `gapless:${url}:${this.name}`)).catch((e) => this.l("error", e));
  }
};

// src/client.ts
var connectTimeout = 1e4, tokenTimeout = 3e4, held = 1e4, syncEvery = 3e5, syncPause = 5e3, overlap = 1e4, hopeless = ["forbidden", "bad_request", "too_large", "conflict"], final = (reason) => reason.code >= 3500, ClientCore = class extends Emitter {
  constructor(_url, _options) {
    super();
    this.Za = _url;
    this.u = _options;
    this.state = "connecting";
    this.g = /* @__PURE__ */ new Map();
    this.v = new Outbox(this);
    this._ = 0;
    /** The token at hand was refused, so often in a row. */
    this.wa = 0;
    this.a = environment(_options.environment), this.Pa = randomName(this.a) + ".", this.session = _options.session ?? randomName(this.a), this.aa = this.a.onWake(() => this.check()), this.M();
  }
  get rooms() {
    return this.g;
  }
  join(name, options = {}) {
    let room = this.g.get(name);
    return room || (this.g.set(name, room = new RoomCore(this, name, options)), room.o()), room;
  }
  check() {
    this.c ? this.c.Ka() : this.A !== void 0 && this.M();
  }
  reconnect() {
    if (this.state !== "closed") return this.check();
    this.aa(), this.aa = this.a.onWake(() => this.check()), this._ = this.wa = 0, this.N("connecting"), this.M();
  }
  close() {
    let rooms = [...this.g.values()];
    this.ya({ code: "closed", message: "closed by the application" }), this.v.S();
    for (let room of rooms) room.S();
  }
  sb(room) {
    this.g.delete(room.name), this.c && this._a(this.c, room.name);
  }
  /** Asks on the present connection. */
  async Y(action, fields) {
    if (!this.c) throw new GaplessError("disconnected", "not connected", !0);
    return this.c.t(action, fields);
  }
  /** Presents a fresh token on a live connection. */
  H(link) {
    this.$ === link || !this.u.getToken || (this.$ = link, this.$a(!0).then((token) => link.t("auth", { token })).then(
      (ok) => {
        this.$ = void 0, this.ab(link, ok.tokenExpiresInMs);
      },
      (error) => {
        this.$ = void 0, link.i && (this.l("error", error), error.code === "conflict" || error.code === "unauthenticated" ? (this.L = !0, link.d(error)) : link.s(5e3, () => this.H(link)));
      }
    ));
  }
  E(link, frame) {
    if (frame.push !== "bye") {
      (frame.messages || frame.push === "behind" || link === (this.c ?? link)) && this.g.get(frame.room)?.E(link, frame);
      return;
    }
    (frame.code === 3003 || frame.code === 3005) && (this.L = !0), link.d({ code: frame.code ?? 1e3, message: frame.reason ?? "" }, frame.afterMs, frame.reconnect);
  }
  ib(link, reason, afterMs, back = !final(reason)) {
    link === this.c && (this.c = void 0, this.a.now() - link.za >= held && (this._ = 0), back ? this.p ? this.N("reconnecting", reason) : this.bb(reason, afterMs) : this.ya(reason));
  }
  lb(link) {
    link === this.c && this.cb(link);
  }
  Ma(error) {
    this.l("error", error);
  }
  N(state, reason, retryInMs) {
    this.state = state, this.reason = reason, this.l("state", { state, reason, retryInMs });
  }
  ya(reason) {
    this.a.clearTimeout(this.A), this.A = this.p = void 0, this.aa();
    let links = [this.c, this.K];
    this.c = this.K = void 0;
    for (let link of links) link?.d(reason);
    this.state !== "closed" && this.N("closed", reason);
  }
  bb(reason, afterMs = 0) {
    let ms = afterMs + backoff(this.a, this._++);
    this.A = this.a.setTimeout(() => {
      this.M();
    }, ms), this.N(this.user === void 0 ? "connecting" : "reconnecting", reason, ms);
  }
  $a(fresh) {
    return inTime(this.a, tokenTimeout, () => this.u.getToken?.({ fresh })).catch((e) => {
      throw new GaplessError("token", e?.message ?? String(e), !0);
    });
  }
  /** Opens a connection: the first, one after a loss, or one to replace a live one. */
  async M() {
    this.a.clearTimeout(this.A), this.A = void 0;
    let attempt = this.p = {}, link, timer;
    try {
      let token = await this.$a(!!this.L);
      if (this.p !== attempt) return;
      link = this.K = new Link(this, this.D());
      let opening = link;
      timer = this.a.setTimeout(() => opening.d({ code: "timeout", message: "no connection in time" }), connectTimeout), await Promise.race([link.Aa, link.B]);
      let asked = /* @__PURE__ */ new Map();
      for (let room of this.g.values())
        asked.size < 32 && !room.U && asked.set(room, room.Z());
      let hello = await link.t("hello", {
        token,
        session: this.session,
        rooms: this.db(asked)
      });
      if (this.p !== attempt) return link.ja();
      link.i || await link.B, this.p = this.K = void 0, this.vb(link, hello, asked);
    } catch (error) {
      if (this.p !== attempt) return;
      this.p = this.K = void 0, this.wb(error, link);
    } finally {
      this.a.clearTimeout(timer);
    }
  }
  D() {
    let Socket = this.u.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new GaplessError("bad_request", "no WebSocket here: pass one in the options");
    return new Socket(this.Za);
  }
  wb(error, link) {
    let reason = link?.Ba ?? { code: error.code ?? "socket", message: error.message };
    link?.d(reason), (error.code === "token_expired" || error.code === "unauthenticated") && (this.L = !0);
    let terminal = error.code === "unauthenticated" && ++this.wa > 1 || hopeless.includes(error.code) || final(reason);
    this.c ? (this.l("error", error), this.c.s(1e3 + backoff(this.a, this._++), () => this.eb())) : terminal ? this.ya(reason) : this.bb(reason, error.retryAfterMs);
  }
  vb(link, hello, asked) {
    let old = this.c;
    this.c = link, link.za = this.xa = this.a.now(), this.wa = 0, this.L = !1, this.user = hello.user, link.jb(hello.heartbeatMs), this.ab(link, hello.tokenExpiresInMs), hello.rotateInMs !== void 0 && link.s(Math.max(hello.rotateInMs, 5e3), () => this.eb()), this.fb(link), this.state !== "connected" && this.N("connected");
    for (let [room, at] of asked)
      this.g.get(room.name) === room ? room.Ua(link, hello.rooms?.[room.name], at, !0) : this._a(link, room.name);
    for (let room of this.g.values()) room.o();
    this.v.pb(), old && (old.s(overlap, () => old.d(replaced)), Promise.all([...this.g.values()].map((room) => room.ub())).then(() => old.ja()));
  }
  /** Make before break: the platform ends each connection after two hours. */
  eb() {
    this.p || this.M();
  }
  ab(link, ms) {
    ms && link.s(Math.max(ms - 6e4, ms * 0.8), () => this.H(link));
  }
  _a(link, room) {
    link.Ia(room, () => link.t("leave", { room })).catch(() => {
    });
  }
  fb(link) {
    link.s(syncEvery * (0.8 + 0.4 * this.a.random()), () => {
      this.cb(link), this.fb(link);
    });
  }
  db(asked) {
    return Object.fromEntries([...asked.keys()].map((room) => [room.name, room.Ta()]));
  }
  /** Asks for every room whether anything was missed. */
  cb(link) {
    let now = this.a.now();
    if (Math.abs(now - this.xa) < syncPause) return;
    this.xa = now;
    let rooms = [...this.g.values()].filter((room) => room.joined && room.Z());
    for (; rooms.length; ) {
      let asked = new Map(rooms.splice(0, 32).map((room) => [room, room.Z()]));
      link.t("sync", { rooms: this.db(asked) }).then(
        (ok) => {
          for (let [room, at] of asked) room.Ua(link, ok.rooms[room.name], at, !1);
        },
        (error) => {
          error.code === "token_expired" ? this.H(link) : error.code === "unauthenticated" && link.d(error);
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
