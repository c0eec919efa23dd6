// One room: its head, lease and members, and its log as it grows.
import { $, h, keyed, set, short, span, text, timeOf } from "./dom.js";
import { now } from "./clock.js";
import { hue } from "./pane.js";
import { all } from "./stream.js";

let chosen = "lobby";
let onpick = () => {};
let picked;

/** Calls run with room, epoch and number when an entry of the log is chosen. */
export function onPick(run) {
  onpick = run;
}

/** Marks the entry whose way is shown. */
export function mark(trace) {
  picked = trace && `${trace.room}/${trace.epoch}/${trace.seq}`;
  for (const row of $("tail").children) set(row, "aria-pressed", row.id === "entry-" + picked);
}

export function render(panes) {
  const rooms = [...all("room").values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!rooms.some((r) => r.name === chosen) && rooms.length) chosen = rooms[0].name;
  keyed($("rooms"), rooms, (r) => r.name,
    (r) => h("button", { type: "button", onclick: () => { chosen = r.name; render(panes); } }, r.name),
    (button, r) => set(button, "aria-pressed", r.name === chosen));
  const room = all("room").get(chosen);
  set($("room-stats"), "data-empty", !room);
  if (!room) return;
  stats(room);
  strip(room, panes.filter((p) => p.room.name === room.name));
  log(room);
  keyed($("members"), room.members, (m) => m.connection,
    (m) => h("li", {}, h("span", { class: "dot", "data-hue": hue(m.user) }), h("span", {}, m.user), h("code", {}, short(m.connection)), h("em")),
    (li, m) => text(li.lastElementChild, m.behind ? "behind" : ""));
}

function stat(name) {
  const list = $("room-stats");
  let value = list.querySelector(`[data-stat="${name}"]`);
  if (!value) {
    value = h("dd", { "data-stat": name });
    list.append(h("div", {}, h("dt", {}, name), value));
  }
  return value;
}

function stats(room) {
  text(stat("head"), room.head);
  const waiting = room.head - room.delivered;
  const delivered = stat("delivered");
  text(delivered, waiting > 0 ? `${room.delivered} (${waiting} to go)` : room.delivered);
  set(delivered, "data-tone", waiting > 0 ? "warn" : "");
  lease(room);
  text(stat("members"), room.count);
  text(stat("epoch"), room.epoch.slice(0, 8));
}

function lease(room) {
  const value = stat("lease");
  const left = room.until - now();
  text(value, !room.owner ? "free" : left > 0 ? `held, ${span(Math.ceil(left / 1000) * 1000)}` : "run out");
  set(value, "data-tone", !room.owner ? "" : left > 0 ? "busy" : "warn");
}

/** The last numbers as cells, and below them how far each pane is. */
function strip(room, panes) {
  const cells = 40;
  const first = Math.max(1, room.head - cells + 1);
  const void_ = new Set(room.tail.filter((e) => e.void).map((e) => e.seq));
  const known = new Set(room.tail.map((e) => e.seq));
  const oldest = room.tail[0]?.seq ?? 0; // of those that were sent
  const list = Array.from({ length: cells }, (_, i) => first + i);
  const kind = (seq) => {
    if (seq > room.head) return "free";
    if (void_.has(seq)) return "void";
    if (!known.has(seq) && seq > oldest) return "hole";
    return seq > room.delivered ? "waiting" : "kept";
  };
  let row = $("strip").firstElementChild;
  if (!row) $("strip").append((row = h("div", { class: "cells" })));
  keyed(row, list, (seq) => seq, () => h("i"), (cell, seq) => set(cell, "data-kind", kind(seq)));
  let marks = $("strip").children[1];
  if (!marks) $("strip").append((marks = h("div", { class: "marks" })));
  keyed(marks, panes, (p) => p.user,
    (p) => h("div", { class: "mark", "data-hue": hue(p.user) }, h("span", {}, p.user), h("b", {}, h("i"))),
    (element, p) => {
      const at = Math.min(Math.max(p.seq - first + 1, 0), cells);
      element.querySelector("i").style.width = `${(at / cells) * 100}%`;
    });
}

function log(room) {
  const tail = $("tail");
  const end = tail.scrollHeight - tail.scrollTop - tail.clientHeight < 30;
  keyed(tail, room.tail, (e) => `${room.name}/${room.epoch}/${e.seq}`, (e) => {
    const id = `${room.name}/${room.epoch}/${e.seq}`;
    return h("button", { type: "button", id: "entry-" + id, "aria-pressed": id === picked, onclick: () => onpick(room.name, room.epoch, e.seq) },
      h("span", { class: "seq" }, e.seq), h("span", { class: "who", "data-hue": e.void ? undefined : hue(e.user) }, e.void ? "void" : e.user),
      h("span", { class: "text" }, e.void ? "its writer died" : e.text), h("time", {}, e.at ? timeOf(e.at) : ""));
  }, (row, e) => set(row, "data-kind", e.void ? "void" : e.seq > room.delivered ? "waiting" : "kept"));
  if (end) tail.scrollTop = tail.scrollHeight;
}

/** What changes with time alone. */
export function tick() {
  const room = all("room").get(chosen);
  if (room?.owner) lease(room);
}

