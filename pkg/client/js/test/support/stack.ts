import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

/** A local stack in a process of its own. */
export interface Process {
  /** Resolves with what the pattern's group matches in the output, from its beginning; rejects if the process ends before. */
  printed(pattern: RegExp): Promise<string>;
  /** Runs another command of the same binary and returns its output. */
  run(...args: string[]): string;
  stop(): Promise<void>;
}

export interface Stack {
  url: string;
  token(user: string, ...flags: string[]): string;
  /** What opens one connection as `url?ticket=…`. */
  ticket(user: string): string;
  stop(): Promise<void>;
}

/** Runs a subcommand that serves; scripts/test.mjs has built the command line. */
export function start(...args: string[]): Process {
  const binary = process.env.GAPLESS_BINARY!;
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let output = "";
  const waiting = new Set<() => void>();
  child.stdout.on("data", (text) => {
    output += text;
    for (const look of [...waiting]) look();
  });
  return {
    printed: (pattern) =>
      new Promise((found, failed) => {
        const look = () => {
          const match = pattern.exec(output);
          if (!match) return;
          waiting.delete(look);
          found(match[1]!);
        };
        waiting.add(look);
        look();
        void ended.then(([code]) => failed(new Error(`the local stack ended with ${code}: ${output}`)));
      }),
    run: (...command) => execFileSync(binary, command, { encoding: "utf8" }).trim(),
    async stop() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

/** Runs `dev` on free ports. */
export async function startStack(): Promise<Stack> {
  const dev = start("dev", "--listen", "localhost:0", "--aws-listen", "localhost:0", "--console", "");
  const aws = await dev.printed(/AWS +(http:\/\/\S+)/);
  return {
    url: await dev.printed(/(ws:\/\/\S+)/),
    token: (user, ...flags) => dev.run("token", user, ...flags),
    ticket: (user) => dev.run("ticket", user, "--aws", aws),
    stop: () => dev.stop(),
  };
}
