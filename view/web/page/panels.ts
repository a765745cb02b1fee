// The parts of the page that are text. Everything from a trace goes in as text, never as markup.
import { ChangeKind, duration, Index, LinkKind, SpanKind } from "./document";
import { isVariable, nothing, Standing, States } from "./state";

type Child = Node | string;

export function element(name: string, properties: Record<string, string> = {}, ...children: Child[]): HTMLElement {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

export interface Actions {
  select(step: number): void;
  showFinding(finding: number): void;
  go(where: Where): void;
}
export type Where = "previous" | "next" | "taskPrevious" | "taskNext" | "objectNext" | "preemption" | "match" | "matchPrevious";

const kTextMax = 4000;  // Of a text that a trace brings; the rest is said to be left out.
const kRowsMax = 200;
const kTasksMax = 20;

const kNameMax = 120;

export function shortened(text: string, max = kTextMax): string {
  return text.length <= max ? text : `${text.slice(0, max)} \u2026 (${text.length - max} more characters)`;
}

function link(text: string, href: string, act: () => void): HTMLElement {
  const one = element("a", { href }, text);
  one.addEventListener("click", (event) => { event.preventDefault(); act(); });
  return one;
}

function stepLink(index: Index, step: number, actions: Actions): HTMLElement {
  return link(shortened(`${index.nameOf(index.task(step))}: ${index.word(step)} (step ${step})`), `#s=${step}`, () => actions.select(step));
}

function button(text: string, title: string, act: () => void, enabled = true): HTMLElement {
  const one = element("button", { type: "button", title }, text) as HTMLButtonElement;
  one.disabled = !enabled;
  one.addEventListener("click", act);
  return one;
}

export function inSteps({ first, last }: Index): string { return `steps ${first.toLocaleString("en")} to ${last.toLocaleString("en")}`; }

export function showFindings(into: HTMLElement, index: Index, actions: Actions): void {
  const { doc } = index;
  into.replaceChildren(element("h2", {}, "Findings"));
  for (const warning of doc.warnings.slice(0, 20)) into.append(element("p", { class: "warning" }, shortened(warning)));
  if (doc.findings.length === 0) into.append(element("p", {}, "none"));
  doc.findings.forEach((finding, i) => {
    const box = element("div", { class: finding.certainty === "note" ? "finding note" : "finding" },
      element("p", {}, shortened(finding.summary, 600)));
    const buttons = element("div", { class: "buttons" });
    if (finding.steps.some((step) => step > 0)) buttons.append(button("show me", "Selects the step, and shows who waits for whom", () => actions.showFinding(i)));
    const text = element("pre", {}, shortened(finding.text));
    text.hidden = true;
    buttons.append(button("why", "Shows all that is known", () => { text.hidden = !text.hidden; }));
    box.append(buttons, text);
    into.append(box);
  });
}

const kLinkWords: Record<LinkKind, [string, string]> = {
  [LinkKind.value]: ["value from", "value goes to"],
  [LinkKind.wakeUp]: ["woken by", "wakes"],
  [LinkKind.lock]: ["lock had by", "lock goes to"],
  [LinkKind.spawn]: ["started by", "starts"],
  [LinkKind.join]: ["waited for", "waited for by"],
};

/** The button with that text has the focus, as it had before it was made anew. */
function focusAgain(into: HTMLElement, text: string | null): void {
  if (text === null) return;
  for (const one of into.querySelectorAll("button")) if (one.textContent === text) one.focus();
}

export function showDetail(into: HTMLElement, index: Index, states: States, step: number, actions: Actions): void {
  const focused = into.contains(document.activeElement) ? document.activeElement!.textContent : null;
  into.replaceChildren(element("h2", {}, step > 0 ? `Step ${step.toLocaleString("en")} of ${index.total.toLocaleString("en")}` : "No step is selected"));
  into.append(element("div", { class: "buttons" },
    button("\u25c2", "Previous step: left", () => actions.go("previous"), step > 1),
    button("\u25b8", "Next step: right", () => actions.go("next"), step < index.total),
    button("task \u25b8", "Next step of this task: shift and right", () => actions.go("taskNext"), step > 0),
    button("object \u25b8", "Next step on this channel or lock: c", () => actions.go("objectNext"), step > 0 && index.object(step) >= 0),
    ...(index.doc.controlled ? [button("preemption \u25b8", "Next preemption: p", () => actions.go("preemption"))] : [])));
  focusAgain(into, focused);
  if (step < 1) return;
  if (!index.has(step)) {
    into.append(element("p", {}, "loading"));
    return;
  }
  const { doc } = index;
  const list = element("dl");
  const row = (name: string, ...values: Child[]) => list.append(element("dt", {}, name), element("dd", {}, ...values));
  row("task", shortened(index.nameOf(index.task(step)), kNameMax));
  row("does", shortened(index.word(step)));
  if (index.place(step)) row("at", index.place(step));
  row(doc.controlled ? "time" : "after", duration(index.time(step), doc.controlled));
  const phase = index.phase(step);
  const { spans } = doc;
  if (phase === 1) {
    for (let span = index.spansOfTask[index.task(step)]; span < index.spansOfTask[index.task(step) + 1]; ++span) {
      if (spans.begin[span] !== step || spans.kind[span] === SpanKind.running) continue;
      const end = spans.end[span];
      if (spans.kind[span] === SpanKind.blocked) { row("waits", `for ever, since step ${step.toLocaleString("en")}`); continue; }
      if (end > index.total) { row("waits", "to the end"); continue; }
      if (!index.has(end)) {
        row("waits", `beyond step ${index.last.toLocaleString("en")}`);
        row("goes on", link("next step of the task", `#s=${step}`, () => actions.go("taskNext")));
        continue;
      }
      row("waits", `${end - step} steps, ${duration(index.time(end) - index.time(step), doc.controlled)}`);
      row("goes on", stepLink(index, end, actions));
    }
  }
  const object = index.object(step);
  if (object >= 0) {
    const one = doc.objects[object];
    row("on", `${one.kind} ${shortened(one.name, kNameMax)}${one.place ? `, made at ${one.place}` : ""}`);
    const { holders, waiters } = states.at(step).get(object) ?? nothing();
    const since = (kind: ChangeKind.hold | ChangeKind.wait, tasks: number[]) => tasks.slice(0, kTasksMax).flatMap((task, i): Child[] => {
      const name = shortened(index.nameOf(task), kNameMax);
      const from = states.since(kind, object, task, step);
      const text = from > 0 ? link(`since step ${from.toLocaleString("en")}`, `#s=${from}`, () => actions.select(from)) : "since before";
      return [i === 0 ? "" : ", ", `${name}, `, text];
    }).concat(tasks.length > kTasksMax ? [", \u2026"] : []);
    // Whoever holds what it has just taken goes without saying.
    const held = holders.filter((task) => task !== index.task(step));
    if (held.length > 0) row("held by", ...since(ChangeKind.hold, held));
    const others = waiters.filter((task) => task !== index.task(step));
    if (others.length > 0) row(phase === 1 ? "also wait" : "wait there", ...since(ChangeKind.wait, others));
  }
  for (const i of (index.linksTo.get(step) ?? []).slice(0, 20))
    row(kLinkWords[doc.links.kind[i] as LinkKind][0], stepLink(index, doc.links.from[i], actions));
  for (const i of (index.linksFrom.get(step) ?? []).slice(0, 20))
    row(kLinkWords[doc.links.kind[i] as LinkKind][1], stepLink(index, doc.links.to[i], actions));
  if (index.isPreemption(step)) row("preempts", shortened(index.nameOf(index.task(step - 1)), kNameMax));
  into.append(list);
}

function standingInWords(index: Index, object: number, one: Standing): [string, string] {
  const { doc } = index;
  const shared = doc.objects[object];
  const names = (tasks: number[]) => tasks.slice(0, 12).map((task) => index.nameOf(task)).join(", ") + (tasks.length > 12 ? ` and ${tasks.length - 12} more` : "");
  const parts: string[] = [];
  if (shared.kind === "channel") {
    const values = one.buffer.slice(0, 12).map((step) => shortened(index.value(step), 60));
    if (one.size > one.buffer.length) values.unshift("?");
    if (shared.capacity > 0 || one.size > 0)
      parts.push(`${one.size} of ${shared.capacity}: [${values.join(", ")}${one.buffer.length > 12 ? ", \u2026" : ""}]`);
    else parts.push("unbuffered");
    if (one.closed) parts.push("closed");
  } else if (shared.kind === "wait group" || shared.kind === "semaphore") {
    parts.push(`count ${one.count}`);
  } else if (one.holders.length > 0) {
    parts.push(`held by ${names(one.holders)}`);
  } else if (one.closed) {
    parts.push("cancelled");
  } else if (kLocks.has(shared.kind)) {
    parts.push("free");
  }
  return [parts.join(", "), one.waiters.length > 0 ? names(one.waiters) : ""];
}

const kLocks = new Set(["mutex", "shared mutex"]);
// Others have nothing to show but who waits for them.
const kStanding = new Set(["channel", "mutex", "shared mutex", "condition variable", "wait group", "semaphore", "once"]);

export function showState(into: HTMLElement, index: Index, states: States, step: number): void {
  const isEnd = step < 1 && index.last >= index.total;
  const at = step > 0 ? step : index.last;
  into.replaceChildren(element("h2", {}, !isEnd ? `State after step ${at.toLocaleString("en")}` : index.doc.live === undefined ? "State at the end" : "State now"));
  if (step > 0 && !index.has(step)) {
    into.append(element("p", {}, "loading"));
    return;
  }
  const all = states.at(at);
  index.doc.objects.forEach(({ kind }, object) => {
    const hasState = isVariable(kind) ? states.variable(object, at) > 0 : kStanding.has(kind);
    if (hasState && !all.has(object)) all.set(object, nothing());
  });
  const touched = step > 0 ? states.touchedBy(step) : new Set<number>();
  const table = element("table", {}, element("tr", {}, element("th", {}, "object"), element("th", {}, "state"), element("th", {}, "waiting")));
  // What the step is about comes first where not all can be shown.
  let objects = [...all.keys()].sort((left, right) => left - right);
  const more = objects.length - kRowsMax;
  if (more > 0) objects = [...objects.filter((one) => touched.has(one)), ...objects.filter((one) => !touched.has(one))].slice(0, kRowsMax);
  for (const object of objects) {
    const shared = index.doc.objects[object];
    const [state, waiting] = isVariable(shared.kind) ? [index.value(states.variable(object, at)), ""] : standingInWords(index, object, all.get(object)!);
    table.append(element("tr", touched.has(object) ? { class: "touched" } : {},
      element("td", { class: "name" }, `${shared.kind} ${shortened(shared.name, kNameMax)}`),
      element("td", {}, state), element("td", { class: "waits" }, waiting)));
  }
  into.append(table);
  if (more > 0) into.append(element("p", {}, `and ${more} more`));
}

export function showHelp(dialog: HTMLDialogElement): void {
  const rows: [string, string][] = [
    ["\u2190 \u2192", "previous and next step"],
    ["shift \u2190 \u2192", "previous and next step of the same task"],
    ["c", "next step on the same channel or lock"],
    ["p", "next preemption"],
    ["n N", "next and previous step that the search finds; also enter, shift enter in the search"],
    ["w s", "zoom in, zoom out; also the wheel"],
    ["a d", "to the left, to the right; also by dragging"],
    ["\u2191 \u2193", "other lanes; also the wheel over the names"],
    ["0", "all of it"],
    ["x", "along the page: steps, or time"],
    ["t", "the channels, or the state"],
    ["space", "of a program that runs: holds what is shown, or goes on"],
    ["h", "hide lanes without what is searched for"],
    ["/", "search: words, \"a phrase\", or task:worker on:results op:send at:pool.cpp"],
    ["esc", "select nothing"],
  ];
  const list = element("dl");
  for (const [keys, text] of rows) {
    const key = element("dt");
    for (const one of keys.split(" ")) key.append(element("kbd", {}, one), " ");
    list.append(key, element("dd", {}, text));
  }
  const close = button("close", "Closes this", () => dialog.close());
  dialog.replaceChildren(element("h2", {}, "Keys"), list,
    element("p", {}, "A thin line runs, a bar is parked, in the colour of what it waits for; a red, hatched bar waits for ever. The address of this page holds what is selected and shown, to be passed on."),
    close);
  dialog.showModal();
}
