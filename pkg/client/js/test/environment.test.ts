// The host's own signals, on a page that is made up.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { environment } from "../src/environment.js";

const host = globalThis as any;
const page = { window: new EventTarget(), document: Object.assign(new EventTarget(), { visibilityState: "visible" }), connection: new EventTarget() };
const before: [string, PropertyDescriptor | undefined][] = [];

function put(name: string, value: unknown): void {
  before.push([name, Object.getOwnPropertyDescriptor(host, name)]);
  Object.defineProperty(host, name, { value, configurable: true, writable: true });
}

beforeEach(() => {
  put("addEventListener", page.window.addEventListener.bind(page.window));
  put("removeEventListener", page.window.removeEventListener.bind(page.window));
  put("document", page.document);
  put("navigator", { connection: page.connection });
});
afterEach(() => {
  for (const [name, descriptor] of before.splice(0)) {
    if (descriptor) Object.defineProperty(host, name, descriptor);
    else delete host[name];
  }
  page.document.visibilityState = "visible";
});

const signals: [EventTarget, string][] = [
  [page.window, "online"], [page.window, "pageshow"], [page.document, "visibilitychange"], [page.connection, "change"],
];

test("coming online, pageshow, becoming visible and a change of network wake the client, until it stops", () => {
  let woken = 0;
  const stop = environment().onWake(() => woken++);
  for (const [i, [target, type]] of signals.entries()) {
    target.dispatchEvent(new Event(type));
    assert.equal(woken, i + 1, type);
  }
  stop();
  for (const [target, type] of signals) target.dispatchEvent(new Event(type));
  assert.equal(woken, signals.length);
});

test("a page that is being hidden wakes nobody", () => {
  let woken = 0;
  const env = environment();
  const stop = env.onWake(() => woken++);
  page.document.visibilityState = "hidden";
  assert.equal(env.hidden(), true);
  page.document.dispatchEvent(new Event("visibilitychange"));
  page.connection.dispatchEvent(new Event("change"));
  assert.equal(woken, 0);
  stop();
});

test("where there is no page, nothing is asked of it", () => {
  for (const name of ["addEventListener", "removeEventListener", "document", "navigator"]) put(name, undefined);
  const env = environment();
  assert.equal(env.hidden(), false);
  env.onWake(() => {})();
});

test("a delay beyond what hosts take does not fire at once", () => {
  const delays: (number | undefined)[] = [];
  put("setTimeout", (_: () => void, ms?: number) => delays.push(ms));
  environment().setTimeout(() => {}, 30 * 24 * 3600 * 1000);
  assert.deepEqual(delays, [2 ** 31 - 1]);
});
