// Where steps stand along the page: all equally far from each other, or as far as their times.
import { Index, SpanKind } from "./document";

export interface Window { from: number; to: number }  // Steps, and parts of them; `from` is at the left edge.

const kRoom = 0.14;  // Of the whole, at the right, for what never ends.

/** All steps, and room at the right for what never ends. */
export function whole(count: number): Window {
  return { from: 0.5, to: Math.max(count, 1) + Math.max(1.5, Math.max(count, 1) * kRoom) };
}

/** Positions are steps, or nanoseconds since the start; between two steps they grow evenly. */
export class Scale {
  private readonly steps: Float64Array;  // Where positions are known,
  private readonly positions: Float64Array;  // which never become less, but several steps may have one time.
  private readonly parked: Float64Array;  // Spent parked in all spans before one.

  constructor(private readonly index: Index, readonly byTime: boolean) {
    const { count, times, doc: { spans } } = index;
    const { from, to } = whole(count);
    this.steps = new Float64Array(byTime ? count + 2 : 0);
    this.positions = new Float64Array(this.steps.length);
    if (byTime) {
      const long = times[count - 1] - times[0];
      this.steps.set([from], 0);
      this.positions.set([times[0] - long / 100], 0);
      for (let i = 0; i < count; ++i) this.steps[i + 1] = i + 1;
      this.positions.set(times, 1);
      this.steps[count + 1] = to;
      this.positions[count + 1] = times[count - 1] + long * kRoom;
    }
    this.parked = new Float64Array(spans.task.length + 1);
    for (let i = 0; i < spans.task.length; ++i)
      this.parked[i + 1] = this.parked[i] + (spans.kind[i] === SpanKind.running ? 0 : this.at(spans.end[i]) - this.at(spans.begin[i]));
  }

  at(step: number): number {
    if (!this.byTime) return step;
    const i = Math.max(0, Math.min(Math.floor(step), this.steps.length - 2));
    return between(this.steps, this.positions, i, step);
  }

  /** The last one where several stand at a position. */
  stepAt(position: number): number {
    if (!this.byTime) return position;
    let low = 0;
    let high = this.positions.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.positions[middle] <= position) low = middle; else high = middle - 1;
    }
    return between(this.positions, this.steps, low, position);
  }

  /** How much of what lies between two steps a task is parked. */
  parkedShare(task: number, from: number, to: number): number {
    const share = (this.parkedUpTo(task, to) - this.parkedUpTo(task, from)) / (this.at(to) - this.at(from));
    return Math.min(1, Math.max(0, share || 0));
  }

  private parkedUpTo(task: number, step: number): number {
    const { begin, kind } = this.index.doc.spans;
    const span = this.index.spanAt(task, step);
    const isInside = span < this.index.spansOfTask[task + 1] && kind[span] !== SpanKind.running && begin[span] < step;
    return this.parked[span] + (isInside ? this.at(step) - this.at(begin[span]) : 0);
  }
}

/** The value at a place behind that of number `i`, on a line to the one behind. */
function between(places: Float64Array, values: Float64Array, i: number, place: number): number {
  const room = places[i + 1] - places[i];
  return room > 0 ? values[i] + ((place - places[i]) / room) * (values[i + 1] - values[i]) : values[i];
}
