// How channels, locks and the like stand at a step.
import { ChangeKind, Index, TraceDocument } from "./document";

export interface Standing {
  size: number;       // Values in the buffer,
  buffer: number[];   // and the steps that have the youngest of them; of the others nothing is known.
  holders: number[];  // Tasks.
  waiters: number[];
  count: number;
  closed: boolean;
}

export const nothing = (): Standing => ({ size: 0, buffer: [], holders: [], waiters: [], count: 0, closed: false });

/** Each operation on such an object tells what it holds. */
export const isVariable = (kind: string) => kind === "atomic" || kind === "shared variable";

const kEvery = 4096;  // Changes from one checkpoint to the next.

function eraseOne(tasks: number[], task: number): void {
  const at = tasks.indexOf(task);
  if (at >= 0) tasks.splice(at, 1);
}

/** Steps may be asked for in any order: from a checkpoint it is a few thousand changes at most. */
export class States {
  private readonly checkpoints: Map<number, Standing>[] = [];
  private readonly changes: TraceDocument["changes"];
  private stepsOfVariables: Map<number, number[]> | undefined;

  constructor(private readonly index: Index) {
    this.changes = index.doc.changes;
    const all = new Map<number, Standing>();
    for (let i = 0; i < this.changes.step.length; ++i) {
      if (i % kEvery === 0) this.checkpoints.push(copy(all));
      this.apply(all, i);
    }
  }

  /** By object. */
  at(step: number): Map<number, Standing> {
    const end = this.endOf(step);
    const checkpoint = Math.min(Math.floor(end / kEvery), this.checkpoints.length - 1);
    if (checkpoint < 0) return new Map();
    const all = copy(this.checkpoints[checkpoint]);
    for (let i = checkpoint * kEvery; i < end; ++i) this.apply(all, i);
    return all;
  }

  /** The objects that a step changes. */
  touchedBy(step: number): Set<number> {
    const touched = new Set<number>();
    for (let i = this.endOf(step - 1); i < this.endOf(step); ++i) touched.add(this.changes.object[i]);
    const object = this.index.object(step);
    if (object >= 0) touched.add(object);
    return touched;
  }

  /** The step since which a task holds an object, or waits at it, at a step; 0: it did so before all steps there are. */
  since(kind: ChangeKind.hold | ChangeKind.wait, object: number, task: number, step: number): number {
    for (let i = this.endOf(step); i-- > 0;) {
      const { changes } = this;
      if (changes.object[i] === object && changes.kind[i] === kind && changes.task[i] === task)
        return this.index.has(changes.step[i]) ? changes.step[i] : 0;
    }
    return 0;
  }

  /** The step that tells what a variable holds at a step, as each operation on it does; 0: none does. */
  variable(object: number, step: number): number {
    this.stepsOfVariables ??= this.findVariables();
    const steps = this.stepsOfVariables.get(object) ?? [];
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle] <= step) low = middle + 1; else high = middle;
    }
    return low > 0 ? steps[low - 1] : 0;
  }

  private findVariables(): Map<number, number[]> {
    const { first, last, doc: { objects, steps } } = this.index;
    const found = new Map<number, number[]>();
    objects.forEach(({ kind }, object) => { if (isVariable(kind)) found.set(object, []); });
    for (let step = first; step <= last && found.size > 0; ++step)
      if (steps.value[this.index.row(step)] >= 0) found.get(this.index.object(step))?.push(step);
    return found;
  }

  private endOf(step: number): number {
    let low = 0;
    let high = this.changes.step.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.changes.step[middle] <= step) low = middle + 1; else high = middle;
    }
    return low;
  }

  private apply(all: Map<number, Standing>, i: number): void {
    const { object, kind, task, number } = this.changes;
    let one = all.get(object[i]);
    if (!one) all.set(object[i], one = nothing());
    switch (kind[i]) {
      case ChangeKind.push: one.buffer.push(number[i]); ++one.size; break;
      case ChangeKind.pop:
        if (one.size === one.buffer.length) one.buffer.shift();
        one.size = Math.max(0, one.size - 1);
        break;
      case ChangeKind.size:
        one.size = number[i];
        if (one.buffer.length > one.size) one.buffer.splice(0, one.buffer.length - one.size);
        break;
      case ChangeKind.close: one.closed = true; break;
      case ChangeKind.hold: one.holders.push(task[i]); break;
      case ChangeKind.release: eraseOne(one.holders, task[i]); break;
      case ChangeKind.count: one.count = number[i]; break;
      case ChangeKind.wait: one.waiters.push(task[i]); break;
      case ChangeKind.goOn: eraseOne(one.waiters, task[i]); break;
    }
  }
}

function copy(all: Map<number, Standing>): Map<number, Standing> {
  const result = new Map<number, Standing>();
  for (const [object, one] of all)
    result.set(object, { ...one, buffer: [...one.buffer], holders: [...one.holders], waiters: [...one.waiters] });
  return result;
}
