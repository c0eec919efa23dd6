import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const files: Record<string, string> = { "/index.js": "dist/index.js", "/smoke.mjs": "test/runtimes/smoke.mjs" };

/**
 * Opens the page "/" in headless Chromium, with the other pages beside it, and
 * resolves with what it posts to /report.
 */
export async function inBrowser(program: string, pages: Record<string, string>): Promise<string> {
  let found!: (report: string) => void;
  const report = new Promise<string>((done) => (found = done));
  const server = createServer((request, response) => {
    const path = request.url!;
    if (path === "/report") {
      let text = "";
      request.on("data", (part) => (text += part)).on("end", () => found(text));
      return response.end();
    }
    const body = files[path] ? readFileSync(files[path]!) : pages[path];
    response.statusCode = body ? 200 : 404;
    response.setHeader("Content-Type", path === "/" ? "text/html" : "text/javascript");
    response.end(body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const profile = mkdtempSync(join(tmpdir(), "gapless-chromium-"));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const chromium = spawn(program, ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, url], { stdio: "ignore" });
  const ended = new Promise<string>((done) => chromium.on("exit", (code) => done(`the browser ended with ${code}`)));
  try {
    return await Promise.race([report, ended]);
  } finally {
    chromium.kill();
    await ended;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
