// Times are in milliseconds. The constants have a module of their own because esbuild
// puts the numbers of another module in the place of their names, which saves bytes.

/** Until hello is answered, from the opening of the socket. */
export const connectTimeout = 10_000;
/** For getToken, and a URL that is a function. */
export const tokenTimeout = 30_000;
/** After so long a connection counts as one that held. */
export const held = 10_000;
/** Between two looks at what may have been missed. */
export const syncEvery = 300_000;
/** Two doubts within this time are one. */
export const syncPause = 5_000;
/** How long a replaced connection stays, to answer what it was asked and until the rooms are joined on the other. */
export const overlap = 10_000;
/** No server makes us replace a connection sooner. */
export const rotateSoonest = 5_000;
/** A token is renewed this long before its end. */
export const renewBefore = 60_000;
/** The longest delay that hosts take (2^31-1 ms); a longer one would fire at once. */
export const maxDelay = 2147483647;
/** The longest pause between attempts, without jitter. */
export const maxBackoff = 30_000;
/** Without an answer in this time, a command is asked again: all of them may be. */
export const callTimeout = 15_000;
/** Without a frame in this time after a ping, the line is dead. */
export const pingTimeout = 10_000;
/** The same when there is reason for doubt. */
export const doubtTimeout = 3_000;
/** The longest silence: the platform ends connections after 10 minutes of it. */
export const maxSilence = 240_000;
/** A timer that fires later than this was held back, and an answer may wait behind it. */
export const maxLate = 2_000;
/** Browsers hold back the timers of hidden pages for a minute; more is a sleep, or a clock that was set. */
export const maxHeldBack = 90_000;
/** The server knows a key for ten minutes. The last repetition may take one to arrive and be handled, and clocks differ. */
export const keyWindow = 480_000;
/** How long a gap may close by itself, as our own message and others' pushes come by different ways. */
export const gapPatience = 500;
/** The least time between two questions for one gap: its writer is still at work, or died. */
export const gapPause = 1000;
/** Messages kept beyond a gap; more are read again from the log. */
export const maxAhead = 1000;
/** For one answer of the storage. */
export const storageTimeout = 5000;
/** Messages that one iteration may lag behind before it is told so. */
export const maxLag = 10_000;
/** Rooms that one hello or sync may name. */
export const maxRooms = 32;
/** Bytes of one message's JSON. */
export const maxData = 30 << 10;
