// A long trace from far away: of each lane how much of some hundred steps is parked, and in what.
import { Place, Scale, shareOf } from "./scale";

/** What a server answers. Rows are lanes, from `lane` on; cell i is `every` steps from `from + i * every`. */
export interface LevelsDocument {
  from: number; every: number; lane: number; total: number;
  steps: number[][];   // That a lane makes in a cell.
  parked: number[][];  // For so many of a cell's steps.
  object: number[][];  // What in; -1: nothing, or it is not known.
  time: number[];      // At the edges of the cells, since the start.
}

const kLooks = 16;  // At cells that share a pixel, for what most of it waits in.

export class Levels {
  readonly cells: number;
  readonly to: number;  // Behind the last step.
  private scale: Scale | undefined;
  private edges = new Float64Array(0);  // Where the cells stand.
  private sums: (Float64Array | undefined)[] = [];  // Spent parked in all cells before one, by lane.

  constructor(readonly data: LevelsDocument) {
    this.cells = Math.max(0, data.time.length - 1);
    this.to = Math.min(this.edge(this.cells), data.total + 1);
  }

  private edge(cell: number): number { return this.data.from + cell * this.data.every; }
  private cellOf(step: number): number {
    return Math.max(0, Math.min(this.cells - 1, Math.floor((step - this.data.from) / this.data.every)));
  }

  hasLane(task: number): boolean { return this.data.parked[task - this.data.lane] !== undefined; }
  has(task: number, step: number): boolean { return this.hasLane(task) && step >= this.data.from && step < this.to; }
  times(): { step: number; time: number }[] {
    return this.data.time.map((time, i) => ({ step: Math.min(this.edge(i), this.data.total), time }))
      .filter(({ step }, i, all) => i === 0 || step > all[i - 1].step);
  }

  /** How much of what lies between two places a task is parked. */
  parkedShare(task: number, from: Place, to: Place, scale: Scale): number {
    if (this.scale !== scale) {
      this.scale = scale;
      this.sums = [];
      this.edges = Float64Array.from({ length: this.cells + 1 }, (_, cell) => scale.at(Math.min(this.edge(cell), this.to)));
    }
    const sums = this.sums[task - this.data.lane] ??= this.sumsOf(task);
    const upTo = ({ step, position }: Place) => {
      const cell = this.cellOf(step);
      const at = Math.max(this.edges[cell], Math.min(position, this.edges[cell + 1]));
      return sums[cell] + this.share(task, cell) * (at - this.edges[cell]);
    };
    return shareOf(upTo(to) - upTo(from), from, to);
  }

  private share(task: number, cell: number): number {
    const steps = Math.min(this.edge(cell + 1), this.to) - this.edge(cell);
    return Math.min(1, this.data.parked[task - this.data.lane][cell] / steps || 0);
  }

  private sumsOf(task: number): Float64Array {
    const sums = new Float64Array(this.cells + 1);
    for (let cell = 0; cell < this.cells; ++cell)
      sums[cell + 1] = sums[cell] + this.share(task, cell) * (this.edges[cell + 1] - this.edges[cell]);
    return sums;
  }

  /** What a task is parked in for the most of it. */
  object(task: number, from: number, to: number): number {
    const parked = this.data.parked[task - this.data.lane];
    const last = this.cellOf(to);
    let most = this.cellOf((from + to) / 2);
    for (let cell = this.cellOf(from), looks = 0; cell <= last && looks < kLooks; ++cell, ++looks)
      if (parked[cell] > parked[most]) most = cell;
    return this.data.object[task - this.data.lane][most] ?? -1;
  }

  /** Calls back with the edges of the cells in which lanes make steps, and how many, of the most that there are in one. */
  forActive(call: (task: number, from: number, to: number, share: number) => void): void {
    const most = this.data.steps.reduce((now, cells) => cells.reduce((one, other) => Math.max(one, other), now), 1);
    this.data.steps.forEach((cells, lane) => {
      for (let cell = 0; cell < this.cells; ++cell)
        if (cells[cell] > 0) call(this.data.lane + lane, this.edge(cell), Math.min(this.edge(cell + 1), this.to), cells[cell] / most);
    });
  }
}
