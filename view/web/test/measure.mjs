// What a long trace costs to look at: how soon its page can be used, how long a frame takes while it
// is dragged, what the server takes of memory. In chromium without a screen, drawn by software.
//
//   CHANTRACE=.../chantrace node test/measure.mjs TRACE     bench_view writes a trace to measure
import { spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { chromium } from "playwright-core";

const trace = process.argv[2];
const server = spawn(process.env.CHANTRACE, ["view", trace, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
const started = performance.now();
const address = await new Promise((told) => server.stdout.once("data", (text) => told(String(text).trim())));
const starting = performance.now() - started;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const isWell = [];
const judge = (good, what, measured) => {
  isWell.push(good);
  console.log(`${good ? "PASS" : "FAIL"}  ${what.padEnd(52)}  ${measured}`);
};
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
  const opened = performance.now();
  await page.goto(address);
  // The page's policy lets nobody wait inside it.
  const isUsable = () => page.evaluate("window.chantrace !== undefined && window.chantrace.timeline.frames.length > 0");
  while (!(await isUsable())) await new Promise((done) => setTimeout(done, 5));
  // What the browser takes to start is not the command's, though the command goes on meanwhile.
  const usable = (starting + performance.now() - opened) / 1000;
  judge(usable < 3, "usable in 3 s", `${usable.toFixed(2)} s, besides ${((opened - started - starting) / 1000).toFixed(2)} s in which the browser started`);

  const box = await page.locator("#timeline").boundingBox();
  const frames = async (name, act) => {
    await page.evaluate(() => {
      window.chantrace.timeline.frames.length = 0;
      window.shown = [];
      let before = performance.now();
      const note = (now) => { window.shown.push(now - before); before = now; window.noting = requestAnimationFrame(note); };
      window.noting = requestAnimationFrame(note);
    });
    await act();
    const [drawn, shown] = await page.evaluate(() => { cancelAnimationFrame(window.noting); return [window.chantrace.timeline.frames.slice(), window.shown]; });
    const text = (times) => { times.sort((a, b) => a - b); return `${times[times.length >> 1].toFixed(1)} ms (longest ${times[times.length - 1].toFixed(1)})`; };
    const measured = `${text(shown)} from frame to frame of ${shown.length}, of which drawing takes ${text(drawn)}`;
    judge(shown[shown.length >> 1] < 50, `${name}: 50 ms a frame, median`, measured);
  };
  const drag = async () => {
    for (let stroke = 0; stroke < 10; ++stroke) {
      await page.mouse.move(box.x + box.width - 50, box.y + 100);
      await page.mouse.down();
      for (let i = 1; i <= 20; ++i) await page.mouse.move(box.x + box.width - 50 - i * 40, box.y + 100);
      await page.mouse.up();
    }
  };
  await frames("dragged as it opens", drag);
  await page.keyboard.press("0");
  await frames("all of it, zoomed in and out", async () => {
    for (const key of "wwwwwwwwwwssssswwwwwwwwssss") await page.keyboard.press(key);
  });
  await page.keyboard.press("End");
  for (let i = 0; i < 12; ++i) await page.keyboard.press("w");
  await frames("dragged at the end", drag);

  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;
  const file = statSync(trace).size / 1e6;
  judge(peak * 1.048576 < 1.5 * file + 200, "the server's memory: 1.5 times the file and 200 MB", `${(peak * 1.048576).toFixed(0)} MB at most, file ${file.toFixed(0)} MB`);
} finally {
  await browser.close();
  server.kill();
}
process.exit(isWell.every(Boolean) ? 0 : 1);
