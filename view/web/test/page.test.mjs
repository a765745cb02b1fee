// The page as a person uses it.
//
//   CHANTRACE=.../chantrace TRACES=FOLDER ARTEFACTS=FOLDER WEB_DEMO=.../web_demo node --test test/page.test.mjs
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { ARTEFACTS, CHANTRACE, hashWith, open, openAt, place, seen, selected, text, TRACES, until, WEB_DEMO, windowOf } from "./support.mjs";

test("a trace is there with its name, its verdict and its lanes", async () => {
  const page = await open("deadlock");
  assert.equal(await text(page, "#title"), "Transfer.InOppositeOrders");
  assert.equal(await text(page, "#verdict"), "failed");
  assert.match(await text(page, "#findings"), /deadlock/);
  assert.deepEqual(await page.evaluate(() => window.chantrace.index.doc.tasks.map((task) => task.name)), ["main", "left", "right"]);
  await seen(page, "load");
  await page.close();
});

test("a finding leads to its step, and shows who waits for whom", async () => {
  const page = await open("deadlock");
  await page.click("#findings button >> text=show me");
  const step = await selected(page);
  assert.match(await text(page, "#detail"), /lock\(/);
  assert.match(await text(page, "#detail"), /for ever/);
  assert.match(await text(page, "#state"), /held by right.*left/s);
  assert.match(await text(page, "#state"), /held by left.*right/s);
  assert.ok(step > 0);
  assert.equal(await page.evaluate(() => window.chantrace.timeline.cycle.steps.length), 2);
  await seen(page, "deadlock");
  await page.close();
});

test("keys lead step by step to the deadlock and back", async () => {
  const page = await open("deadlock");
  const count = await page.evaluate(() => window.chantrace.index.count);
  for (let i = 0; i < count + 2; ++i) await page.keyboard.press("ArrowRight");
  assert.equal(await selected(page), count);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await selected(page), count - 2);
  assert.match(await text(page, "#detail"), /left.*lock\(nu\)/s);
  await page.keyboard.press("Shift+ArrowLeft");
  assert.match(await text(page, "#detail"), /left.*lock\(mu\)/s);
  await page.keyboard.press("c");
  assert.match(await text(page, "#detail"), /right.*lock\(mu\)/s);
  await page.keyboard.press("Home");
  await page.keyboard.press("p");
  assert.match(await text(page, "#detail"), /preempts/);
  await page.keyboard.press("Escape");
  assert.equal(await selected(page), 0);
  await seen(page, "steps");
  await page.close();
});

test("the state goes with the step", async () => {
  const page = await open("pool");
  const states = [];
  const count = await page.evaluate(() => window.chantrace.index.count);
  for (let i = 0; i < count; ++i) {
    await page.keyboard.press("ArrowRight");
    const row = await page.textContent("#state tr:nth-child(2)");
    if (row !== states.at(-1)) states.push(row);
  }
  assert.deepEqual(states.map((state) => state.replace("channel jobs", "")), [
    "0 of 2: []", "1 of 2: [11]", "2 of 2: [11, 22]", "2 of 2: [11, 22]main", "1 of 2: [22]main", "2 of 2: [22, 33]",
    "1 of 2: [33]", "0 of 2: []", "0 of 2: [], closed",
  ]);
  await seen(page, "state");
  await page.close();
});

test("a link leads from a value to where it came from", async () => {
  const page = await open("pool");
  await page.fill("#search", "op:recv 33");
  await page.press("#search", "Enter");
  assert.match(await text(page, "#detail"), /recv\(jobs\) = 33/);
  await page.click("#detail a");
  assert.match(await text(page, "#detail"), /send\(jobs, 33\)/);
  assert.match(await text(page, "#detail"), /goes on/);
  await page.click("#detail a >> nth=0");
  await seen(page, "link");
  await page.close();
});

test("the wheel zooms, dragging pans, 0 shows all", async () => {
  const page = await open("large");
  const whole = await windowOf(page);
  const box = await page.locator("#timeline").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 100);
  for (let i = 0; i < 8; ++i) await page.mouse.wheel(0, -300);
  const near = await windowOf(page);
  assert.ok(near.to - near.from < (whole.to - whole.from) / 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 - 200, box.y + 100, { steps: 4 });
  await page.mouse.up();
  const panned = await windowOf(page);
  assert.ok(panned.from > near.from);
  assert.ok(Math.abs(panned.to - panned.from - (near.to - near.from)) < 1e-3);
  await seen(page, "zoom");
  await page.keyboard.press("w");
  assert.ok((await windowOf(page)).to - (await windowOf(page)).from < panned.to - panned.from);
  await page.keyboard.press("0");
  assert.deepEqual(await windowOf(page), whole);
  await seen(page, "large");
  await page.close();
});

// Along the page: time.

/** Nothing happens for a while before step 7, which goes on from a wait that began with step 6. */
const withGap = (doc) => { doc.steps.time = doc.steps.time.map((_, i) => (i === 0 ? 0 : i === 6 ? 1_000_000 : 1_000)); };

test("distances are times when asked for, and an address keeps that", async () => {
  const page = await open("pool", { change: withGap });
  const x = (step) => page.evaluate((one) => window.chantrace.timeline.xOf(one), step);
  const even = await x(2) - await x(1);
  assert.ok(Math.abs(await x(7) - await x(6) - even) < 1e-6);
  await page.keyboard.press("x");
  assert.equal(await page.getAttribute("#by-time", "aria-pressed"), "true");
  const gap = await x(7) - await x(6);
  assert.ok(Math.abs(gap / (await x(7) - await x(5)) - 1000 / 1001) < 1e-6);
  assert.ok(gap > 500);
  await seen(page, "time");
  const at = await place(page, 7);
  await page.mouse.click(at.x, at.y);
  assert.equal(await selected(page), 7);
  await page.mouse.wheel(0, -300);
  await until(async () => await x(7) - await x(6) > gap * 1.5);
  const near = await place(page, 7);
  assert.ok(Math.abs(near.x - at.x) < 1, "what is under the pointer stays there");
  await page.mouse.down();
  await page.mouse.move(at.x + 50, at.y, { steps: 4 });
  await page.mouse.up();
  assert.equal(Math.round((await place(page, 7)).x - near.x), 50);
  const hash = await hashWith(page, `v=${(await windowOf(page)).from.toFixed(7)}`);
  assert.match(hash, /x=time/);
  const other = await openAt(`file://${resolve(ARTEFACTS, "pool.html")}`, { hash });
  assert.ok(Math.abs((await place(other, 7)).x - (await place(page, 7)).x) < 1);
  await other.keyboard.press("0");
  await other.keyboard.press("End");
  await other.keyboard.press("Home");
  assert.equal(await selected(other), 1);
  await other.click("#by-steps");
  await until(async () => await other.evaluate(() => location.hash) === "#s=1");
  await page.close();
  await other.close();
});

test("of many steps in a pixel, it is time that is shared out", async () => {
  const page = await open("pool", { change: withGap });
  const share = () => page.evaluate(() => {
    const { scale, index } = window.chantrace.timeline;
    const at = (step) => ({ step, position: scale.at(step) });
    return scale.parkedShare(index.doc.tasks.findIndex((task) => task.name === "main"), at(5), at(8));
  });
  const steps = await share();
  await page.keyboard.press("x");
  assert.notEqual(await share(), steps);
  const expected = await page.evaluate(() => {
    const { spans, tasks } = window.chantrace.index.doc;
    const main = tasks.findIndex((task) => task.name === "main");
    let parked = 0;
    const time = (step) => (step >= 7 ? 1_000_000 + (step - 7) * 1_000 : (step - 6) * 1_000);
    spans.task.forEach((task, i) => {
      if (task === main && spans.kind[i] !== 0) parked += Math.max(0, time(Math.min(spans.end[i], 8)) - time(Math.max(spans.begin[i], 5)));
    });
    return parked / (time(8) - time(5));
  });
  assert.ok(expected > 0.1);
  assert.ok(Math.abs(await share() - expected) < 1e-9);
  await page.close();
});

test("half a million steps, many of them at one time, have their places and can be found again", async () => {
  const page = await open("large", { hash: "#x=time", change: (doc) => {
    let random = 1;
    doc.steps.time = doc.steps.time.map((_, i) => {
      random = (random * 48271) % 2147483647;
      return i === 0 || random % 3 === 0 ? 0 : random % 1000 === 1 ? 5_000_000 : random % 900;
    });
  } });
  const wrong = () => page.evaluate(() => {
    const { timeline, index } = window.chantrace;
    let count = 0;
    for (let step = 1; step <= index.count; step += 97) {
      const back = timeline.stepOf(timeline.xOf(step));
      if (Math.abs(timeline.xOf(back) - timeline.xOf(step)) > 1e-3) ++count;
      if (step > 97 && timeline.xOf(step) < timeline.xOf(step - 97)) ++count;
    }
    return count;
  });
  assert.equal(await wrong(), 0);
  await page.keyboard.press("End");
  for (let i = 0; i < 60; ++i) await page.keyboard.press("w");
  const { x, y } = await place(page, await selected(page));
  await page.mouse.click(x, y);
  assert.equal(await selected(page), await page.evaluate(() => window.chantrace.index.count));
  await page.keyboard.press("0");
  const box = await page.locator("#overview").boundingBox();
  await page.keyboard.press("w");
  await page.mouse.click(box.x + box.width / 2, box.y + 10);
  assert.equal(await wrong(), 0);
  await seen(page, "large_time");
  await page.close();
});

test("where time says no more than steps it cannot be asked for", async () => {
  for (const name of ["deadlock", "empty", "large"]) {
    const page = await open(name, { hash: "#x=time" });
    await page.keyboard.press("x");
    assert.ok(await page.locator("#axis").isHidden());
    assert.equal(await page.evaluate(() => window.chantrace.timeline.byTime), false);
    await page.close();
  }
});

test("a search counts, marks and hides", async () => {
  const page = await open("large");
  await page.fill("#search", "task:worker-7 op:yield");
  const expected = await page.evaluate(() => {
    const { index } = window.chantrace;
    let count = 0;
    for (let step = 1; step <= index.count; ++step)
      if (index.doc.tasks[index.task(step)].name === "worker-7" && index.word(step) === "yield") ++count;
    return count;
  });
  assert.equal(await text(page, "#matches"), `${expected.toLocaleString("en")} steps`);
  await page.press("#search", "Escape");
  await page.keyboard.press("h");
  await page.keyboard.press("n");
  assert.match(await text(page, "#detail"), /worker-7.*yield/s);
  const first = await selected(page);
  await page.keyboard.press("n");
  assert.ok((await selected(page)) > first);
  await page.keyboard.press("Shift+N");
  assert.equal(await selected(page), first);
  await page.keyboard.press("Shift+N");
  assert.ok((await selected(page)) > first);  // Around the end.
  await seen(page, "search");
  await page.close();
});

test("a phrase is found as it stands, and what is no key is told", async () => {
  const page = await open("pool");
  const matches = async (query) => { await page.fill("#search", query); return text(page, "#matches"); };
  assert.equal(await matches("33 recv"), "1 steps");
  assert.equal(await matches("\"33 recv\""), "0 steps");
  assert.equal(await matches("\"recv(jobs) = 33\""), "1 steps");
  assert.equal(await matches("task:\"worker\" \"= 33"), "1 steps");
  assert.equal(await matches("\""), "");
  assert.equal(await matches("on: on:\"\" op:send"), await matches("op:send"));
  assert.equal(await matches("tsk:worker"), "no such key: tsk");
  assert.equal(await matches("\"tsk:worker\""), "0 steps");
  assert.equal(await matches("std::thread"), "0 steps");
  await page.close();
  const hostile = await open("names");
  await hostile.fill("#search", "wrap:x");
  assert.match(await text(hostile, "#matches"), /[1-9]\d* steps/, "a text may have a colon");
  await hostile.close();
});

test("a deadlock has room, and says since when", async () => {
  const page = await open("deadlock");
  await page.click("#findings button >> text=show me");
  const { width, x } = await page.evaluate(() => ({ width: window.chantrace.timeline.width, x: window.chantrace.timeline.xOf(9) }));
  assert.ok(width - x > 150, `${width - x} pixels`);
  assert.match(await text(page, "#detail"), /waitsfor ever, since step 7/);
  assert.match(await text(page, "#detail"), /held byright, since step 6/);
  await page.click("#detail a >> text=since step 6");
  assert.equal(await selected(page), 6);
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  assert.match(await text(page, "#detail"), /waitsfor ever, since step 8.*held byleft, since step 5/);
  await seen(page, "since");
  await page.close();
});

test("the state has variables, as the last operation left them", async () => {
  const page = await open("pool", { change: (doc) => {
    doc.objects.push({ name: "done", kind: "atomic", type: "int", capacity: 0, place: "" });
    const at = doc.steps.task.map((_, i) => i).slice(-2);
    for (const i of at) { doc.steps.object[i] = doc.objects.length - 1; doc.steps.value[i] = doc.words.push(`value ${i}`) - 1; }
  } });
  const count = await page.evaluate(() => window.chantrace.index.count);
  assert.match(await text(page, "#state"), new RegExp(`atomic donevalue ${count - 1}`));
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  assert.match(await text(page, "#state"), new RegExp(`atomic donevalue ${count - 2}`));
  await page.keyboard.press("ArrowLeft");
  assert.doesNotMatch(await text(page, "#state"), /atomic done/);
  await page.close();
});

test("what serves timers is faint", async () => {
  const rename = (doc, place) => {
    const task = doc.tasks.findIndex(({ name }) => name === "worker");
    Object.assign(doc.tasks[task], { name: "timers", parent: -1, place });
  };
  const line = async (place) => {
    const page = await open("pool", { change: (doc) => rename(doc, place) });
    await seen(page, "timers");
    const color = await page.evaluate(() => {
      const { timeline, index } = window.chantrace;
      const task = index.doc.tasks.findIndex(({ name }) => name === "timers");
      const x = (timeline.xOf(index.doc.tasks[task].first) + timeline.xOf(index.doc.tasks[task].first + 1)) / 2;
      return [...timeline.canvas.getContext("2d").getImageData(x * devicePixelRatio, timeline.yOf(task) * devicePixelRatio, 1, 1).data].join();
    });
    await page.close();
    return color;
  };
  assert.notEqual(await line(""), await line("pool.cpp:88"));
});

test("an address that was passed on shows the same", async () => {
  const page = await open("large");
  await page.fill("#search", "task:worker-7");
  await page.press("#search", "Enter");
  await page.press("#search", "Escape");
  for (const key of ["w", "w", "w", "n"]) await page.keyboard.press(key);
  const hash = await hashWith(page, `s=${await selected(page)}&`);
  const other = await openAt(`file://${resolve(ARTEFACTS, "large.html")}`, { hash });
  assert.equal(await selected(other), await selected(page));
  assert.equal(await text(other, "#matches"), await text(page, "#matches"));
  const [left, right] = [await windowOf(page), await windowOf(other)];
  assert.ok(Math.abs(left.from - right.from) < 0.1 && Math.abs(left.to - right.to) < 0.1);
  await seen(other, "shared");
  await page.close();
  await other.close();
});

test("an address that makes no sense harms nothing", async () => {
  const page = await open("pool", { hash: "#s=1e9&v=x~y&l=-4&q=%3Cb%3E&h=2" });
  assert.equal(await selected(page), 0);
  assert.equal(await text(page, "#matches"), "0 steps");
  await seen(page, "nonsense");
  await page.close();
});

test("a click selects the step that it hits", async () => {
  const page = await open("deadlock");
  const at = await place(page, 6);
  await page.mouse.click(at.x + 2, at.y);
  assert.equal(await selected(page), 6);
  await page.mouse.move(at.x, at.y);
  assert.match(await text(page, "#tip"), /^6 /);
  await seen(page, "click");
  await page.close();
});

test("a hostile trace is shown as the text that it is", async () => {
  const page = await open("hostile");
  assert.match(await text(page, "#title"), /<b>Suite<\/b>/);
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  assert.match(await text(page, "#detail"), /<script>window.pwned=1/);
  assert.ok((await text(page, "#detail")).length < 20_000);
  await page.keyboard.press("PageDown");
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll("img, main script, header script").length), 0);
  assert.equal(await page.evaluate(() => window.chantrace.index.doc.tasks.length), 10_001);
  await seen(page, "hostile");
  await page.close();
});

test("a narrow window has it all, in the dark as well", async () => {
  const page = await open("deadlock", { width: 700, height: 900, colorScheme: "dark" });
  await page.click("#findings button >> text=show me");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await seen(page, "narrow");
  await page.click("#help-button");
  assert.match(await text(page, "#help"), /next preemption/);
  await seen(page, "help");
  await page.close();
});

test("a trace is served, and a list where there are several", async () => {
  const server = spawn(CHANTRACE, ["view", TRACES, "--port", "0"]);
  const address = await new Promise((done) => server.stdout.once("data", (text) => done(String(text).trim())));
  const list = await (await fetch(address)).text();
  const number = /href="\/(\d+)">[^<]*deadlock/.exec(list)[1];
  assert.match(list, /deadlock[^\n]*>failed<.*>\d+ events</);
  assert.match(list, /pool\.[^\n]*>passed</);
  const page = await openAt(`${address}${number}`);
  await page.click("#findings button >> text=show me");
  assert.match(await text(page, "#detail"), /for ever/);
  await seen(page, "served");
  await page.close();
  server.kill("SIGINT");
  assert.equal(await new Promise((done) => server.once("exit", done)), 0);
});

// A program that runs.

/** Starts one that serves at `port`; 0: at any. */
async function startDemo(port = 0) {
  const demo = spawn(WEB_DEMO, { env: { ...process.env, CHANTRACE: `web=127.0.0.1:${port}` }, stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  demo.stderr.setEncoding("utf8").on("data", (part) => { printed += part; });
  await until(() => /http:\S+\n/.test(printed) || demo.exitCode !== null);
  const address = /http:\S+/.exec(printed);
  assert.ok(address, printed);
  const gone = new Promise((done) => demo.on("exit", done));
  return { address: address[0], end: async (signal) => { demo.kill(signal); await gone; } };
}
const eventsSaid = async (page) => Number(/of ([\d,]+) events/.exec(await text(page, "#live"))?.[1].replaceAll(",", "") ?? -1);

test("a program that runs is followed, and what is held can be searched", async () => {
  const demo = await startDemo();
  const page = await openAt(demo.address, { more: [`${demo.address}notices`, `${demo.address}document`] });
  assert.equal(await text(page, "#title"), "web_demo");
  assert.equal(await text(page, "#verdict"), "running");
  const before = await eventsSaid(page);
  await until(async () => (await eventsSaid(page)) > before + 100);
  await until(() => page.evaluate(() => window.chantrace.index.doc.tasks.some((task) => task.name === "worker-3")));
  await page.click("#pause");
  const held = await page.evaluate(() => window.chantrace.index.count);
  await page.fill("#search", "op:send on:alerts");
  await until(async () => /[1-9]\d* steps/.test(await text(page, "#matches")));
  await page.press("#search", "Enter");
  assert.match(await text(page, "#detail"), /send\(alerts/);
  await until(async () => /[\d,]+ events so far/.test(await text(page, "#live")));
  assert.equal(await page.evaluate(() => window.chantrace.index.count), held);
  await page.fill("#search", "");
  await page.click("#show-channels");
  assert.match(await text(page, "#channels"), /alerts/);
  await seen(page, "live");
  await page.click("#pause");
  await until(() => page.evaluate((one) => window.chantrace.index.count !== one && window.chantrace.timeline.selected === 0, held));
  await demo.end("SIGINT");
  await until(async () => /has ended/.test(await text(page, "#live")));
  assert.equal(await text(page, "#verdict"), "ended");
  await page.close();
});

test("a step that is selected stays, and the page finds a program that was started again", async () => {
  const demo = await startDemo();
  const page = await openAt(demo.address, { more: [`${demo.address}notices`, `${demo.address}document`] });
  await until(async () => (await eventsSaid(page)) > 200);
  await page.keyboard.press("End");
  assert.equal(await text(page, "#pause"), "go on");
  const step = await selected(page);
  assert.ok(step > 0);
  await demo.end("SIGKILL");
  await until(async () => /connection lost/.test(await text(page, "#live")));
  assert.equal(await text(page, "#verdict"), "does not answer");
  await seen(page, "lost");
  assert.equal(await selected(page), step);
  const again = await startDemo(Number(new URL(demo.address).port));
  await until(async () => /events so far/.test(await text(page, "#live")));
  await page.keyboard.press(" ");
  await until(async () => (await eventsSaid(page)) > 0);
  assert.equal(await text(page, "#verdict"), "running");
  await again.end("SIGKILL");
  await page.close();
});
