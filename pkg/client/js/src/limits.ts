// Times are in milliseconds. The constants have their own module because esbuild
// inlines the numbers of another module, which saves bytes.

/** From opening the socket to the answer to hello. */
export const connectTimeout = 10_000;
/** For getToken, and a URL that is a function. */
export const tokenTimeout = 30_000;
/** The time after which a connection counts as stable. */
export const held = 10_000;
/** Between two syncs, varied by up to a fifth. */
export const syncEvery = 300_000;
/** The time after a sync in which a doubt starts no other. */
export const syncPause = 5_000;
/** The time that a replaced connection stays open, so that its commands are answered and the rooms joined on the new one. */
export const overlap = 10_000;
/** The least time before a connection is replaced, whatever the server says. */
export const rotateSoonest = 5_000;
/** The time before its end at which a token is renewed. */
export const renewBefore = 60_000;
/** The longest delay that hosts take (2^31-1 ms); a longer one would fire at once. */
export const maxDelay = 2147483647;
/** The longest pause between attempts, without jitter. */
export const maxBackoff = 30_000;
/** The time after which an unanswered command is repeated, as every command may be. */
export const callTimeout = 15_000;
/** The time after a ping without a frame after which the connection is dead. */
export const pingTimeout = 10_000;
/** That time when there is a reason for doubt. */
export const doubtTimeout = 3_000;
/** The longest silence: the platform ends connections after 10 minutes of it. */
export const maxSilence = 240_000;
/** A timer that fires later than this was delayed, and an answer may wait behind it. */
export const maxLate = 2_000;
/** Browsers delay the timers of hidden pages by up to a minute; a longer delay is a sleep, or a clock that was set. */
export const maxHeldBack = 90_000;
/** The server remembers a key for ten minutes. The last repetition may take one minute to arrive and be handled, and clocks differ. */
export const keyWindow = 480_000;
/** The time in which a gap may close by itself: the reply to our own publish may overtake pushes. */
export const gapPatience = 500;
/** The least time between two reads for one gap: its writer may still be at work, or dead. */
export const gapPause = 1000;
/** Messages kept beyond a gap; more are read again from the log. */
export const maxAhead = 1000;
/** For one answer of the storage. */
export const storageTimeout = 5000;
/** The messages that an iteration may lag behind before it ends with an error. */
export const maxLag = 10_000;
/** Rooms that one hello or sync may name. */
export const maxRooms = 32;
/** Bytes of one message's JSON. */
export const maxData = 30 << 10;
