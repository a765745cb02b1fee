import { showChannels } from "./channels";
import { Index, TraceDocument } from "./document";
import { Live } from "./live";
import { Actions, showDetail, showFindings, showHelp, showState, Where } from "./panels";
import { Search } from "./search";
import { States } from "./state";
import { Timeline } from "./timeline";

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

let doc = JSON.parse(find("data").textContent!) as TraceDocument;
let index = new Index(doc);
let states = new States(doc);
let live: Live | undefined;  // Of a program that runs.
const timeline = new Timeline(find("timeline"), find("overview"), index);
const searchBox = find<HTMLInputElement>("search");
const tip = find("tip");

// What the address keeps: the selected step, what is seen, what is searched for.

function toAddress(): void {
  const parts = new URLSearchParams();
  if (timeline.selected > 0) parts.set("s", String(timeline.selected));
  const { from, to } = timeline.window;
  const whole = timeline.whole();
  if (from !== whole.from || to !== whole.to) {
    const digits = timeline.byTime ? 7 : 1;  // Between two steps may lie most of what is seen.
    parts.set("v", `${from.toFixed(digits)}~${to.toFixed(digits)}`);
  }
  if (timeline.byTime) parts.set("x", "time");
  if (timeline.firstLane > 0) parts.set("l", String(Math.floor(timeline.firstLane)));
  if (searchBox.value) parts.set("q", searchBox.value);
  if (timeline.onlyMatching) parts.set("h", "1");
  history.replaceState(null, "", `#${parts}`);
}

function fromAddress(): void {
  const parts = new URLSearchParams(location.hash.slice(1));
  searchBox.value = parts.get("q") ?? "";
  timeline.onlyMatching = parts.get("h") === "1";
  searchFor(searchBox.value);
  showAxis(parts.get("x") === "time");
  const view = (parts.get("v") ?? "").split("~").map(Number);
  const isWindow = view.length === 2 && view.every(Number.isFinite) && view[1] > view[0];
  timeline.window = isWindow ? { from: view[0], to: view[1] } : timeline.whole();
  timeline.pan(0);
  timeline.scrollTo(Number(parts.get("l")) || 0);
  const step = Number(parts.get("s"));
  const isStep = Number.isInteger(step) && step >= 1 && step <= index.count;
  show(isStep ? step : 0);
  if (isStep && !isWindow) timeline.reveal(step);
}

let addressTimer: ReturnType<typeof setTimeout> | undefined;
function changed(): void {
  timeline.draw();
  clearTimeout(addressTimer);
  addressTimer = setTimeout(toAddress, 150);
}

function show(step: number): void {
  if (step !== timeline.selected && !timeline.cycle?.steps.includes(step)) timeline.cycle = undefined;
  timeline.selected = step;
  // What somebody looks at stays where it is.
  if (step > 0 && live && !live.paused) live.paused = true;
  showDetail(find("detail"), index, states, step, actions);
  showState(find("state"), index, states, step);
  timeline.draw();
}

function showTab(channels: boolean): void {
  find("state").hidden = channels;
  find("channels").hidden = !channels;
  find("show-state").setAttribute("aria-pressed", String(!channels));
  find("show-channels").setAttribute("aria-pressed", String(channels));
  if (channels) showChannels(find("channels"), index, actions);
}

function showAxis(byTime: boolean): void {
  timeline.byTime = byTime;
  find("axis").hidden = !index.hasTime;
  find("by-steps").setAttribute("aria-pressed", String(!timeline.byTime));
  find("by-time").setAttribute("aria-pressed", String(timeline.byTime));
}

function searchFor(query: string): void {
  timeline.search = new Search(index, query);
  const { steps } = timeline.search;
  find("matches").textContent = steps === undefined ? "" : `${steps.length.toLocaleString("en")} steps`;
  timeline.showLanes();
}

function nextStep(where: Where): number | undefined {
  const now = timeline.selected;
  const along = (direction: 1 | -1, fits: (step: number) => boolean) => {
    for (let step = now + direction; step >= 1 && step <= index.count; step += direction) if (fits(step)) return step;
    return undefined;
  };
  switch (where) {
    case "next": return along(1, () => true);
    case "previous": return along(-1, () => true);
    case "taskNext": return now < 1 ? undefined : along(1, (step) => index.task(step) === index.task(now));
    case "taskPrevious": return now < 1 ? undefined : along(-1, (step) => index.task(step) === index.task(now));
    case "objectNext": return now < 1 || index.object(now) < 0 ? undefined : along(1, (step) => index.object(step) === index.object(now));
    case "preemption": return along(1, (step) => index.isPreemption(step));
    case "match": return timeline.search.next(now, 1);
  }
}

const actions: Actions = {
  select(step) {
    show(step);
    timeline.reveal(step);
    changed();
  },
  showFinding(finding) {
    const one = doc.findings[finding];
    timeline.cycle = one;
    actions.select(one.steps[0]);
  },
  go(where) {
    const step = nextStep(where);
    if (step !== undefined) actions.select(step);
  },
};

// Pointers.

function dragged(canvas: HTMLCanvasElement, move: (dx: number, dy: number, event: PointerEvent) => void, click: (event: PointerEvent) => void): void {
  canvas.addEventListener("pointerdown", (start) => {
    if (start.button !== 0) return;
    canvas.setPointerCapture(start.pointerId);
    let { offsetX: x, offsetY: y } = start;
    let far = 0;
    const onMove = (event: PointerEvent) => {
      far += Math.abs(event.offsetX - x) + Math.abs(event.offsetY - y);
      if (far > 3) move(event.offsetX - x, event.offsetY - y, event);
      ({ offsetX: x, offsetY: y } = event);
    };
    const onUp = (event: PointerEvent) => {
      canvas.removeEventListener("pointermove", onMove);
      canvas.removeEventListener("pointerup", onUp);
      canvas.removeEventListener("pointercancel", onUp);
      if (far <= 3 && event.type === "pointerup") click(event);
    };
    canvas.addEventListener("pointermove", onMove);
    canvas.addEventListener("pointerup", onUp);
    canvas.addEventListener("pointercancel", onUp);
  });
}

dragged(timeline.canvas, (dx, dy) => {
  timeline.pan(-dx / (timeline.width - timeline.gutter));
  timeline.scrollTo(timeline.firstLane - dy / 24);
  changed();
}, (event) => {
  const step = timeline.stepAt(event.offsetX, event.offsetY);
  if (step !== undefined) { show(step); changed(); }
});

const moveOverview = (event: PointerEvent) => {
  timeline.center(event.offsetX);
  changed();
};
dragged(timeline.overview, (_x, _y, event) => moveOverview(event), moveOverview);

timeline.canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.offsetX < timeline.gutter) timeline.scrollTo(timeline.firstLane + Math.sign(event.deltaY) * 2);
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) timeline.pan((event.deltaX || event.deltaY) / 800);
  else timeline.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), event.offsetX);
  changed();
}, { passive: false });

timeline.canvas.addEventListener("pointermove", (event) => {
  const step = timeline.stepAt(event.offsetX, event.offsetY) ?? 0;
  if (step !== timeline.hovered) {
    timeline.hovered = step;
    timeline.draw();
  }
  tip.hidden = step === 0;
  if (step === 0) return;
  tip.textContent = `${step}  ${doc.tasks[index.task(step)].name}\n${index.word(step).slice(0, 300)}  ${index.place(step)}`;
  tip.style.left = `${Math.min(event.offsetX + 14, timeline.width - 180)}px`;
  tip.style.top = `${event.offsetY + 34 + 16}px`;
});
timeline.canvas.addEventListener("pointerleave", () => { timeline.hovered = 0; tip.hidden = true; timeline.draw(); });

// Keys.

function onKey(event: KeyboardEvent): void {
  if (event.target === searchBox) {
    if (event.key === "Enter") actions.go("match");
    if (event.key === "Escape") {
      event.preventDefault();  // A browser would take the words away.
      timeline.canvas.focus();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || find<HTMLDialogElement>("help").open) return;
  if (event.key === " " && event.target instanceof HTMLButtonElement) return;  // It presses the button.
  const middle = timeline.gutter + (timeline.width - timeline.gutter) / 2;
  const at = timeline.selected > 0 ? Math.min(Math.max(timeline.xOf(timeline.selected), timeline.gutter), timeline.width) : middle;
  const keys: Record<string, () => void> = {
    ArrowRight: () => actions.go(event.shiftKey ? "taskNext" : "next"),
    ArrowLeft: () => actions.go(event.shiftKey ? "taskPrevious" : "previous"),
    ArrowDown: () => timeline.scrollTo(timeline.firstLane + 1),
    ArrowUp: () => timeline.scrollTo(timeline.firstLane - 1),
    PageDown: () => timeline.scrollTo(timeline.firstLane + timeline.rows),
    PageUp: () => timeline.scrollTo(timeline.firstLane - timeline.rows),
    Home: () => index.count > 0 && actions.select(1),
    End: () => index.count > 0 && actions.select(index.count),
    c: () => actions.go("objectNext"),
    p: () => actions.go("preemption"),
    n: () => actions.go("match"),
    w: () => timeline.zoom(0.7, at),
    s: () => timeline.zoom(1 / 0.7, at),
    a: () => timeline.pan(-0.25),
    d: () => timeline.pan(0.25),
    "0": () => { timeline.window = timeline.whole(); timeline.scrollTo(0); },
    x: () => showAxis(!timeline.byTime),
    h: () => { timeline.onlyMatching = !timeline.onlyMatching; timeline.showLanes(); },
    "/": () => searchBox.focus(),
    t: () => showTab(find("channels").hidden),
    " ": () => { if (live) live.paused = !live.paused; },
    "?": () => showHelp(find("help")),
    Escape: () => { timeline.cycle = undefined; show(0); },
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
  changed();
}
document.addEventListener("keydown", onKey);
searchBox.addEventListener("input", () => { searchFor(searchBox.value); changed(); });
find("help-button").addEventListener("click", () => showHelp(find("help")));
window.addEventListener("hashchange", fromAddress);

// What there is of the trace as a whole.

const kVerdicts = { passed: "passed", failed: "failed", incomplete: "incomplete: the program was killed", running: "running" };

function showWhole(): void {
  document.title = `${doc.title} - chantrace`;
  find("title").textContent = doc.title;
  const verdict = find("verdict");
  verdict.textContent = kVerdicts[doc.verdict];
  verdict.className = doc.verdict === "passed" || doc.verdict === "running" ? "good" : "bad";
  showFindings(find("findings"), index, actions);
}

/** The newest events of a program that runs. */
function replace(newest: TraceDocument): void {
  doc = newest;
  index = new Index(doc);
  states = new States(doc);
  timeline.replace(index);
  showAxis(timeline.byTime);
  searchFor(searchBox.value);
  showWhole();
  show(0);
  if (!find("channels").hidden) showChannels(find("channels"), index, actions);
}

function follow(events: number): void {
  const pause = find<HTMLButtonElement>("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => { if (live) live.paused = !live.paused; });
  live = new Live(events, {
    replace,
    tell(state, newest) {
      const many = newest.toLocaleString("en");
      const words = {
        following: `live: the last ${index.count.toLocaleString("en")} of ${many} events`,
        paused: `paused: ${many} events so far`,
        lost: "connection lost, trying again",
        over: "the program has ended; waiting for another one",
      };
      find("live").textContent = words[state];
      find("live").className = state === "lost" ? "lost" : "";
      pause.textContent = live?.paused ? "go on" : "pause";
    },
  });
}

find("by-steps").addEventListener("click", () => { showAxis(false); changed(); });
find("by-time").addEventListener("click", () => { showAxis(true); changed(); });
find("show-state").addEventListener("click", () => showTab(false));
find("show-channels").addEventListener("click", () => showTab(true));
showWhole();
fromAddress();
if (doc.live !== undefined) follow(doc.live);
if (live && timeline.selected > 0) live.paused = true;
// For tests.
Object.assign(window, { chantrace: { timeline, get index() { return index; }, get states() { return states; } } });
