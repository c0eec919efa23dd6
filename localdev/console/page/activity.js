// What happens, line by line, the newest first.
import { $, h, keyed, text, timeOf } from "./dom.js";
import { nameOf } from "./connections.js";
import { one } from "./stream.js";

export function render() {
  const list = [...(one("activity") ?? [])].reverse();
  keyed($("activity"), list, (a) => a.number,
    (a) => h("li", { "data-tone": a.tone }, h("time", {}, timeOf(a.at)), h("span", { class: "kind" }, a.kind), h("span", {}, h("b"), a.text)),
    (li, a) => text(li.querySelector("b"), a.connection ? nameOf(a.connection) + " " : ""));
}
