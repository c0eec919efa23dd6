// One client: a user with a connection of its own, its chat, and what can be
// done to its connection.
import { connect } from "./gapless.js";
import { announce, h, set, text, timeOf } from "./dom.js";
import { environment, still } from "./clock.js";
import { Line, socketClass } from "./socket.js";
import { faultButton } from "./fault.js";
import { post } from "./stream.js";

/** Messages that a pane keeps. */
const most = 1500;

const faults = ["cut", "lose-disconnect", "freeze", "wrong-410", "expire-token"];

export class Pane {
  constructor({ url, user, room, onremove }) {
    this.user = user;
    this.lines = [];
    this.drafts = new Map();
    this.line = new Line((frame) => this.heard(frame));
    this.build(room, onremove);
    this.client = connect(url, {
      getToken: async () => (await post("token", { user })).token,
      WebSocket: socketClass(this.line),
      environment,
    });
    this.client.on("state", (change) => this.state(change));
    this.client.on("error", (error) => this.note(error.message, "bad"));
    this.room = this.client.join(room, { last: 50 });
    this.room.on("message", (m) => this.message(m));
    this.room.on("joined", (at) => this.joined(at));
    this.room.on("reset", ({ to }) => this.note(`messages before #${to.seq} are lost: start anew`, "bad"));
    this.room.on("presence", ({ joined, left, count }) => {
      this.count(count);
      if (joined.length) this.note(`${joined.join(", ")} came`);
      if (left.length) this.note(`${left.join(", ")} left`);
    });
    this.room.on("error", (error) => this.note(error.message, "bad"));
    this.state({ state: this.client.state });
  }

  build(room, onremove) {
    const id = "pane-" + this.user;
    this.title = h("h3", { id }, this.user);
    this.status = h("span", { class: "pill" }, h("i"), h("span"));
    this.where = h("span", { class: "where" });
    this.log = h("div", { class: "chat", role: "log", "aria-label": `Messages that ${this.user} sees`, tabindex: "0" });
    this.input = h("input", { type: "text", "aria-label": `Message from ${this.user}`, placeholder: `Message #${room}`, autocomplete: "off", maxlength: "2000" });
    this.buttons = Object.fromEntries(faults.map((name) => [name, faultButton(name, () => this.connectionId, this.user)]));
    this.off = h("button", { type: "button", "aria-pressed": "false", title: "Take this client's network away: nothing comes, nothing goes", onclick: () => this.network(!this.line.offline) }, "Offline");
    this.element = h("article", { class: "pane card", "aria-labelledby": id, style: false, "data-user": this.user },
      h("header", {},
        h("span", { class: "avatar", "aria-hidden": "true", "data-hue": hue(this.user) }, this.user[0].toUpperCase()),
        this.title, this.status, this.where,
        h("button", { type: "button", class: "icon close", "aria-label": `Remove ${this.user}`, title: "Remove this client", onclick: () => onremove(this) }, "×")),
      this.log,
      h("form", { onsubmit: (event) => this.submit(event) },
        this.input,
        h("button", { type: "submit", class: "primary" }, "Send")),
      h("div", { class: "tools", role: "group", "aria-label": `What can happen to ${this.user}` },
        ...Object.values(this.buttons), this.off,
        h("span", { class: "gap" }),
        h("button", { type: "button", title: "Publish 20 messages", onclick: () => this.burst(20) }, "Send 20"),
        h("button", { type: "button", title: "Publish 45 messages of 28 KB: more than the gateway keeps for a client that does not read", onclick: () => this.burst(45, 28_000) }, "Flood")));
  }

  get connectionId() {
    return [...this.line.sockets].map((s) => s.connectionId).filter(Boolean).at(-1);
  }

  /** What was handed to this pane last. */
  get seq() {
    return this.room.position?.seq ?? 0;
  }

  submit(event) {
    event.preventDefault();
    const words = this.input.value.trim();
    if (!words) return;
    this.input.value = "";
    this.publish({ text: words });
  }

  burst(count, bytes = 0) {
    const first = this.burst.next ?? 1;
    this.burst.next = first + count;
    for (let i = first; i < first + count; i++) {
      this.publish({ text: `${bytes ? "large " : ""}message ${i} of ${this.user}`, fill: bytes ? "x".repeat(bytes) : undefined });
    }
  }

  async publish(data) {
    await still();
    const key = crypto.randomUUID();
    const draft = this.append(h("p", { class: "line mine draft" },
      h("span", { class: "seq" }, "…"), h("span", { class: "who" }, this.user), h("span", { class: "text" }, data.text)));
    this.drafts.set(key, draft);
    try {
      await this.room.publish(data, { key });
    } catch (error) {
      set(draft, "class", "line mine failed");
      text(draft.firstElementChild, "!");
      draft.append(h("span", { class: "why" }, error.message));
    }
    this.drafts.delete(key);
  }

  message(m) {
    const mine = m.user === this.user;
    const words = m.data?.text ?? (typeof m.data === "string" ? m.data : JSON.stringify(m.data));
    const draft = this.drafts.get(m.key);
    if (draft) draft.remove();
    this.append(h("p", { class: mine ? "line mine" : "line", "data-seq": m.seq },
      h("span", { class: "seq" }, m.seq), h("span", { class: "who", "data-hue": hue(m.user) }, m.user),
      h("span", { class: "text" }, words), h("time", {}, timeOf(m.at))));
  }

  /** A line that is no message. */
  note(words, tone = "") {
    this.append(h("p", { class: "note", "data-tone": tone }, words));
  }

  append(element) {
    const end = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    // Drafts stay at the end.
    const draft = element.classList.contains("draft") ? undefined : this.log.querySelector(".draft");
    if (draft) draft.before(element);
    else this.log.append(element);
    while (this.log.childElementCount > most) this.log.firstElementChild.remove();
    if (end) this.log.scrollTop = this.log.scrollHeight;
    return element;
  }

  state({ state, reason, retryInMs }) {
    const tones = { connected: "good", connecting: "", reconnecting: "warn", closed: "bad" };
    let words = state;
    if (retryInMs !== undefined) words += ` in ${(retryInMs / 1000).toFixed(1)} s`;
    set(this.status, "data-tone", tones[state]);
    set(this.status, "title", reason && `${reason.message} (${reason.code})`);
    text(this.status.lastElementChild, words);
    set(this.element, "data-state", state);
    if (state === this.last) return;
    if (this.last === "connected") {
      this.missed = this.seq;
      this.note(`connection lost: ${reason?.message ?? state}`, "bad");
    }
    if (this.last) announce(`${this.user}: ${state}`);
    this.last = state;
    if (state === "closed") this.note(`closed for good: ${reason?.message}`, "bad");
  }

  joined({ seq, recovered }) {
    if (this.missed !== undefined && recovered) {
      const missed = seq - this.missed;
      this.note(missed > 0 ? `reconnected: ${missed} missed, replayed` : "reconnected: nothing missed", "good");
    }
    this.missed = undefined;
    void this.room.presence().then((p) => this.count(p.count), () => {});
  }

  count(n) {
    text(this.where, `${n} here`);
  }

  /** A frame has come, before the SDK sees it. */
  heard(frame) {
    if (frame.push === "behind") this.note(`too slow: behind at #${this.seq} of ${frame.head}, catching up`, "warn");
    if (frame.push === "bye") this.note(`the server says bye: ${frame.reason}`, "warn");
  }

  network(offline) {
    this.line.set(offline);
    set(this.off, "aria-pressed", offline);
    text(this.off, offline ? "Online" : "Offline");
    this.note(offline ? "offline: the network is gone" : "online again", offline ? "bad" : "good");
    announce(`${this.user} is ${offline ? "offline" : "online again"}`);
    if (!offline) this.client.check(); // as the browser's own event would
  }

  /** What the server knows of this pane's connection. */
  show(connection) {
    const frozen = !!connection?.frozen;
    const { freeze } = this.buttons;
    set(freeze, "aria-pressed", frozen);
    text(freeze, frozen ? "Thaw" : "Freeze");
    freeze.fault = frozen ? "thaw" : "freeze";
    set(this.element, "data-frozen", frozen);
    for (const button of Object.values(this.buttons)) button.disabled = !connection;
  }

  close() {
    this.client.close();
    this.element.remove();
  }
}

/** One of a few hues, the same for the same user. */
export function hue(user) {
  let n = 7;
  for (const c of user) n = (n * 31 + c.codePointAt(0)) % 997;
  return n % 6;
}

/** Waits until every pane has its answers, those to its publishes included, or for some seconds. */
export async function settled(panes) {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const busy = (p) => p.line.busy || (!p.line.offline && p.drafts.size > 0);
  await pause(5); // timers that are due fire first
  for (const end = Date.now() + 5000; Date.now() < end && panes.some(busy); ) await pause(5);
}
