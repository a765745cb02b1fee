// What the page is given of a trace. The columns of a table are arrays of one length; `-1` stands for
// none. Steps are numbered from 1, and the columns of step n are at n - 1.

export const enum SpanKind { running, parked, blocked }
export const enum LinkKind { value, wakeUp, lock, spawn, join }
export const enum ChangeKind { push, pop, size, close, hold, release, count, wait, goOn }

export interface Task { name: string; parent: number; depth: number; first: number; last: number; place: string }
export interface SharedObject { name: string; kind: string; type: string; capacity: number; place: string }
export interface Finding {
  kind: string; certainty: string; summary: string; text: string;
  steps: number[];  // Where those that it is about stand, in the order of a cycle.
  cycle: boolean;
}

/** Of a trace that is too long for one page: which of its steps the document has. */
export interface Part {
  first: number;     // The number in the whole trace of the document's first row.
  before: number;    // So many rows in front are no steps of this part: in them began waits that last into it,
  begins: number[];  // in these steps of the whole.
  total: number;     // Steps of the whole.
  base: string;      // Where to ask for more.
}

export interface TraceDocument {
  title: string;
  program: string;
  verdict: "passed" | "failed" | "incomplete" | "running";
  live?: number;  // Of a program that runs: events so far, of which these are the last.
  part?: Part;
  controlled: boolean;
  warnings: string[];
  tasks: Task[];
  objects: SharedObject[];
  words: string[];
  operations: string[];
  places: string[];
  steps: {
    task: number[]; word: number[]; place: number[]; object: number[]; operation: number[];
    phase: number[];  // 1: it parks, 2: it goes on, 3: both at once.
    value: number[];
    time: number[];   // Since the step before: nanoseconds, or steps of a controlled run.
  };
  spans: { task: number[]; begin: number[]; end: number[]; kind: number[]; word: number[]; object: number[] };
  links: { from: number[]; to: number[]; kind: number[] };
  changes: { step: number[]; object: number[]; kind: number[]; task: number[]; number: number[] };
  findings: Finding[];
}

/**
 * Of what the page looks up by step or by task. Steps have the numbers of the whole trace, here and in
 * the document from then on; that a part of it counts its rows is known here alone.
 */
export class Index {
  readonly first: number;  // The first step that there is, and
  readonly last: number;   // the last one,
  readonly total: number;  // of so many.
  readonly times: Float64Array;      // Of the rows, since the start.
  readonly spansOfTask: Int32Array;  // Where those of a task begin; one more than there are tasks.
  readonly linksTo: Map<number, number[]> = new Map();
  readonly linksFrom: Map<number, number[]> = new Map();
  private readonly before: number;                       // Rows in front,
  private readonly early: Map<number, number> = new Map();  // by the steps that they are.

  constructor(readonly doc: TraceDocument) {
    const { steps, spans, links, part } = doc;
    const rows = steps.task.length;
    this.before = part?.before ?? 0;
    this.first = (part?.first ?? 1) + this.before;
    this.last = this.first + rows - this.before - 1;
    this.total = part?.total ?? rows;
    if (part) {
      this.renumber(part);
      this.findBlocked();
    }
    this.times = new Float64Array(rows);
    if (rows > 0) this.times[0] = steps.time[0];
    for (let i = 1; i < rows; ++i) this.times[i] = this.times[i - 1] + steps.time[i];
    this.spansOfTask = new Int32Array(doc.tasks.length + 1).fill(spans.task.length);
    for (let i = spans.task.length; i-- > 0;) this.spansOfTask[spans.task[i]] = i;
    for (let task = doc.tasks.length; task-- > 0;)
      this.spansOfTask[task] = Math.min(this.spansOfTask[task], this.spansOfTask[task + 1]);
    for (let i = 0; i < links.to.length; ++i) {
      push(this.linksTo, links.to[i], i);
      push(this.linksFrom, links.from[i], i);
    }
  }

  private renumber({ begins }: Part): void {
    const { spans, links, changes } = this.doc;
    const number = (row: number) => (row > this.before ? this.first + row - this.before - 1 : begins[row - 1] ?? 0);
    begins.forEach((step, row) => this.early.set(step, row));
    for (const column of [spans.begin, spans.end, links.from, links.to])
      for (let i = 0; i < column.length; ++i) column[i] = number(column[i]);
    for (let i = 0; i < changes.step.length; ++i) {
      if (changes.kind[i] === ChangeKind.push) changes.number[i] = number(changes.number[i]);
      changes.step[i] = Math.max(number(changes.step[i]), this.first - 1);  // What was so when the part began.
    }
  }

  /** That a wait never ends shows at the end of the trace alone; findings tell of some. */
  private findBlocked(): void {
    const { spans, findings } = this.doc;
    const stuck = new Set(findings.filter(({ certainty }) => certainty === "certain").flatMap(({ steps }) => steps.filter((step) => step > 0)));
    for (let i = 0; i < spans.task.length; ++i)
      if (spans.kind[i] === SpanKind.parked && spans.end[i] > this.last && stuck.has(spans.begin[i])) spans.kind[i] = SpanKind.blocked;
  }

  /** The last step at which a task begins to wait for ever; 0: none does. Of a part: 0. */
  get lastBlocked(): number {
    const { kind, begin } = this.doc.spans;
    return this.isPart ? 0 : kind.reduce((last, one, i) => (one === SpanKind.blocked ? Math.max(last, begin[i]) : last), 0);
  }

  /** It serves timers, and does nothing but what they make it do. */
  isService(task: number): boolean {
    const { name, parent, place } = this.doc.tasks[task];
    return name === "timers" && parent < 0 && place === "";
  }

  /** Steps that there are here. */
  get count(): number { return this.last - this.first + 1; }
  /** Some steps are elsewhere. */
  get isPart(): boolean { return this.doc.part !== undefined; }
  has(step: number): boolean { return step >= this.first && step <= this.last; }

  /** Where a step is in the columns; none: it is not here. */
  row(step: number): number {
    return this.has(step) ? step - this.first + this.before : this.early.get(step) ?? -1;
  }

  /** The span of a task at a step, or the first one behind it; the end of the task's spans: none. */
  spanAt(task: number, step: number): number {
    const { end } = this.doc.spans;
    let low = this.spansOfTask[task];
    let high = this.spansOfTask[task + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (end[middle] <= step) low = middle + 1; else high = middle;
    }
    return low;
  }

  /** Distances in time differ from those in steps. A controlled run has no time of its own. */
  get hasTime(): boolean {
    const { controlled, steps } = this.doc;
    return !controlled && (this.isPart || steps.time.slice(1).some((time, _, all) => time !== all[0]));
  }

  time(step: number): number { return this.times[this.row(step)]; }
  word(step: number): string { return this.doc.words[this.doc.steps.word[this.row(step)]] ?? "?"; }
  place(step: number): string { return this.doc.places[this.doc.steps.place[this.row(step)]] ?? ""; }
  operation(step: number): string { return this.doc.operations[this.doc.steps.operation[this.row(step)]] ?? "?"; }
  phase(step: number): number { return this.doc.steps.phase[this.row(step)]; }
  task(step: number): number { return this.doc.steps.task[this.row(step)] ?? -1; }
  nameOf(task: number): string { return this.doc.tasks[task]?.name ?? "?"; }
  object(step: number): number { return this.doc.steps.object[this.row(step)] ?? -1; }
  value(step: number): string { return this.doc.words[this.doc.steps.value[this.row(step)]] ?? "?"; }

  /** A task stops here though it could go on. */
  isPreemption(step: number): boolean {
    // On threads tasks go on side by side.
    if (!this.doc.controlled || step <= this.first || this.task(step) === this.task(step - 1)) return false;
    const before = this.task(step - 1);
    const span = this.spanAt(before, step);
    return span < this.spansOfTask[before + 1] && this.doc.spans.kind[span] === SpanKind.running &&
      this.doc.spans.begin[span] < step;
  }
}

function push(map: Map<number, number[]>, key: number, value: number): void {
  const found = map.get(key);
  if (found) found.push(value); else map.set(key, [value]);
}

/** Time as a person reads it. */
export function duration(ns: number, controlled: boolean): string {
  if (controlled) return `${ns} steps`;
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} \u00b5s`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}
