// The functions: how often and how long they ran, and what each run called.
import { $, h, keyed, set, span, text } from "./dom.js";
import { nameOf } from "./connections.js";
import { all } from "./stream.js";

/** Invocations in the list, and bars of one function. */
const listed = 30;
const bars = 24;

const order = ["connect", "message", "broadcast", "disconnect", "sweep"];

export function render() {
  const runs = [...all("invocation").values()].sort((a, b) => a.at - b.at);
  const functions = [...all("function").values()].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  keyed($("functions").tBodies[0], functions, (f) => f.name,
    (f) => h("tr", {}, h("th", { scope: "row" }, f.name), ...Array.from({ length: 4 }, () => h("td", { class: "num" })), h("td", { class: "spark" }, h("div", { "aria-hidden": "true" }))),
    (tr, f) => {
      const own = runs.filter((r) => r.function === f.name && r.outcome !== "running");
      const [, count, failed, cold, median, spark] = tr.children;
      text(count, f.invocations);
      text(failed, f.errors);
      set(failed, "data-tone", f.errors ? "bad" : "");
      text(cold, f.coldStarts);
      text(median, own.length ? span(middle(own.map((r) => r.ms))) : "");
      draw(spark.firstElementChild, own.slice(-bars));
    });
  keyed($("invocations"), runs.slice(-listed).reverse(), (r) => r.id, create, update);
}

function middle(list) {
  return list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
}

function draw(box, runs) {
  const most = Math.max(...runs.map((r) => r.ms), 1);
  keyed(box, runs, (r) => r.id, () => h("i"), (bar, r) => {
    bar.style.height = `${Math.max((Math.log1p(r.ms) / Math.log1p(most)) * 100, 6)}%`;
    set(bar, "data-tone", r.outcome === "failed" ? "bad" : "");
  });
}

function create() {
  return h("details", { class: "run" },
    h("summary", {}, h("span", { class: "pill" }, h("i"), h("span")), h("b"), h("span", { class: "trigger" }), h("span", { class: "took" }), h("span", { class: "calls" })),
    h("ol", { class: "calls" }));
}

function update(element, r) {
  const [pill, name, trigger, took, calls] = element.firstElementChild.children;
  set(pill, "data-tone", { ok: "good", failed: "bad", running: "busy" }[r.outcome]);
  text(pill.lastElementChild, r.outcome);
  text(name, r.function);
  const words = [r.trigger, r.room && "in " + r.room, r.connection && "for " + nameOf(r.connection), r.attempt > 1 && `attempt ${r.attempt}`, r.cold && "cold"];
  text(trigger, words.filter(Boolean).join(" "));
  text(took, r.outcome === "running" ? "" : span(r.ms));
  text(calls, `${r.calls.length + (r.more ?? 0)} calls`);
  const version = `${r.calls.length} ${r.outcome} ${r.more}`;
  if (element.version === version) return;
  element.version = version;
  element.lastElementChild.replaceChildren(
    ...r.calls.map((c) => h("li", { "data-error": c.error ? "" : undefined },
      h("span", { class: "lane", "data-lane": c.service }, c.service), h("span", { class: "label" }, c.label + (c.connection ? " to " + nameOf(c.connection) : ""), c.error && h("em", {}, " " + c.error)),
      h("span", { class: "took" }, span(c.ms)))),
    ...(r.more ? [h("li", { class: "more" }, `and ${r.more} more`)] : []),
    ...(r.error ? [h("li", { class: "error" }, r.error)] : []));
}
