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

export interface TraceDocument {
  title: string;
  program: string;
  verdict: "passed" | "failed" | "incomplete" | "running";
  live?: number;  // Of a program that runs: events so far, of which these are the last.
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

/** Of what the page looks up by step or by task. */
export class Index {
  readonly count: number;
  readonly times: Float64Array;           // Since the first step.
  readonly spansOfTask: Int32Array;       // Where those of a task begin; one more than there are tasks.
  readonly linksTo: Map<number, number[]> = new Map();
  readonly linksFrom: Map<number, number[]> = new Map();

  constructor(readonly doc: TraceDocument) {
    const { steps, spans, links } = doc;
    this.count = steps.task.length;
    this.times = new Float64Array(this.count);
    for (let i = 1; i < this.count; ++i) this.times[i] = this.times[i - 1] + steps.time[i];
    this.spansOfTask = new Int32Array(doc.tasks.length + 1).fill(spans.task.length);
    for (let i = spans.task.length; i-- > 0;) this.spansOfTask[spans.task[i]] = i;
    for (let task = doc.tasks.length; task-- > 0;)
      this.spansOfTask[task] = Math.min(this.spansOfTask[task], this.spansOfTask[task + 1]);
    for (let i = 0; i < links.to.length; ++i) {
      push(this.linksTo, links.to[i], i);
      push(this.linksFrom, links.from[i], i);
    }
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
    return !this.doc.controlled && this.doc.steps.time.slice(1).some((time, _, all) => time !== all[0]);
  }

  word(step: number): string { return this.doc.words[this.doc.steps.word[step - 1]]; }
  place(step: number): string {
    const place = this.doc.steps.place[step - 1];
    return place < 0 ? "" : this.doc.places[place];
  }
  operation(step: number): string { return this.doc.operations[this.doc.steps.operation[step - 1]]; }
  task(step: number): number { return this.doc.steps.task[step - 1]; }
  object(step: number): number { return this.doc.steps.object[step - 1]; }
  value(step: number): string {
    const value = step > 0 ? this.doc.steps.value[step - 1] : -1;
    return value < 0 ? "?" : this.doc.words[value];
  }

  /** A task stops here though it could go on. */
  isPreemption(step: number): boolean {
    // On threads tasks go on side by side.
    if (!this.doc.controlled || step < 2 || this.task(step) === this.task(step - 1)) return false;
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
