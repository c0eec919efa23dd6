// Measures what a browser loads of this package and of others: one import,
// bundled, minified and gzipped with the same settings. Fails over the limit.
// With --write, puts the table into README.md.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { target } from "./bundle.mjs";

/** 6 KB, for the core. */
const limit = 6 * 1024;

const rows = [
  ["**@gapless-rooms/client**", 'export { connect } from "./dist/index.js"'],
  ["@gapless-rooms/client/react (React not counted)", 'export * from "./dist/react.js"'],
  ["reconnecting-websocket", 'export { default } from "reconnecting-websocket"'],
  ["partysocket", 'export { default } from "partysocket"'],
  ["socket.io-client", 'export { io } from "socket.io-client"'],
  ["centrifuge", 'export { Centrifuge } from "centrifuge"'],
  ["ably (modular, realtime base)", 'export { BaseRealtime, FetchRequest, WebSocketTransport } from "ably/modular"'],
  ["ably", 'export { Realtime } from "ably"'],
];

async function measure(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: "." },
    bundle: true, minify: true, format: "esm", platform: "browser", target,
    external: ["react", "@gapless-rooms/client"], define: { "process.env.NODE_ENV": '"production"' }, write: false, logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

function version(name) {
  const folder = name.split(" ")[0].replaceAll("*", "");
  return folder.startsWith("@gapless-rooms/client") ? "" : ` ${JSON.parse(readFileSync(`node_modules/${folder}/package.json`, "utf8")).version}`;
}

const measured = [];
for (const [name, contents] of rows) measured.push([name, version(name), await measure(contents)]);
const core = measured[0][2];
const table = [
  "| package | min + gzip, bytes |",
  "|---|---:|",
  ...measured.map(([name, version, size]) => `| ${name.replace(/^(\S+)/, `$1${version}`)} | ${size.toLocaleString("en")} |`),
].join("\n");
console.log(table);
if (process.argv.includes("--write")) {
  const readme = readFileSync("README.md", "utf8");
  writeFileSync("README.md", readme.replace(/(<!-- size -->\n)[^]*?(\n<!-- \/size -->)/, `$1${table}$2`));
}
if (core > limit) {
  console.error(`the core takes ${core} bytes, more than ${limit}`);
  process.exit(1);
}
