// What can be done to a connection.
import { announce, h } from "./dom.js";
import { post } from "./stream.js";

export const faults = {
  cut: { label: "Cut", title: "Drop the connection without a close frame" },
  "lose-disconnect": { label: "Lose $disconnect", title: "Drop it, and never run $disconnect: the sweeper has to find out" },
  freeze: { label: "Freeze", title: "The client stops reading: its buffer fills" },
  thaw: { label: "Thaw", title: "The client reads again" },
  "wrong-410": { label: "Wrong 410", title: "The next post is answered 410 Gone although the connection lives" },
  "expire-token": { label: "Expire token", title: "Its token has run out: the sweeper says bye and closes" },
};

/** Breaks something; connection names whose, if it is about one. */
export async function strike(fault, connection, user) {
  try {
    await post("fault/" + fault, { connection });
    announce(`${faults[fault]?.label ?? fault}: done${user ? " to " + user : ""}`);
  } catch (error) {
    announce(`${faults[fault]?.label ?? fault}: ${error.message}`);
  }
}

/** A button that strikes whatever connection there is then. */
export function faultButton(name, connection, user) {
  const button = h("button", {
    type: "button", title: faults[name].title, "data-fault": name, disabled: true,
    onclick: () => strike(button.fault, connection(), user),
  }, faults[name].label);
  button.fault = name;
  return button;
}
