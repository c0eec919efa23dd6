// The little that the page needs to build and update elements.

/** Makes an element: h("button", { class: "x", onclick }, "text", child, …). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false));
  return element;
}

/** Sets an attribute, a listener or the data of an element; undefined and false remove it. */
export function set(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (value === undefined || value === null || (value === false && !name.startsWith("aria-"))) element.removeAttribute(name);
  else {
    const text = value === true && !name.startsWith("aria-") ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Changes an element's text if it differs, so that focus and selection stay. */
export function text(element, value) {
  const next = value === undefined || value === null ? "" : String(value);
  if (element.textContent !== next) element.textContent = next;
}

/**
 * Makes parent's children those of items, in their order, keeping the element of
 * each key. create makes one, update brings it up to date.
 */
export function keyed(parent, items, key, create, update) {
  const known = (parent._keyed ??= new Map());
  const seen = new Set();
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    seen.add(k);
    let element = known.get(k);
    if (!element) known.set(k, (element = create(item)));
    update?.(element, item);
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const [k, element] of known) {
    if (seen.has(k)) continue;
    element.remove();
    known.delete(k);
  }
}

/** Elements by id, as $("now"). */
export const $ = (id) => document.getElementById(id);

const timeFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** 14:02:11 of milliseconds since 1970. */
export const timeOf = (ms) => timeFormat.format(ms);

/** A length of time, as people say it. */
export function span(ms) {
  if (ms < 1) return ms.toFixed(2) + " ms";
  if (ms < 10) return ms.toFixed(1) + " ms";
  if (ms < 1000) return Math.round(ms) + " ms";
  const s = ms / 1000;
  if (s < 60) return (s < 10 ? s.toFixed(1) : Math.round(s)) + " s";
  const m = Math.round(s / 60);
  if (m < 60) return m + " min";
  return Math.floor(m / 60) + " h" + (m % 60 ? ` ${m % 60} min` : "");
}

/** The beginning of a connection's id. */
export const short = (id) => id.slice(0, 6);

const pending = [];

/** Says something to screen readers, after what is about to be said. */
export function announce(sentence) {
  if (pending.push(sentence) > 1) return;
  const status = $("status");
  status.textContent = "";
  setTimeout(() => (status.textContent = pending.splice(0).join(". ")), 50);
}
