// A trace that is too long for one page, as a person uses it: parts of it come when they are needed.
//
//   CHANTRACE=.../chantrace TRACES=FOLDER ARTEFACTS=FOLDER node --test test/parts.test.mjs
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { servePartsOf } from "./part_server.mjs";
import { ARTEFACTS, CHANTRACE, hashWith, openAt, place, problems, seen, selected, text, TRACES, until, windowOf } from "./support.mjs";

let server;
before(async () => {
  const file = resolve(ARTEFACTS, "parts.html");
  execFileSync(CHANTRACE, ["view", join(TRACES, "parts.chantrace"), "--html", file], { stdio: "pipe" });
  server = await servePartsOf(file, 2400);
});
after(() => server?.close());
beforeEach(() => { server.asked = []; server.waits = server.fails = undefined; });

const openPart = (hash = "", more = {}) => openAt(server.address, { hash, more: [`${server.address}/*`], ...more });
const shownPart = (page) => page.evaluate(() => { const { first, last } = window.chantrace.index; return { first, last }; });
const detailIs = (page, step) => until(async () => (await text(page, "#detail")).startsWith(`Step ${step.toLocaleString("en")} of 4,834`) && !/loading/.test(await text(page, "#detail")));
/** All is there that the page has asked for. */
const settled = (page) => until(async () => /^steps .* to .* of/.test(await text(page, "#live")));
const taskOf = (step) => server.whole.doc.tasks[server.whole.doc.steps.task[step - 1]].name;
const wordOf = (step) => server.whole.doc.words[server.whole.doc.steps.word[step - 1]];

test("a page opens on the part that it is given, with the numbers of the whole", async () => {
  const page = await openPart();
  await settled(page);
  const { first, last } = await shownPart(page);
  assert.equal(last - first + 1, 500);
  assert.ok(first < 2400 && last > 2400);
  assert.equal(await text(page, "#live"), `steps ${first.toLocaleString("en")} to ${last.toLocaleString("en")} of 4,834`);
  assert.deepEqual(await windowOf(page), { from: first - 0.5, to: last + 0.5 });
  const at = await place(page, 2401);
  await page.mouse.click(at.x, at.y);
  await detailIs(page, await selected(page));
  assert.ok((await text(page, "#detail")).includes(taskOf(await selected(page))));
  assert.ok((await text(page, "#detail")).includes(wordOf(await selected(page))));
  assert.equal(server.asked.filter((one) => one.startsWith("/1/document")).length, 0);
  await page.fill("#search", "send");
  assert.match(await text(page, "#matches"), new RegExp(`^\\d+ in steps ${first.toLocaleString("en")} to ${last.toLocaleString("en")}$`));
  await page.click("#show-channels");
  assert.match(await text(page, "#channels"), new RegExp(`steps ${first.toLocaleString("en")} to ${last.toLocaleString("en")}`));
  await seen(page, "part");
  await page.close();
});

test("zoomed out the whole is there, as levels", async () => {
  const page = await openPart();
  await page.keyboard.press("0");
  await settled(page);
  const shares = await page.evaluate(() => {
    const { levels, scale, index } = window.chantrace.timeline;
    const left = index.doc.tasks.findIndex((task) => task.name === "left");
    const at = (step) => ({ step, position: scale.at(step) });
    return [[30, 2000], [3000, 4800], [1, 10]].map(([from, to]) => levels.at(-1).parkedShare(left, at(from), at(to), scale));
  });
  assert.ok(shares[0] > 0.99 && shares[1] > 0.99 && shares[2] < 0.3, String(shares));
  // What is drawn of `right`, parked to the end, and of the end itself, behind which there is nothing of `worker-0`.
  const color = (step, task) => page.evaluate(([one, name]) => {
    const { timeline, index } = window.chantrace;
    const y = timeline.yOf(index.doc.tasks.findIndex((other) => other.name === name));
    const ratio = devicePixelRatio;
    return [...timeline.canvas.getContext("2d").getImageData(Math.round(timeline.xOf(one) * ratio), Math.round((y - 5) * ratio), 1, 1).data].join();
  }, [step, task]);
  await seen(page, "part_whole");
  const paper = await color(5000, "worker-0");
  assert.notEqual(await color(5000, "right"), paper, "findings tell that it is for ever");
  assert.notEqual(await color(600, "right"), paper);
  assert.notEqual(await color(4500, "right"), paper);
  assert.equal(server.asked.filter((one) => one.startsWith("/1/document")).length, 0);
  await page.close();
});

test("both ends come when they are panned to, and nothing jumps", async () => {
  const page = await openPart();
  for (let i = 0; i < 5; ++i) await page.keyboard.press("w");
  const width = (await windowOf(page)).to - (await windowOf(page)).from;
  await page.keyboard.press("ArrowRight");
  const step = await selected(page);
  for (const [key, end] of [["a", 1], ["d", 4834]]) {
    let before = (await windowOf(page)).from;
    for (let i = 0; i < 400; ++i) {
      await page.keyboard.press(key);
      const { from, to } = await windowOf(page);
      assert.ok(Math.abs(to - from - width) < 1e-6);
      assert.ok(Math.abs(from - before) <= width / 4 + 1e-6, `${from} after ${before}`);
      if (from === before) break;
      before = from;
    }
    await until(() => page.evaluate((one) => window.chantrace.index.has(one), end));
    await settled(page);
    assert.ok(Math.abs((await windowOf(page)).from - before) < 1e-6);
    assert.equal(await selected(page), step);
    await detailIs(page, step);
  }
  await seen(page, "part_end");
  await page.close();
});

test("steps, tasks and objects go on over an edge", async () => {
  const page = await openPart();
  await settled(page);
  const { last } = await shownPart(page);
  await page.evaluate((step) => { location.hash = `#s=${step}`; }, last);
  await detailIs(page, last);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await selected(page), last + 2);
  await detailIs(page, last + 2);
  assert.ok((await text(page, "#detail")).includes(wordOf(last + 2)));
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await detailIs(page, last - 1);
  const { whole } = server;
  const rare = whole.doc.tasks.findIndex((task) => task.name.startsWith("rare"));
  const makes = [...whole.doc.steps.task.keys()].map((i) => i + 1).filter((step) => whole.doc.steps.task[step - 1] === rare);
  assert.ok(makes.length >= 4 && makes[2] - makes[1] > 1000);
  await page.evaluate((step) => { location.hash = `#s=${step}`; }, makes[1]);
  await detailIs(page, makes[1]);
  for (const step of makes.slice(2)) {
    await page.keyboard.press("Shift+ArrowRight");
    await detailIs(page, step);
  }
  await page.keyboard.press("Shift+ArrowRight");
  await until(async () => /no such step/.test(await text(page, "#live")));
  assert.equal(await selected(page), makes.at(-1));
  await page.keyboard.press("Shift+ArrowLeft");
  await detailIs(page, makes.at(-2));
  await page.keyboard.press("c");
  await page.keyboard.press("c");
  const seldom = whole.doc.objects.findIndex((object) => object.name.startsWith("seldom"));
  await detailIs(page, whole.next(whole.next(makes.at(-2), 1, new URLSearchParams({ object: seldom })), 1, new URLSearchParams({ object: seldom })));
  await page.fill("#search", "send(seldom<b>, 10)");
  await page.press("#search", "Enter");
  await detailIs(page, makes.find((step) => wordOf(step) === "send(seldom<b>, 10)"));
  await seen(page, "part_over_edge");
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  await page.close();
});

test("where nothing is selected steps begin where somebody looks", async () => {
  const page = await openPart("#v=3000.0~3050.0");
  await page.keyboard.press("ArrowRight");
  assert.equal(await selected(page), 3000);
  await detailIs(page, 3000);
  await page.close();
});

test("a finding leads into another part, and shows who waits for whom", async () => {
  const page = await openPart();
  await page.click("#findings button >> text=show me");
  await detailIs(page, 21);
  assert.match(await text(page, "#detail"), /left.*lock\(nu\).*for ever/s);
  assert.match(await text(page, "#state"), /held by right.*left/s);
  assert.equal(await page.evaluate(() => {
    const { timeline } = window.chantrace;
    return timeline.cycle.steps.map((step) => timeline.index.doc.tasks[timeline.taskOf(step)].name).join();
  }), "left,right");
  await seen(page, "part_finding");
  await page.close();
});

test("what began to wait in another part is no step of this one, and leads there", async () => {
  const page = await openPart();
  await settled(page);
  const counted = await page.evaluate(() => {
    const { timeline, index } = window.chantrace;
    return { count: index.count, early: index.doc.part.before, task: timeline.index.task(21), word: index.word(21), has: index.has(21) };
  });
  assert.deepEqual({ ...counted, early: counted.early >= 2 }, { count: 500, early: true, task: 1, word: "lock(nu)", has: false });
  await page.fill("#search", "lock(nu)");
  assert.match(await text(page, "#matches"), /^0 in/);
  await page.press("#search", "Escape");
  const at = await page.evaluate(() => {
    const { timeline, index } = window.chantrace;
    const box = timeline.canvas.getBoundingClientRect();
    return { x: box.x + timeline.xOf(2400), y: box.y + timeline.yOf(index.doc.tasks.findIndex((task) => task.name === "left")) };
  });
  await page.mouse.click(at.x, at.y);
  await detailIs(page, 21);
  await page.close();
});

test("the state is that of the selected step, in each part", async () => {
  const page = await openPart();
  const depth = (at) => {
    let size = 0;
    const { step, object, kind, number } = server.whole.doc.changes;
    const jobs = server.whole.doc.objects.findIndex((one) => one.name === "jobs");
    step.forEach((one, i) => {
      if (one > at || object[i] !== jobs) return;
      size = kind[i] === 0 ? size + 1 : kind[i] === 1 ? size - 1 : kind[i] === 2 ? number[i] : size;
    });
    return size;
  };
  for (const step of [100, 1501, 2402, 4700]) {
    await page.evaluate((one) => { location.hash = `#s=${one}`; }, step);
    await detailIs(page, step);
    assert.match(await text(page, "#state"), new RegExp(`State after step ${step.toLocaleString("en")}`));
    assert.match(await text(page, "#state"), new RegExp(`channel jobs${depth(step)} of 8`));
    assert.match(await text(page, "#state"), /mutex nuheld by rightleft/);
  }
  await page.close();
});

test("an address that was passed on shows the same, steps or time", async () => {
  const page = await openPart("#s=4000&v=3950.0~4050.0&x=time");
  await detailIs(page, 4000);
  await settled(page);
  const hash = await hashWith(page, "s=4000");
  const other = await openPart(hash);
  await detailIs(other, 4000);
  await settled(other);
  const [left, right] = [await windowOf(page), await windowOf(other)];
  assert.ok(Math.abs(left.from - 3950) < 2 && Math.abs(left.to - 4050) < 2, JSON.stringify(left));
  assert.ok(Math.abs(left.from - right.from) < 0.2 && Math.abs(left.to - right.to) < 0.2);
  assert.ok((await shownPart(other)).first < 3950 && (await shownPart(other)).last > 4050);
  await seen(other, "part_shared");
  await page.close();
  await other.close();
});

test("time goes on where there are levels alone", async () => {
  const page = await openPart("#x=time");
  await page.keyboard.press("0");
  await settled(page);
  const places = await page.evaluate(() => [1, 1000, 2400, 4000, 4834].map((step) => window.chantrace.timeline.scale.at(step)));
  assert.deepEqual(places.map((at, i) => Math.abs(at - server.whole.times[[1, 1000, 2400, 4000, 4834][i] - 1]) < 5000), [true, true, true, true, true]);
  await page.close();
});

test("a part that is late or fails is told of, and comes in the end", async () => {
  const page = await openPart();
  await settled(page);
  let release;
  const held = new Promise((done) => { release = done; });
  server.waits = (address) => (address.pathname === "/1/document" ? held : undefined);
  await page.keyboard.press("Home");
  await until(async () => /^loading steps around 1$/.test(await text(page, "#live")));
  assert.match(await text(page, "#detail"), /Step 1 of 4,834.*loading/s);
  await seen(page, "part_late");
  // Nobody wants that one any more.
  await page.keyboard.press("End");
  let failures = 1;
  server.fails = (address) => address.search.endsWith("step=4834") && failures-- > 0;
  release();
  await until(async () => /cannot be loaded \(out of <b>memory<\/b>\)/.test(await text(page, "#live")));
  await seen(page, "part_failed");
  await detailIs(page, 4834);
  await settled(page);
  assert.deepEqual(problems, []);
  await page.close();
});

test("levels and searches that fail once are told of, and asked for again", async () => {
  let failures = 1;
  server.fails = (address) => address.pathname === "/1/levels" && failures-- > 0;
  const page = await openPart();
  await until(async () => /cannot draw the other steps \(out of/.test(await text(page, "#live")));
  await settled(page);
  assert.equal(await page.evaluate(() => window.chantrace.timeline.levels.length), 1);
  failures = 1;
  server.fails = (address) => address.pathname === "/1/next" && failures-- > 0;
  await page.fill("#search", "send(seldom<b>, 790)");
  await page.press("#search", "Enter");
  await until(async () => /cannot search the other steps/.test(await text(page, "#live")));
  await until(async () => wordOf(await selected(page) || 1) === "send(seldom<b>, 790)");
  await page.fill("#search", "nowhere at all");
  await page.press("#search", "Enter");
  await until(async () => /no such step/.test(await text(page, "#live")));
  await page.close();
});

test("an answer that nobody waits for any more changes nothing", async () => {
  const page = await openPart();
  await settled(page);
  const held = [];
  server.waits = (address) => (address.pathname === "/1/next" ? new Promise((done) => held.push(done)) : undefined);
  const search = async (query, count) => {
    await page.fill("#search", query);
    await page.press("#search", "Enter");
    await until(() => held.length === count);
  };
  const release = async () => {
    const answered = page.waitForResponse(/next/);
    held.at(-1)();
    await answered;
  };
  await search("send(seldom<b>, 790)", 1);
  assert.match(await text(page, "#live"), /looking through the other steps/);
  await page.fill("#search", "send(seldom<b>, 10)");
  await page.press("#search", "Enter");
  await release();
  await until(() => held.length === 2);
  assert.equal(await selected(page), 0);
  await page.press("#search", "Escape");
  await page.keyboard.press("Home");
  await detailIs(page, 1);
  await release();
  await settled(page);
  assert.equal(await selected(page), 1);
  await page.close();
});

test("a click where no part is leads to the lane's next step", async () => {
  const page = await openPart();
  await page.keyboard.press("0");
  await settled(page);
  const at = await page.evaluate(() => {
    const { timeline, index } = window.chantrace;
    const box = timeline.canvas.getBoundingClientRect();
    return { x: box.x + timeline.xOf(4000), y: box.y + timeline.yOf(index.doc.tasks.findIndex((task) => task.name === "worker-3")) };
  });
  await page.mouse.click(at.x, at.y);
  await until(async () => (await selected(page)) > 3990);
  await detailIs(page, await selected(page));
  assert.ok((await selected(page)) < 4020);
  assert.equal(taskOf(await selected(page)), "worker-3");
  assert.deepEqual(await windowOf(page), await page.evaluate(() => window.chantrace.timeline.whole()));
  await seen(page, "part_click");
  await page.close();
});

test("one thing is asked for at a time, and each once", async () => {
  const page = await openPart();
  let open = 0;
  let most = 0;
  server.waits = async (address) => {
    if (address.pathname !== "/1/document") return;
    most = Math.max(most, ++open);
    await new Promise((done) => setImmediate(done));
    --open;
  };
  for (let i = 0; i < 4; ++i) await page.keyboard.press("w");
  for (let i = 0; i < 30; ++i) await page.keyboard.press("d");
  for (let i = 0; i < 30; ++i) await page.keyboard.press("a");
  await settled(page);
  assert.equal(most, 1);
  await page.keyboard.press("0");
  await settled(page);
  server.asked = [];
  for (let i = 0; i < 10; ++i) { await page.keyboard.press("h"); await page.keyboard.press("h"); }
  await seen(page, "part_once");
  assert.deepEqual(server.asked, []);
  await page.close();
});

// What all the others ask of a server of their own, of the command's.
test("the command serves a trace that is too long for one page", async () => {
  const command = spawn(CHANTRACE, ["view", join(TRACES, "long.chantrace"), "--port", "0"]);
  const address = await new Promise((done) => command.stdout.once("data", (text) => done(String(text).trim())));
  const page = await openAt(address, { more: [`${address}*`] });
  await until(async () => /^steps 1 to 65,536 of/.test(await text(page, "#live")));
  const total = Number(/of ([\d,]+)/.exec(await text(page, "#live"))[1].replaceAll(",", ""));
  assert.ok(total > 500_000);
  const detailOf = async (step) => until(async () => (await selected(page)) === step && (await text(page, "#detail")).startsWith(`Step ${step.toLocaleString("en")} of`));
  await page.keyboard.press("End");
  await detailOf(total);
  await page.keyboard.press("0");
  await settled(page);
  assert.ok(await page.evaluate(() => window.chantrace.timeline.levels.length > 0));
  await seen(page, "long");
  await page.click("#findings button >> text=show me");
  await until(async () => /for ever/.test(await text(page, "#detail")));
  const stuck = await selected(page);
  await page.fill("#search", "op:yield task:worker-7");
  await page.press("#search", "Enter");
  await page.press("#search", "Escape");
  await until(async () => (await selected(page)) !== stuck && /yield/.test(await text(page, "#detail")));
  const found = await selected(page);
  await page.keyboard.press("Shift+ArrowRight");
  await until(async () => (await selected(page)) > found);
  await page.keyboard.press("Shift+N");
  await until(async () => (await selected(page)) === found);
  await page.keyboard.press("Shift+N");  // Around, or before it: in another part.
  await until(async () => (await selected(page)) !== found && /yield/.test(await text(page, "#detail")));
  await seen(page, "long_found");
  await page.close();
  command.kill("SIGINT");
  assert.equal(await new Promise((done) => command.once("exit", done)), 0);
});
