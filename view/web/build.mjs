// Makes page.html, the one file that the command has inside: the script, the style, and a policy that
// lets a browser run these and nothing else.
//
//   node build.mjs            writes page.html
//   node build.mjs --check    fails where page.html is not what would be written
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(here, "page", name), "utf8");
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const bundle = await build({
  entryPoints: [join(here, "page", "main.ts")],
  bundle: true,
  minify: true,
  charset: "ascii",
  format: "iife",
  target: "es2022",
  legalComments: "none",
  write: false,
});
const script = bundle.outputFiles[0].text.trim();
const style = read("style.css").trim();
if (/<\/(script|style)/i.test(script + style)) throw new Error("the page would end in its own script");

const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const page = read("index.html")
  .replace("{policy}", () => policy)
  .replace("{style}", () => style)
  .replace("{script}", () => script);

const path = join(here, "page.html");
if (process.argv.includes("--check")) {
  if (readFileSync(path, "utf8") !== page) {
    console.error("view/web/page.html is not what its sources make: run npm run build in view/web");
    process.exit(1);
  }
} else {
  writeFileSync(path, page);
}
