import type { ClientCore } from "./client.js";
import { Emitter } from "./emitter.js";
import { backoff, inTime } from "./environment.js";
import { GaplessError } from "./error.js";
import { gapPatience, gapPause, maxAhead, storageTimeout } from "./limits.js";
import { closed, type Link, serial, wireError } from "./link.js";
import { Stream } from "./stream.js";
import type {
  HistoryPage, HistoryQuery, JoinOptions, Message, Position, PositionStorage, Presence, Published, PublishOptions, Reason, Room, RoomEvents,
} from "./types.js";
import type { Entry, Frame, Page, RoomResult } from "./wire.js";

/** The error for a page that does not begin at the requested position. */
function lost(from: Position, { epoch, head, oldest }: Page) {
  return new GaplessError("reset", "messages are lost", false, 0, { from, to: { epoch, seq: head }, oldest });
}

/**
 * One room: puts entries from pushes, replays, history and our own publishes into
 * the order of the log, and reads what is missing.
 */
export class RoomCore<T, E> extends Emitter<RoomEvents<T, E>> implements Room<T, E> {
  /** The link on which the server has answered or refused our join. */
  _on: Link | undefined;
  _left?: boolean;
  /** The position is being read from the storage. */
  _loading?: Promise<void> | undefined;

  /** Replaced, never changed. Without an epoch: in the present log, or in one that has no entry yet. */
  _at: Position | undefined;
  /** The server has confirmed the position. */
  private _known?: boolean;
  private _ahead = new Map<number, Entry>();
  private _aheadEpoch = "";
  private _streams = new Set<Stream<Message<T>>>();
  private _error: GaplessError | undefined;
  /** The position is to be written to the storage. */
  private _saving?: boolean;
  /** There is more in the log than we were sent. */
  private _more?: boolean;
  /** Entries of another log came, and we have not asked yet: a join tells which log is current. */
  private _anew?: boolean;
  /** The token grants joining but not reading back. */
  private _noHistory?: boolean;
  private _patience: unknown;
  /** The number of consecutive reads that failed or did not close the gap. */
  private _tries = 0;
  private _running: Promise<void> | undefined;

  constructor(private _client: ClientCore, readonly name: string, private _options: JoinOptions) {
    super();
    const { since } = _options;
    if (since !== undefined) this._at = typeof since === "number" ? { epoch: "", seq: since } : { ...since };
    else this._load();
  }

  get position(): Position | undefined {
    const at = this._handed();
    return at?.epoch ? at : undefined;
  }

  get joined(): boolean {
    return !!this._client._link && this._on === this._client._link && !this._error && !this._left;
  }

  async publish(data: T, options?: PublishOptions): Promise<Published> {
    if (this._left) throw new GaplessError("left", "the room was left");
    return this._client._outbox._add(this.name, data, options);
  }

  send(data: E): boolean {
    const { joined } = this;
    if (joined) this._client._link!._send({ action: "publish", room: this.name, data, ephemeral: true });
    return joined;
  }

  async history(query: HistoryQuery): Promise<HistoryPage<T>> {
    const page: Page = await this._client._ask("history", () => ({ room: this.name, ...query }));
    if (!page.recovered) throw lost({ epoch: query.epoch ?? "", seq: query.since ?? query.before! }, page);
    return {
      ...page,
      first: page.messages[0]?.seq,
      last: page.messages.at(-1)?.seq,
      messages: page.messages.filter((e) => !e.void).map((e) => this._message(page.epoch, e)),
    };
  }

  presence(): Promise<Presence> {
    return this._client._ask("presence", () => ({ room: this.name }));
  }

  leave(): void {
    if (this._left) return;
    this._left = true;
    this._client._leave(this);
    void this._client._outbox._pump(this.name); // it no longer waits for a place in the order
    this._close();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    const stream = new Stream<Message<T>>(this._streams, () => this._save());
    if (this._left) this._close();
    else if (this._client.state === "closed") this._close(this._client.reason);
    return stream;
  }

  /** Ends iterations, with an error unless the application asked for it. */
  _close(reason?: Reason): void {
    this._hurry();
    for (const stream of this._streams) {
      stream._end(reason && reason.code !== "closed" ? closed(reason) : undefined);
    }
  }

  /** The position from which a join goes on. */
  _from(): object {
    const at = this._at;
    this._anew = false;
    return at ? { since: at.seq, epoch: at.epoch || undefined } : { last: this._options.last || undefined };
  }

  /** A publish has to wait for its place in the order to be known. */
  _pending(): boolean {
    return !this._known && !this._error;
  }

  /** Takes the room's result of hello on a link, or of sync without a link; `asked` is our position when it was sent. */
  _result(link: Link | undefined, result: RoomResult | undefined, asked: Position | undefined): void {
    if (this._left) return;
    const error = result?.error;
    if (error && link && !error.temporary && error.code !== "token_expired") this._refused(link, wireError(error));
    else if (error?.code === "conflict") this._on = undefined; // sync: the server does not know us as a member
    else if (result && !error) this._page(result, asked, link);
    this._check();
  }

  _push(link: Link, frame: Frame): void {
    const { push, room, ...event } = frame;
    if (push === "messages") this._take(frame.epoch!, frame.messages!);
    else if (push === "behind") link._behind.add(this.name);
    // While one connection replaces another, both deliver events without a number.
    else if ((push === "ephemeral" || push === "presence") && link === (this._client._link ?? link)) this._emit(push, event as any);
    this._check();
  }

  /** Our own message has its number; nothing else brings it on this connection. */
  _own(ok: Published, user: string, key: string, data: unknown): void {
    const entry = { seq: ok.seq, user, at: this._client._env.now(), key, data, _own: true };
    this._take(ok.epoch, ok.duplicate ? [] : [entry]); // an earlier attempt's message is read from the log
    this._check();
  }

  /** Joins, catches up, or waits for a gap to close, whichever is due. */
  _check(): void {
    const { _env: env, _link: link } = this._client;
    const on = this._on === link;
    if (this._running || this._left || !link || this._loading || (on && this._error)) return;
    if (on && !this._anew && !this._more && !link._behind.has(this.name)) {
      if (!this._lacks()) return;
      const wait = this._tries ? gapPause + backoff(env, this._tries - 1) : this._patient() ? gapPatience : 0;
      if (wait) {
        this._patience ??= env.setTimeout(() => {
          this._hurry();
          this._more = this._lacks();
          this._check();
        }, wait);
        return;
      }
    }
    this._hurry();
    this._running = this._ask(link).finally(() => {
      this._running = undefined;
      this._check();
    });
  }

  /** The log holds more than was delivered: entries above a gap, or own messages that will not be pushed here. */
  private _lacks(): boolean {
    const link = this._client._link;
    return !!link && (this._ahead.size > 0 || link._acknowledged(this.name, this._at!.epoch) > this._at!.seq);
  }

  private _hurry(): void {
    this._client._env.clearTimeout(this._patience);
    this._patience = undefined;
  }

  private async _ask(link: Link): Promise<void> {
    const join = this._on !== link || this._anew;
    if (join) this._on = void link._behind.delete(this.name);
    this._more = false; // what is found missing from now on needs another read
    const asked = this._at;
    try {
      const page: Page = await serial(link._chains, this.name, async () => {
        if (this._left) throw new GaplessError("left", "the room was left");
        return link._call(join || this._noHistory ? "join" : "history", { room: this.name, ...this._from() });
      });
      if (this._left) return;
      this._page(page, asked, join && link);
      if (!join && link._behind.has(this.name) && !page.more) this._on = undefined;
    } catch (e) {
      const error = e as GaplessError;
      if (this._left || link !== this._client._link) return; // on another link everything is sent again
      this._more = !join;
      if (error.code === "forbidden" && !join && !this._noHistory) {
        this._noHistory = true; // a join with our position gives the same answer
        return;
      }
      if (!(await this._client._repeats(link, error, this._tries++))) this._refused(link, error);
    }
  }

  private _refused(link: Link, error: GaplessError): void {
    this._on = link;
    this._error = error;
    this._more = false;
    this._emit("error", error);
    void this._client._outbox._pump(this.name);
  }

  private _patient(): boolean {
    return this._client._outbox._waiting(this.name) || !!this._ahead.get(Math.min(...this._ahead.keys()))?._own;
  }

  /** Takes the answer to a read from a position, or to a join on a link. */
  private _page(page: Page, asked: Position | undefined, join?: Link | false): void {
    if (join) {
      this._on = join;
      this._error = undefined;
    }
    const at = this._at;
    const recovered = page.recovered && (!at?.epoch || page.epoch === at.epoch);
    if (at && !recovered && asked !== at) {
      // We have moved on after asking: the answer is about another position.
      this._more = true;
      return;
    }
    this._more ||= page.more;
    const first = page.messages[0];
    if (!at && page.more && !first) {
      this._on = undefined; // nothing fitted beside other rooms: ask for this room alone
      return;
    }
    // Entries pushed before the position was known may be below it.
    if (page.epoch === this._aheadEpoch) for (const seq of this._ahead.keys()) if (seq <= (first?.seq ?? page.head)) this._ahead.delete(seq);
    if (!at || !recovered) this._at = { epoch: page.epoch, seq: first ? first.seq - 1 : page.head };
    else this._begun(page.epoch);
    this._known = true;
    if (at && !recovered) {
      this._anew = false;
      const error = lost(at, page);
      this._emit("reset", error.reset!);
      // A loop cannot see events: without a listener it ends with an error.
      if (!this._listeners.get("reset")?.size) for (const stream of this._streams) stream._end(error);
    }
    if (join) this._emit("joined", { epoch: page.epoch, seq: page.head, recovered });
    this._take(page.epoch, page.messages);
    // A number above the page may belong to a writer that is still at work or dead.
    this._tries = this._lacks() && asked?.seq === this._at!.seq ? this._tries + 1 : 0;
    this._save();
    void this._client._outbox._pump(this.name);
  }

  /** Sorts entries in, and delivers the next ones. */
  private _take(epoch: string, entries: Entry[]): void {
    let at = this._at;
    // The log started over: the join will say so, and entries above its head are kept until then.
    const other = at?.epoch && epoch !== at.epoch;
    if (other || (epoch !== this._aheadEpoch && this._ahead.size)) this._anew = true;
    if (epoch !== this._aheadEpoch) this._ahead.clear();
    this._aheadEpoch = epoch;
    if (at && this._known && !other) at = this._begun(epoch);
    for (const entry of entries) {
      const seq = this._at?.seq;
      if (!other && entry.seq <= seq!) continue;
      if (this._ahead.size < maxAhead || entry.seq === seq! + 1) this._ahead.set(entry.seq, entry);
      else this._more = true;
      this._drain();
    }
    this._drain();
    if (this._at !== at) {
      this._save();
      this._hurry();
      this._tries = 0;
    }
  }

  /** Notes that the log has entries; it is ours if we knew none. */
  private _begun(epoch: string): Position {
    return this._at!.epoch ? this._at! : (this._at = { epoch, seq: this._at!.seq });
  }

  private _drain(): void {
    const epoch = this._aheadEpoch;
    let entry: Entry | undefined;
    while (this._known && this._at!.epoch === epoch && !this._left && this._client.state !== "closed" && (entry = this._ahead.get(this._at!.seq + 1))) {
      const { seq } = entry;
      this._ahead.delete(seq);
      this._at = { epoch, seq };
      if (entry.void) continue;
      const message = this._message(epoch, entry);
      for (const stream of this._streams) stream._push(message);
      this._emit("message", message);
    }
  }

  private _message(epoch: string, { _own, ...entry }: Entry): Message<T> {
    return { room: this.name, epoch, ...(entry as any) };
  }

  /** The position up to which the application was given everything: a loop may lag behind. */
  private _handed(): Position | undefined {
    const [first] = [...this._streams].map(({ _items }) => _items).sort((a, b) => b.length - a.length)[0] ?? [];
    return first ? { epoch: first.epoch, seq: first.seq - 1 } : this._at;
  }

  private _save(): void {
    if (this._saving) return;
    this._saving = true;
    this._stored((storage, key) => {
      this._saving = false;
      return storage.setItem(key, JSON.stringify(this._handed()));
    });
  }

  private _load(): void {
    this._loading = this._stored((storage, key) => storage.getItem(key))?.then((value) => {
      try {
        const { epoch, seq } = JSON.parse(value as string);
        if (typeof epoch === "string" && Number.isSafeInteger(seq) && seq >= 0) this._at = { epoch, seq };
      } catch {
        // nothing, or not ours: begin without
      }
      this._loading = undefined;
      this._check();
    });
  }

  /** Calls the storage, if any, one call after the other. If it fails or is silent, an `error` event says so, and the room goes on. */
  private _stored(run: (storage: PositionStorage, key: string) => unknown): Promise<unknown> | undefined {
    const { _options: { storage }, _env: env, _url: url, _stores } = this._client;
    return storage && serial(_stores, this.name, () => inTime(env, storageTimeout, () => run(storage, `gapless:${typeof url === "string" ? url : ""}:${this.name}`)).catch((e) => this._emit("error", e)));
  }
}
