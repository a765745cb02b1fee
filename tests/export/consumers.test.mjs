// What is exported, in the programs that it is for: Mermaid and speedscope, in Debian's chromium.
//
//   CHANTRACE=.../chantrace TRACES=FOLDER ARTEFACTS=FOLDER node --test consumers.test.mjs
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { CHANTRACE, TRACES, ARTEFACTS } = process.env;
const modules = join(import.meta.dirname, "node_modules");
let browser;

before(async () => {
  mkdirSync(ARTEFACTS, { recursive: true });
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--allow-file-access-from-files"],
  });
});
after(() => browser?.close());

const exported = (name, format, ...options) =>
  execFileSync(CHANTRACE, ["export", join(TRACES, `${name}.chantrace`), "--format", format, ...options], { encoding: "utf8", maxBuffer: 1 << 30 });

/** A page with Mermaid as it is set up by default, with its limits. */
async function openMermaid(problems) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("dialog", (dialog) => { problems.push("a dialog"); dialog.dismiss(); });
  page.on("request", (request) => problems.push(request.url()));
  await page.setContent("<main></main>");
  await page.addScriptTag({ path: join(modules, "@mermaid-js/tiny/dist/mermaid.tiny.js") });
  return page;
}

/** What a person reads in the diagram: tasks, messages, notes. */
const render = (page, diagram) => page.evaluate(async (text) => {
  mermaid.initialize({ startOnLoad: false });
  await mermaid.parse(text);
  const { svg } = await mermaid.render("diagram", text);
  document.querySelector("main").innerHTML = svg;
  const all = (selector) => [...document.querySelectorAll(`main ${selector}`)].map((one) => one.textContent);
  return { titles: all("svg > text"), tasks: all("text.actor-box"), messages: all("text.messageText"), notes: all("text.noteText"),
           foreign: all("script, img, a").length, pwned: window.pwned };
}, diagram);

/** A leading space is one that is not broken at. */
const trimmed = (text) => text.replaceAll("\u00a0", " ").trim();

test("Mermaid draws each trace", async () => {
  const problems = [];
  const page = await openMermaid(problems);
  for (const name of ["pool", "deadlock", "names", "hostile", "large"]) {
    const seen = await render(page, exported(name, "mermaid"));
    await page.screenshot({ path: join(ARTEFACTS, `${name}.png`), fullPage: true });
    assert.deepEqual(problems, [], name);
    assert.ok(seen.tasks.length > 0, name);
    assert.equal(seen.foreign, 0, name);
    assert.equal(seen.pwned, undefined, name);
  }
  await page.close();
});

test("a diagram says what was sent and what is blocked for ever", async () => {
  const page = await openMermaid([]);
  const pool = await render(page, exported("pool", "mermaid"));
  assert.ok(pool.titles.includes("Pool.Drains (pool.cpp)"), pool.titles.join("\n"));
  assert.deepEqual([...new Set(pool.tasks)].sort(), ["main", "worker"]);
  assert.ok(pool.messages.includes("4-7 send(jobs, 11) :40"), pool.messages.join("\n"));
  const deadlock = await render(page, exported("deadlock", "mermaid"));
  assert.ok(deadlock.messages.includes("waits for nu"));
  assert.ok(deadlock.notes.includes("blocked for ever: lock(nu)"), deadlock.notes.join("\n"));
  await page.close();
});

test("names stand in a diagram as they are, whatever they are made of", async () => {
  const page = await openMermaid([]);
  const seen = (await render(page, exported("names", "mermaid", "--task", "*"))).tasks.map(trimmed);
  const names = new Set(exported("names", "jsonl").trim().split("\n").map((line) => JSON.parse(line).task));
  // Control characters and bytes that are no text stand as "\n" and "\xff".
  const plain = [...names].filter((name) => !/[\u0000-\u001f\ufffd]/.test(name));
  assert.ok(plain.length > 25);
  for (const name of plain) assert.ok(seen.includes(trimmed(name)), `${name}\n${seen.join("\n")}`);
  await page.close();
});

test("speedscope shows a track for each task that waited", async () => {
  const problems = [];
  for (const [name, toolbar] of [["pool", "Pool.Drains (pid 1), main (tid 1)"], ["deadlock", "main (tid 1) (1/3)"], ["names", "(1/32)"]]) {
    const chrome = resolve(ARTEFACTS, `${name}.json`);
    writeFileSync(chrome, exported(name, "chrome"));
    // The way that speedscope's own command opens a file.
    const loader = resolve(ARTEFACTS, `${name}.js`);
    writeFileSync(loader, `speedscope.loadFileFromBase64(${JSON.stringify(`${name}.json`)}, ${JSON.stringify(execFileSync("base64", ["-w0", chrome], { encoding: "utf8" }))})`);
    const page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("dialog", (dialog) => { problems.push(dialog.message()); dialog.dismiss(); });
    await page.goto(`file://${join(modules, "speedscope/dist/release/index.html")}#localProfilePath=${loader}`);
    await page.waitForFunction((file) => document.title.includes(file), `${name}.json`, { timeout: 60_000 });
    await page.screenshot({ path: join(ARTEFACTS, `${name}.speedscope.png`) });
    assert.ok((await page.evaluate(() => document.body.innerText)).includes(toolbar), name);
    await page.close();
  }
  assert.deepEqual(problems, []);
});
