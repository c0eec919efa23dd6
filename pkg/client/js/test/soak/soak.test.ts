// Members with the SDK, on a local stack in which everything goes wrong that
// may: what they are handed is compared with the log, message by message.
//   GAPLESS_SOAK_FOR (10s)    how long faults strike
//   GAPLESS_SOAK_SEED (1)     where they and what the members do come from
//   GAPLESS_SOAK_KEEP         keeps each member's frames in any case
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { Entry } from "../../src/wire.js";
import { start } from "../support/stack.js";
import { check } from "./check.js";
import { readOn } from "./log.js";
import { Member, sleep } from "./member.js";
import { Random } from "./random.js";

const duration = process.env.GAPLESS_SOAK_FOR ?? "10s";
const seed = Number(process.env.GAPLESS_SOAK_SEED ?? 1);
const rooms = ["hall", "den"];
const count = 6;
/** What healing may take after the last fault. */
const patience = 240_000;

test(`${duration} of faults, seed ${seed}: nothing is lost, doubled or out of order`, async (t) => {
  const chaos = start("chaos", "--seed", `${seed}`, "--for", duration);
  const [url, tokens] = await Promise.all([chaos.printed(/WebSocket (\S+)/), chaos.printed(/Tokens (\S+)/)]);
  let calm = Infinity;
  void chaos.printed(/(Calm)\n/).then(() => (calm = Date.now()), () => {});
  const members = Array.from({ length: count }, (_, i) =>
    new Member(`user${i}`, url, tokens, rooms, new Random(seed * 1000 + i), i === 0));
  try {
    await Promise.all(members.map((member) => member.ready()));
    await Promise.all(members.map((member) => member.live(() => calm < Infinity)));
    const faults = JSON.parse(await chaos.printed(/Faults (.*)\n/)) as Record<string, number>;
    await Promise.race([Promise.all(members.map((member) => member.acknowledged())), sleep(patience)]);
    const token = await (await fetch(`${tokens}reader&valid=24h`)).text();
    let wrong: string[];
    const logs = new Map(rooms.map((room) => [room, [] as Entry[]]));
    do {
      await sleep(500);
      try {
        for (const [room, log] of logs) await readOn(url, token, room, log);
      } catch (error) {
        wrong = [String(error)];
        continue;
      }
      wrong = rooms.flatMap((room) => check(room, logs.get(room)!, members));
    } while (wrong.length && Date.now() < calm + patience);
    wrong.push(...members.flatMap((member) => member.violations.map((violation) => `${member.name}: ${violation}`)));
    const sum = (of: (member: Member) => number) => members.reduce((total, member) => total + of(member), 0);
    const all = (of: (met: Member["met"] extends Map<string, infer M> ? M : never) => number) =>
      sum((member) => [...member.met.values()].reduce((total, met) => total + of(met), 0));
    const entries = [...logs.values()].flat();
    t.diagnostic(`seed ${seed}: ${duration}, ${count} clients in ${rooms.length} rooms, healed ${((Date.now() - calm) / 1000).toFixed(1)} s after the last fault`);
    t.diagnostic(`published ${all((met) => met.sent)}: acknowledged ${all((met) => met.acknowledged.size)}, forgotten with their page ${all((met) => met.forgotten.size)}`);
    t.diagnostic(`log: ${entries.length} entries, ${entries.filter((entry) => entry.void).length} of them void; handed on and compared: ${all((met) => met.seen.length)}`);
    t.diagnostic(`sockets ${sum((member) => member.host.sockets)}, rotations ${sum((member) => member.host.rotations)}, page loads ${sum((member) => member.reloads)}, violations ${wrong.length}`);
    t.diagnostic(`faults ${Object.values(faults).reduce((a, b) => a + b, 0)}: ${JSON.stringify(faults, null, 1)}`);
    const errors: Record<string, number> = {};
    for (const member of members) for (const [code, n] of member.errors) errors[code] = (errors[code] ?? 0) + n;
    t.diagnostic(`clients saw: ${JSON.stringify(errors, null, 1)}`);
    if (wrong.length || process.env.GAPLESS_SOAK_KEEP) {
      for (const member of members) writeFileSync(`build/soak-${member.name}.txt`, member.host.frames.join("\n"));
    }
    if (wrong.length) {
      assert.fail(`${wrong.slice(0, 50).join("\n")}\n(the last frames of each client are in build/soak-*.txt)`);
    }
  } finally {
    for (const member of members) member.close();
    await chaos.stop();
  }
});
