// The checker is checked: it must find each kind of harm that is done to a good run.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../../src/wire.js";
import { check } from "./check.js";
import type { Member, Met, Numbered } from "./member.js";

interface Run {
  log: Entry[];
  members: { name: string; met: Map<string, Met> }[];
}

/** Two members, three messages of each in turn, a void in the middle; the second joined after the first message. */
function goodRun(): Run {
  const entry = (seq: number, from: string, n: number): Entry => ({ seq, user: from, at: seq, key: `${from}${n}`, data: { from, page: 0, n } });
  const log = [entry(1, "a", 0), entry(2, "b", 0), entry(3, "a", 1), { seq: 4, void: true }, entry(5, "b", 1), entry(6, "b", 2), entry(7, "a", 2)];
  const members = ["a", "b"].map((name, start) => {
    const seen = log.filter((e) => !e.void && e.seq > start).map((e) => structuredClone(e)) as any[];
    const acknowledged = new Map(log.filter((e) => e.user === name).map((e) => [(e.data as Numbered).n, { epoch: "e", seq: e.seq, duplicate: false }]));
    return { name, met: new Map([["room", { start, seen, looped: seen.length, sent: 3, acknowledged, forgotten: new Set<number>() }]]) };
  });
  return { log, members };
}

const found = ({ log, members }: Run) => check("room", log, members as unknown as Member[]);
const met = (run: Run, i: number) => run.members[i]!.met.get("room")!;

test("a good run is in order", () => {
  assert.deepEqual(found(goodRun()), []);
});

test("what was published and forgotten with its page may be missing", () => {
  const run = goodRun();
  met(run, 0).sent++;
  met(run, 0).forgotten.add(3);
  assert.deepEqual(found(run), []);
});

test("what was under way when its page went may come after the next page's, but not after its own page's", () => {
  const run = goodRun();
  const late = run.log[4]!.data as Numbered;
  (run.log[5]!.data as Numbered).page = 1;
  [late.n, (run.log[5]!.data as Numbered).n] = [2, 1];
  for (const { met } of run.members) for (const m of met.get("room")!.seen) m.data = { ...(run.log[m.seq - 1]!.data as Numbered) };
  met(run, 1).forgotten.add(2);
  met(run, 1).acknowledged.set(1, { epoch: "e", seq: 6, duplicate: false }).delete(2);
  assert.deepEqual(found(run), []);
  (run.log[5]!.data as Numbered).page = 0;
  assert.match(found(run).join("\n"), /1 of b, page 0 stands at 6, behind 2/);
});

const harm: Record<string, [(run: Run) => void, RegExp]> = {
  "a message that one did not get": [(run) => void met(run, 1).seen.splice(2, 1), /b: met 6 where 5 is next/],
  "the last message that one did not get": [(run) => void met(run, 1).seen.pop(), /b: met undefined where 7 is next/],
  "a message that one got twice": [(run) => void met(run, 0).seen.splice(1, 0, met(run, 0).seen[0]!), /a: met 1 where 2 is next/],
  "a message twice at the end": [(run) => void met(run, 0).seen.push(met(run, 0).seen.at(-1)!), /met 7 messages of 6/],
  "two that changed places": [(run) => void met(run, 0).seen.reverse(), /a: met 7 where 1 is next/],
  "another content": [(run) => void ((met(run, 0).seen[2]!.data as Numbered).n = 9), /3 is another message/],
  "another author": [(run) => void ((met(run, 0).seen[2] as any).user = "b"), /3 is another message/],
  "a message that is in the log twice": [(run) => void ((run.log[5]!.data as Numbered).n = 1), /1 of b stands at 5 and at 6/],
  "one author's messages in the wrong order": [
    (run) => void ([run.log[4]!.data, run.log[5]!.data] = [run.log[5]!.data, run.log[4]!.data]), /1 of b stands at 6, behind 2/],
  "a hole in the log": [(run) => void run.log.splice(3, 1), /the log has 5 in place 4/],
  "an acknowledged message that is not in the log": [(run) => void (run.log[6] = { seq: 7, void: true }), /2 was acknowledged as 7 and stands at undefined/],
  "an acknowledgement with another number": [(run) => void (met(run, 0).acknowledged.get(1) as any).seq++, /1 was acknowledged as 4 and stands at 3/],
  "a publish without an answer": [(run) => void met(run, 1).sent++, /publish 3 has no answer/],
  "a loop that missed one": [(run) => void met(run, 1).looped--, /its loops met 4 messages, its listener 5/],
};

for (const [what, [doIt, finding]] of Object.entries(harm)) {
  test(`the checker finds ${what}`, () => {
    const run = goodRun();
    doIt(run);
    assert.match(found(run).join("\n"), finding);
  });
}
