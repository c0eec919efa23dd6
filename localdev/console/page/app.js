// Puts the page together. ?users=ada,bob and ?room=lobby choose the clients.
import * as activity from "./activity.js";
import * as connections from "./connections.js";
import * as functions from "./functions.js";
import * as room from "./room.js";
import * as trace from "./trace.js";
import { ahead, jumping, move, now } from "./clock.js";
import { $, announce, set, span, text, timeOf } from "./dom.js";
import { strike } from "./fault.js";
import { Pane, settled } from "./pane.js";
import { all, onChange, one, open, post } from "./stream.js";

const query = new URLSearchParams(location.search);
const roomName = query.get("room") || "lobby";
const users = (query.get("users") ?? "ada,bob").split(",").filter(Boolean);
const others = ["ada", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

const panes = [];

function add(url, user) {
  const pane = new Pane({ url, user, room: roomName, onremove: remove });
  panes.push(pane);
  $("panes").append(pane.element);
  return pane;
}

function remove(pane) {
  pane.close();
  panes.splice(panes.indexOf(pane), 1);
  $("add").focus();
  renderRooms();
}

const renderRooms = () => room.render(panes);

onChange((changed) => {
  const any = (...topics) => topics.some((t) => changed.has(t));
  if (any("clock")) move(one("clock").offsetMs);
  if (any("connection")) {
    connections.render();
    for (const pane of panes) pane.show(all("connection").get(pane.connectionId));
  }
  if (any("room", "connection")) renderRooms();
  if (any("trace", "connection")) trace.render();
  if (any("function", "invocation")) functions.render();
  if (any("activity", "connection")) activity.render();
  if (any("armed")) {
    set($("kill"), "aria-pressed", one("armed").kill);
    text($("kill"), one("armed").kill ? "Broadcaster will die" : "Kill broadcaster");
  }
});

room.onPick(trace.choose);
$("follow").addEventListener("change", trace.render);
$("kill").addEventListener("click", () => strike("kill-broadcaster"));
$("sweep").addEventListener("click", () => strike("sweep"));

/** The longest step of time: clients are idle after ten minutes. */
const step = 290;

async function forward(seconds, pressed) {
  const buttons = document.querySelectorAll("[data-forward]");
  const bar = $("forwarding");
  for (const b of buttons) b.disabled = true;
  bar.hidden = seconds <= step;
  try {
    for (let gone = 0; gone < seconds; gone += step) {
      bar.value = gone / seconds;
      await settled(panes);
      await jumping(async () => {
        const clock = await post("advance", { seconds: Math.min(step, seconds - gone) });
        move(clock.offsetMs);
      });
      await settled(panes);
    }
    announce(`${span(seconds * 1000)} later`);
  } catch (error) {
    announce(error.message);
  }
  bar.hidden = true;
  for (const b of buttons) b.disabled = false;
  if (document.activeElement === document.body) pressed?.focus(); // which it lost when it was disabled
}

for (const button of document.querySelectorAll("[data-forward]")) {
  button.addEventListener("click", () => forward(Number(button.dataset.forward), button));
}

function tick() {
  text($("now"), timeOf(now()));
  text($("ahead"), ahead() >= 1000 ? "+" + span(ahead()) : "");
  connections.tick();
  room.tick();
  if (!document.hidden) renderRooms();
}

open();
const { url } = await (await fetch("/api/config")).json();
text($("url"), url);
for (const user of users) add(url, user);
$("add").addEventListener("click", () => {
  const free = others.find((name) => !panes.some((p) => p.user === name)) ?? "guest" + panes.length;
  add(url, free).input.focus();
});
tick();
setInterval(tick, 500);

// For the browser tests, and for whoever has the developer tools open.
Object.assign(window, { panes, forward });
