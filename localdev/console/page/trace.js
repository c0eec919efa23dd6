// The way of one message, as a waterfall.
import { $, h, set, span, text } from "./dom.js";
import { nameOf } from "./connections.js";
import { mark } from "./room.js";
import { all } from "./stream.js";

const lanes = {
  gateway: "Gateway", message: "Message", dynamodb: "DynamoDB", sns: "SNS", broadcast: "Broadcast", client: "Client", sqs: "SQS", secretsmanager: "Secrets",
};

let chosen;

export function choose(room, epoch, seq) {
  chosen = `${room}/${epoch}/${seq}`;
  $("follow").checked = false;
  render();
}

export function render() {
  const traces = [...all("trace").values()].sort((a, b) => a.at - b.at || a.seq - b.seq);
  if ($("follow").checked) chosen = traces.at(-1)?.id;
  const trace = all("trace").get(chosen);
  mark(trace);
  $("trace-empty").hidden = !!trace;
  $("trace").hidden = !trace;
  text($("trace-empty"), chosen && !trace && !$("follow").checked
    ? "The way of this message is not remembered any more."
    : "Publish something to see its way: gateway, function, log, wake-up, broadcast, frames.");
  if (!trace) return text($("trace-name"), "");
  const steps = [...trace.steps].sort((a, b) => a.atMs - b.atMs);
  const scale = scaleOf(steps);
  const end = Math.max(...steps.map((s) => s.atMs + (s.lane === "client" ? 0 : s.ms)));
  text($("trace-name"), `#${trace.seq} in ${trace.room} by ${nameOf(trace.publisher)}, ${span(end)} in all`);
  const rows = steps.map((s) => row(s, scale));
  if (trace.more) rows.push(h("li", { class: "more" }, `and ${trace.more} more steps`));
  // Nothing in it takes focus, so it can be made anew.
  $("trace").replaceChildren(...rows);
}

function row(s, scale) {
  const from = scale(s.atMs);
  const bar = h("i", { "data-lane": s.lane });
  bar.style.left = `${from * 100}%`;
  bar.style.width = `${Math.max((scale(s.atMs + s.ms) - from) * 100, 0)}%`;
  const who = nameOf(s.connection);
  return h("li", { "data-error": s.error ? "" : undefined },
    h("span", { class: "lane", "data-lane": s.lane }, lanes[s.lane] ?? s.lane),
    h("span", { class: "label" }, s.label, who && h("b", {}, " " + (s.label.startsWith("publish") ? "from " : "to ") + who), s.error && h("em", {}, " " + s.error)),
    h("span", { class: "bar" }, bar),
    h("span", { class: "at", title: "since the frame came in" }, "+" + span(s.atMs)),
    h("span", { class: "took" }, s.ms ? span(s.ms) : ""));
}

/**
 * A scale from milliseconds to 0…1 on which waits, as for a retry or for more to
 * gather, take little room: what happens is in between.
 */
function scaleOf(steps) {
  const points = [...new Set(steps.flatMap((s) => [s.atMs, s.atMs + s.ms]))].sort((a, b) => a - b);
  // The functions' own bars span their waits too.
  const calls = steps.filter((s) => s.lane !== "message" && s.lane !== "broadcast");
  const spans = points.slice(1).map((to, i) => {
    const from = points[i];
    return { from, ms: to - from, busy: calls.some((s) => s.atMs <= from && s.atMs + s.ms >= to) };
  });
  const work = spans.filter((s) => s.busy).reduce((sum, s) => sum + s.ms, 0);
  const most = Math.max(work * 0.2, 0.2);
  const width = (s) => (s.busy ? s.ms : Math.min(s.ms, most));
  const total = spans.reduce((sum, s) => sum + width(s), 0) || 1;
  return (ms) => spans.reduce((sum, s) => sum + (s.from < ms ? width(s) : 0), 0) / total;
}
