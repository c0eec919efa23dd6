// The connections, as the gateway and as the table know them.
import { $, h, keyed, set, short, span, text } from "./dom.js";
import { now } from "./clock.js";
import { faults, strike } from "./fault.js";
import { all } from "./stream.js";

/** Who is behind a connection, as people say it. */
export function nameOf(id) {
  if (!id) return "";
  return all("connection").get(id)?.user ?? names.get(id) ?? short(id);
}

/** Users of connections that are gone. */
const names = new Map();

function stateOf(c) {
  if (c.closing) return ["closing", "warn"];
  if (!c.open) return ["gone, still in the table", "bad"];
  if (!c.known) return ["not registered", "warn"];
  if (c.frozen) return [`frozen, ${c.waiting} waiting`, "warn"];
  if (!c.user) return ["not authenticated", "warn"];
  if (c.expiresAt && c.expiresAt < now()) return ["token expired", "warn"];
  if (c.strikes) return [`suspected, ${c.strikes} strike${c.strikes > 1 ? "s" : ""}`, "warn"];
  return ["open", "good"];
}

export function render() {
  const list = [...all("connection").values()].sort((a, b) => a.connectedAt - b.connectedAt || (a.id < b.id ? -1 : 1));
  for (const c of list) if (c.user) names.set(c.id, c.user);
  text($("connections-count"), list.length || "");
  set($("connections"), "data-empty", !list.length);
  keyed($("connections").tBodies[0], list, (c) => c.id, create, update);
}

function create(c) {
  const menu = h("details", { class: "menu" },
    h("summary", { "aria-label": `Faults of connection ${short(c.id)}` }, "Break"),
    h("div", {}, ["cut", "lose-disconnect", "freeze", "wrong-410", "expire-token"].map((name) =>
      h("button", {
        type: "button", title: faults[name].title, "data-fault": name,
        onclick: async (event) => {
          await strike(event.currentTarget.fault ?? name, c.id, nameOf(c.id));
          menu.open = false;
          menu.firstElementChild.focus();
        },
      }, faults[name].label))));
  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    // Over the table's edge, which cuts off what is inside it.
    const at = menu.getBoundingClientRect();
    const list = menu.lastElementChild;
    const room = innerHeight - at.bottom - 8;
    list.style.top = `${room > list.offsetHeight ? at.bottom + 4 : Math.max(at.top - list.offsetHeight - 4, 4)}px`;
    list.style.right = `${document.documentElement.clientWidth - at.right}px`;
    list.firstElementChild.focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
  return h("tr", { "data-id": c.id },
    h("th", { scope: "row" }), h("td", {}, h("code", {}, short(c.id))), h("td", {}, h("span", { class: "pill" }, h("i"), h("span"))),
    h("td", { class: "wide num" }), h("td", { class: "wide num" }), h("td", { class: "act" }, menu));
}

function update(row, c) {
  const [user, , state, traffic, check, act] = row.children;
  text(user, c.user ?? "—");
  const [words, tone] = stateOf(c);
  set(state.firstElementChild, "data-tone", tone);
  text(state.firstElementChild.lastElementChild, words);
  text(traffic, c.open ? `${c.in} / ${c.out}` : "");
  row.check = c.checkAt;
  age(row, check);
  const freeze = act.querySelector('[data-fault="freeze"]');
  freeze.fault = c.frozen ? "thaw" : "freeze";
  text(freeze, faults[freeze.fault].label);
  set(act.firstElementChild, "hidden", !c.open);
}

function age(row, cell) {
  const left = row.check - now();
  text(cell, !row.check ? "" : left > 0 ? "in " + span(left) : "due");
}

/** What changes with time alone. */
export function tick() {
  for (const row of $("connections").tBodies[0].rows) age(row, row.children[4]);
}

const shut = (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
};
document.addEventListener("pointerdown", shut);
document.addEventListener("scroll", shut, { capture: true, passive: true });
