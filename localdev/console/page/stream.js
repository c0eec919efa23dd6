// What the server tells: the latest value of each place, as topic and key.
import { set, text, $ } from "./dom.js";

const topics = new Map();
const listeners = [];

/** The values of a topic by key. */
export function all(topic) {
  let values = topics.get(topic);
  if (!values) topics.set(topic, (values = new Map()));
  return values;
}

/** The one value of a topic without keys. */
export const one = (topic) => all(topic).get("");

/** Calls run after each batch of changes with the set of topics that have changed. */
export function onChange(run) {
  listeners.push(run);
}

export function open() {
  const source = new EventSource("/api/events");
  source.onopen = () => {
    // The server says anew all that there is; what it does not say is gone.
    topics.clear();
    live("live", "good");
  };
  source.onerror = () => live("the stack is gone", "bad");
  source.onmessage = (event) => {
    const changed = new Set();
    for (const { topic, key = "", value } of JSON.parse(event.data)) {
      if (value === null) all(topic).delete(key);
      else all(topic).set(key, value);
      changed.add(topic);
    }
    for (const run of listeners) run(changed);
  };
}

function live(words, tone) {
  set($("live"), "data-tone", tone);
  text($("live").lastElementChild, words);
}

/** Asks the server to do something; rejects with its sentence. */
export async function post(path, body = {}) {
  const response = await fetch("/api/" + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const result = await response.json();
  if (!response.ok) throw new Error(result.message);
  return result;
}
