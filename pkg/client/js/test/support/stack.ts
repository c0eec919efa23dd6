import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The repository: tests run in the package's folder. */
const root = resolve("../../..");

export interface Stack {
  url: string;
  token(user: string, ...flags: string[]): string;
  stop(): Promise<void>;
}

/** Builds the local stack and runs it on a free port. */
export async function startStack(): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), "gapless-"));
  const binary = join(folder, "gapless");
  execFileSync("go", ["build", "-o", binary, "./localdev"], { cwd: root, stdio: "inherit" });
  const child = spawn(binary, ["dev", "--listen", "localhost:0", "--aws-listen", ""], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let printed = "";
  const url = await new Promise<string>((found, failed) => {
    child.once("exit", (code) => failed(new Error(`the local stack ended with ${code}: ${printed}`)));
    child.stdout.on("data", (text) => {
      printed += text;
      const match = /ws:\/\/\S+/.exec(printed);
      if (match) found(match[0]);
    });
  });
  return {
    url,
    token: (user, ...flags) => execFileSync(binary, ["token", user, ...flags], { encoding: "utf8" }).trim(),
    async stop() {
      child.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
