import { showChannels } from "./channels";
import { TraceDocument } from "./document";
import { Live } from "./live";
import { Actions, inSteps, showDetail, showFindings, showHelp, showState, Where } from "./panels";
import { Window } from "./scale";
import { Search } from "./search";
import { Timeline } from "./timeline";
import { Loaded, Windows } from "./windows";

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

const data = JSON.parse(find("data").textContent!) as TraceDocument;
const windows = new Windows(new Loaded(data), { show: showPart, arrived, tell: (words, isBad) => tell(words, isBad) });
let live: Live | undefined;  // Of a program that runs.
let detailed = 0;            // The step that the panels tell of.
const index = () => windows.current.index;
const timeline = new Timeline(find("timeline"), find("overview"), index());
timeline.taskOf = (step) => windows.taskOf(step);
timeline.afterDraw = follow;
const searchBox = find<HTMLInputElement>("search");
const tip = find("tip");

// What the address keeps: the selected step, what is seen, what is searched for.

function toAddress(): void {
  const parts = new URLSearchParams();
  // Steps of a program that runs have other numbers a moment later.
  const isLasting = live === undefined;
  if (isLasting && timeline.selected > 0) parts.set("s", String(timeline.selected));
  const { from, to } = timeline.window;
  const whole = timeline.whole();
  if (isLasting && (from !== whole.from || to !== whole.to)) {
    const digits = timeline.byTime ? 7 : 1;  // Between two steps may lie most of what is seen.
    parts.set("v", `${from.toFixed(digits)}~${to.toFixed(digits)}`);
  }
  if (timeline.byTime) parts.set("x", "time");
  if (timeline.firstLane > 0) parts.set("l", String(Math.floor(timeline.firstLane)));
  if (searchBox.value) parts.set("q", searchBox.value);
  if (timeline.onlyMatching) parts.set("h", "1");
  history.replaceState(null, "", `#${parts}`);
}

/** What is seen of a trace first. */
function opening(): Window {
  const { isPart, first, last } = index();
  return isPart ? { from: first - 0.5, to: last + 0.5 } : timeline.whole();
}

function fromAddress(): void {
  const parts = new URLSearchParams(location.hash.slice(1));
  searchBox.value = parts.get("q") ?? "";
  timeline.onlyMatching = parts.get("h") === "1";
  searchFor(searchBox.value);
  showAxis(parts.get("x") === "time");
  const view = (parts.get("v") ?? "").split("~").map(Number);
  const isWindow = view.length === 2 && view.every(Number.isFinite) && view[1] > view[0];
  timeline.window = isWindow ? { from: view[0], to: view[1] } : opening();
  timeline.pan(0);
  timeline.scrollTo(Number(parts.get("l")) || 0);
  const step = Number(parts.get("s"));
  const isStep = Number.isInteger(step) && step >= 1 && step <= index().total;
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
  windows.forgetNext();
  // What somebody looks at stays where it is.
  if (step > 0 && live && !live.paused) live.paused = true;
  showPanels();
  timeline.draw();
}

function showPanels(): void {
  const step = timeline.selected;
  const { index, states } = windows.holding(step) ?? windows.current;
  detailed = step === 0 || index.has(step) ? step : 0;
  showDetail(find("detail"), index, states, step, actions);
  showState(find("state"), index, states, step);
}

function showTab(channels: boolean): void {
  find("state").hidden = channels;
  find("channels").hidden = !channels;
  find("show-state").setAttribute("aria-pressed", String(!channels));
  find("show-channels").setAttribute("aria-pressed", String(channels));
  if (channels) showChannels(find("channels"), index(), actions);
}

function showAxis(byTime: boolean): void {
  timeline.byTime = byTime;
  find("axis").hidden = !index().hasTime;
  find("by-steps").setAttribute("aria-pressed", String(!timeline.byTime));
  find("by-time").setAttribute("aria-pressed", String(timeline.byTime));
}

function searchFor(query: string): void {
  timeline.search = new Search(index(), query);
  const { steps, unknownPart } = timeline.search;
  // A text may have a colon as well.
  find("matches").textContent = steps === undefined ? "" : steps.length === 0 && unknownPart !== "" ? `no such key: ${unknownPart.slice(0, 20)}` :
    index().isPart ? `${steps.length.toLocaleString("en")} in ${inSteps(index())}` : `${steps.length.toLocaleString("en")} steps`;
  timeline.showLanes();
}

// From step to step, into other parts too.

/** What fits, and how a server is asked for that. */
interface Aim { direction: 1 | -1; query: string; fits: (step: number) => boolean; isRound?: boolean }

function aimOf(where: Where): Aim | undefined {
  const { index } = windows.holding(timeline.selected) ?? windows.current;
  const task = index.task(timeline.selected);
  const object = index.object(timeline.selected);
  const ofTask = (direction: 1 | -1) =>
    task < 0 ? undefined : { direction, query: `task=${task}`, fits: (step: number) => index.task(step) === task };
  switch (where) {
    case "taskNext": return ofTask(1);
    case "taskPrevious": return ofTask(-1);
    case "objectNext":
      return object < 0 ? undefined : { direction: 1, query: `object=${object}`, fits: (step) => index.object(step) === object };
    case "preemption": return { direction: 1, query: "preemption=1", fits: (step) => index.isPreemption(step) };
    case "match":
    case "matchPrevious": {
      const { search } = timeline;
      if (search.steps === undefined) return undefined;
      return { direction: where === "match" ? 1 : -1, query: `q=${encodeURIComponent(searchBox.value)}`, fits: (step) => search.has(step), isRound: true };
    }
    default: return undefined;
  }
}

/** Before the first step that is looked at, where none is selected. */
function stepNow(): number {
  if (timeline.selected > 0 || !index().isPart) return timeline.selected;
  return Math.max(1, Math.ceil(timeline.window.from)) - 1;
}

function go(where: Where): void {
  const now = stepNow();
  if (where === "next" || where === "previous") {
    const step = now + (where === "next" ? 1 : -1);
    if (step >= 1 && step <= index().total) actions.select(step);
    return;
  }
  const aim = aimOf(where);
  if (!aim) return;
  // The search has looked at what is seen alone.
  const part = aim.isRound ? index() : (windows.holding(Math.max(now, 1)) ?? windows.current).index;
  let step = now;
  if (part.has(now + aim.direction) || part.has(now))
    for (step += aim.direction; part.has(step); step += aim.direction) if (aim.fits(step)) { actions.select(step); return; }
  const found = (next: number) => { if (next > 0) actions.select(next); };
  if (index().isPart) {
    const edge = part.has(now + aim.direction) || part.has(now) ? step - aim.direction : now;
    windows.next(edge, aim.direction, aim.query, (next) => {
      if (next === 0 && aim.isRound) windows.next(aim.direction > 0 ? 0 : index().total + 1, aim.direction, aim.query, found);
      else found(next);
    });
  } else if (aim.isRound) {
    found(timeline.search.next(now, aim.direction) ?? 0);
  }
}

const actions: Actions = {
  select(step) {
    show(step);
    timeline.reveal(step);
    changed();
  },
  showFinding(finding) {
    const one = index().doc.findings[finding];
    timeline.cycle = one;
    actions.select(one.steps.find((step) => step > 0)!);
  },
  go,
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
  if (step !== undefined) {
    if (index().has(step)) { show(step); changed(); } else actions.select(step);
    return;
  }
  // Where no step is there yet, the lane's next one behind that place.
  const task = timeline.taskAt(event.offsetY);
  const at = Math.floor(timeline.stepOf(event.offsetX));
  if (index().isPart && !index().has(at) && at >= 1 && at <= index().total && task !== undefined && event.offsetX > timeline.gutter)
    windows.next(at - 1, 1, `task=${task}`, (next) => { if (next > 0) actions.select(next); });
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
  const at = index();
  tip.textContent = `${step}  ${at.nameOf(at.task(step))}\n${at.word(step).slice(0, 300)}  ${at.place(step)}`;
  tip.style.left = `${Math.min(event.offsetX + 14, timeline.width - 180)}px`;
  tip.style.top = `${event.offsetY + 34 + 16}px`;
});
timeline.canvas.addEventListener("pointerleave", () => { timeline.hovered = 0; tip.hidden = true; timeline.draw(); });

// Keys.

function onKey(event: KeyboardEvent): void {
  if (event.target === searchBox) {
    if (event.key === "Enter") actions.go(event.shiftKey ? "matchPrevious" : "match");
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
    Home: () => index().total > 0 && actions.select(1),
    End: () => index().total > 0 && actions.select(index().total),
    c: () => actions.go("objectNext"),
    p: () => actions.go("preemption"),
    n: () => actions.go("match"),
    N: () => actions.go("matchPrevious"),
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

const kVerdicts = {
  passed: "passed", failed: "failed", incomplete: "incomplete: the program was killed",
  running: "running", ended: "ended", silent: "does not answer",
};

function showVerdict(name: keyof typeof kVerdicts): void {
  const verdict = find("verdict");
  verdict.textContent = kVerdicts[name];
  verdict.className = { passed: "good", running: "good", ended: "" }[name as string] ?? "bad";
}

function showWhole(): void {
  const { doc } = index();
  document.title = `${doc.title} - chantrace`;
  find("title").textContent = doc.title;
  if (!live) showVerdict(doc.verdict);  // Of one that runs the connection says more.
  showFindings(find("findings"), index(), actions);
}

// Of a trace that is too long for one page.

function follow(): void {
  const missing = timeline.selected === detailed ? 0 : timeline.selected;
  const last = Math.min(timeline.lanes.length - 1, Math.ceil(timeline.firstLane + timeline.rows));
  const seen = timeline.lanes.slice(Math.floor(timeline.firstLane), last + 1);
  const lanes = { low: Math.min(...seen), high: Math.max(...seen) };
  windows.follow({ window: timeline.window, lanes, pixels: timeline.width - timeline.gutter }, missing);
}

function showPart(loaded: Loaded): void {
  timeline.refine(loaded.index, windows.levels);
  searchFor(searchBox.value);
  if (timeline.selected === 0) showPanels();
  if (!find("channels").hidden) showChannels(find("channels"), loaded.index, actions);
}

function arrived(): void {
  timeline.refine(index(), windows.levels);
  if (timeline.selected !== detailed && windows.holding(timeline.selected)) {
    showPanels();
    timeline.revealLane(timeline.selected);  // It was not known before.
  }
  follow();
}

function tell(words: string, isBad: boolean): void {
  find("live").textContent = words;
  find("live").className = isBad ? "lost" : "";
}

/** The newest events of a program that runs. */
function replace(newest: TraceDocument): void {
  windows.reset(new Loaded(newest));
  timeline.replace(index());
  showAxis(timeline.byTime);
  searchFor(searchBox.value);
  showWhole();
  show(0);
  if (!find("channels").hidden) showChannels(find("channels"), index(), actions);
}

function followProgram(events: number): void {
  const pause = find<HTMLButtonElement>("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => { if (live) live.paused = !live.paused; });
  live = new Live(events, {
    replace,
    tell: (state, newest) => {
      const many = newest.toLocaleString("en");
      const words = {
        following: `live: the last ${index().count.toLocaleString("en")} of ${many} events`,
        paused: `paused: ${many} events so far`,
        lost: "connection lost, trying again",
        over: "the program has ended; waiting for another one",
      };
      tell(words[state], state === "lost");
      showVerdict(state === "over" ? "ended" : state === "lost" ? "silent" : "running");
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
if (data.live !== undefined) followProgram(data.live);
if (live && timeline.selected > 0) live.paused = true;
// For tests.
Object.assign(window, { chantrace: { timeline, windows, get index() { return index(); }, get states() { return windows.current.states; } } });
