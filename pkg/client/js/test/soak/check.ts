import type { Entry } from "../../src/wire.js";
import type { Member, Numbered } from "./member.js";

/** Everything in which what the members met differs from the log of the room. */
export function check(room: string, log: Entry[], members: Member[]): string[] {
  const wrong: string[] = [];
  const published = new Map(members.map((member) => [member.name, new Map<number, number>()]));
  const forgotten = new Map(members.map((member) => [member.name, member.met.get(room)!.forgotten]));
  /** The last number of each author, and of each of its pages. */
  const last = new Map<string, number>();
  log.forEach((entry, i) => {
    if (entry.seq !== i + 1) wrong.push(`${room}: the log has ${entry.seq} in place ${i + 1}`);
    if (entry.void) return;
    const { from, page, n } = entry.data as Numbered;
    const places = published.get(from)!;
    if (entry.user !== from) wrong.push(`${room}: ${entry.seq} of ${from} is said to be ${entry.user}'s`);
    if (places.has(n)) wrong.push(`${room}: ${n} of ${from} stands at ${places.get(n)} and at ${entry.seq}`);
    // What was under way when its page went may arrive after what the next page publishes.
    const late = forgotten.get(from)!.has(n);
    for (const whose of late ? [`${from}, page ${page}`] : [from, `${from}, page ${page}`]) {
      const before = last.get(whose) ?? -1;
      if (n < before) wrong.push(`${room}: ${n} of ${whose} stands at ${entry.seq}, behind ${before}`);
      last.set(whose, Math.max(n, before));
    }
    places.set(n, entry.seq);
  });
  for (const member of members) {
    const met = member.met.get(room)!;
    const places = published.get(member.name)!;
    const about = `${room}, ${member.name}`;
    for (const [n, { seq }] of met.acknowledged) {
      if (places.get(n) !== seq) wrong.push(`${about}: ${n} was acknowledged as ${seq} and stands at ${places.get(n)}`);
    }
    for (let n = 0; n < met.sent; n++) {
      if (!met.acknowledged.has(n) && !met.forgotten.has(n)) wrong.push(`${about}: publish ${n} has no answer`);
    }
    const due = log.filter((entry) => !entry.void && entry.seq > met.start!);
    due.forEach((entry, i) => {
      const seen = met.seen[i];
      if (seen?.seq !== entry.seq) {
        if (wrong.length < 100) wrong.push(`${about}: met ${seen?.seq} where ${entry.seq} is next`);
      } else if (seen.user !== entry.user || seen.key !== entry.key || JSON.stringify(seen.data) !== JSON.stringify(entry.data)) {
        wrong.push(`${about}: ${entry.seq} is another message than in the log`);
      }
    });
    if (met.seen.length !== due.length) wrong.push(`${about}: met ${met.seen.length} messages of ${due.length}`);
    if (met.looped !== met.seen.length) wrong.push(`${about}: its loops met ${met.looped} messages, its listener ${met.seen.length}`);
  }
  return wrong;
}
