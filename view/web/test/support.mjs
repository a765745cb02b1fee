// What tests of the page share: Debian's chromium, and what a person does and sees there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const { CHANTRACE, TRACES, ARTEFACTS, WEB_DEMO } = process.env;
let browser;
export const problems = [];

before(async () => {
  mkdirSync(ARTEFACTS, { recursive: true });
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

/** Asked from here: the page's policy lets nobody wait inside it. */
export async function until(holds) {
  while (!(await holds())) await new Promise((done) => setTimeout(done, 20));
}

export const kData = /(<script id="data"[^>]*>)(.*?)(?=<\/script>)/s;

/** `change`: of what the command puts into the page. */
export async function open(name, { hash = "", width = 1280, height = 760, colorScheme = "light", change } = {}) {
  const file = resolve(ARTEFACTS, `${name}.html`);
  execFileSync(CHANTRACE, ["view", join(TRACES, `${name}.chantrace`), "--html", file], { stdio: "pipe" });
  if (change) {
    const page = readFileSync(file, "utf8");
    const doc = JSON.parse(kData.exec(page)[2]);
    change(doc);
    writeFileSync(file, page.replace(kData, (_, tag) => tag + JSON.stringify(doc)));
  }
  return openAt(`file://${file}`, { hash, width, height, colorScheme });
}

/** `more`: what the page may ask for beside itself. */
export async function openAt(address, { hash = "", width = 1280, height = 760, colorScheme = "light", more = [] } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => { if (message.type() === "error" && !(more.length > 0 && /^Failed to load resource/.test(message.text()))) problems.push(message.text()); });
  page.on("dialog", (dialog) => { problems.push("a dialog"); dialog.dismiss(); });
  const own = [address, ...more];
  page.on("request", (request) => { if (!own.some((one) => request.url().split("#")[0] === one || (one.endsWith("/*") && request.url().startsWith(one.slice(0, -1))))) problems.push(request.url()); });
  await page.goto(address + hash);
  await until(() => page.evaluate(() => window.chantrace !== undefined));
  return page;
}

/** Behind the next frame; nothing went wrong so far. */
export async function seen(page, artefact) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: join(ARTEFACTS, `${artefact}.png`) });
  assert.deepEqual(problems, []);
}

export const selected = (page) => page.evaluate(() => window.chantrace.timeline.selected);
export const windowOf = (page) => page.evaluate(() => ({ ...window.chantrace.timeline.window }));
export const text = (page, selector) => page.textContent(selector);
/** The address follows what is seen a little later. */
export const hashWith = async (page, part) => {
  await until(async () => (await page.evaluate(() => location.hash)).includes(part));
  return page.evaluate(() => location.hash);
};
export const place = (page, step) => page.evaluate((one) => {
  const { timeline, index } = window.chantrace;
  const box = timeline.canvas.getBoundingClientRect();
  return { x: box.x + timeline.xOf(one), y: box.y + timeline.yOf(index.task(one)) };
}, step);
