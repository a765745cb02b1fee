// Where steps stand along the page: all equally far from each other, or as far as their times.
import { Index, SpanKind } from "./document";
import { Levels } from "./levels";

export interface Window { from: number; to: number }  // Steps, and parts of them; `from` is at the left edge.

/** A step, or a part of one, and where it stands. */
export interface Place { step: number; position: number }

const kRoom = 0.14;         // Of the whole, at the right, for what never ends,
const kBlockedRoom = 0.22;  // and of all that is seen for what begins last of it, so that its words have a place.

/** All steps, and room at the right for what never ends. */
export function whole(index: Index): Window {
  const count = Math.max(index.total, 1);
  return { from: 0.5, to: Math.max(count + Math.max(1.5, count * kRoom), index.lastBlocked / (1 - kBlockedRoom)) };
}

/** Positions are steps, or nanoseconds since the start; between two steps they grow evenly. */
export class Scale {
  private readonly steps: Float64Array;      // Where positions are known,
  private readonly positions: Float64Array;  // which never become less, but several steps may have one time;
  private readonly offset: number;           // from here on those of the index.
  private readonly parked: Float64Array;     // Spent parked in all spans before one.

  /** `levels`: tell the times of steps that the index has not. */
  constructor(private readonly index: Index, readonly byTime: boolean, levels: Levels[] = []) {
    const { spans } = index.doc;
    const { before, after } = byTime ? elsewhere(index, levels) : { before: [], after: [] };
    const count = byTime ? index.count : 0;
    this.offset = before.length;
    this.steps = new Float64Array(before.length + count + after.length);
    this.positions = new Float64Array(this.steps.length);
    [...before, ...after].forEach(({ step, time }, i) => {
      const at = i < before.length ? i : i + count;
      this.steps[at] = step;
      this.positions[at] = time;
    });
    for (let i = 0; i < count; ++i) {
      this.steps[this.offset + i] = index.first + i;
      this.positions[this.offset + i] = index.time(index.first + i);
    }
    for (let i = 1; i < this.positions.length; ++i) this.positions[i] = Math.max(this.positions[i], this.positions[i - 1]);
    this.parked = new Float64Array(spans.task.length + 1);
    for (let i = 0; i < spans.task.length; ++i)
      this.parked[i + 1] = this.parked[i] + (spans.kind[i] === SpanKind.running ? 0 : this.at(spans.end[i]) - this.at(spans.begin[i]));
  }

  at(step: number): number {
    if (!this.byTime) return step;
    const { first, last } = this.index;
    const i = step >= first && step < last ? this.offset + Math.floor(step) - first : lastUpTo(this.steps, step);
    return between(this.steps, this.positions, i, step);
  }

  /** The last one where several stand at a position. */
  stepAt(position: number): number {
    return this.byTime ? between(this.positions, this.steps, lastUpTo(this.positions, position), position) : position;
  }

  /** How much of what lies between two places a task is parked. */
  parkedShare(task: number, from: Place, to: Place): number {
    return shareOf(this.parkedUpTo(task, to) - this.parkedUpTo(task, from), from, to);
  }

  private parkedUpTo(task: number, { step, position }: Place): number {
    const { begin, kind } = this.index.doc.spans;
    const span = this.index.spanAt(task, step);
    const isInside = span < this.index.spansOfTask[task + 1] && kind[span] !== SpanKind.running && begin[span] < step;
    return this.parked[span] + (isInside ? position - this.at(begin[span]) : 0);
  }
}

export function shareOf(parked: number, from: Place, to: Place): number {
  return Math.min(1, Math.max(0, parked / (to.position - from.position) || 0));
}

interface Known { step: number; time: number }

/** What is known of times before the steps that an index has, and after them, to the edges of the whole. */
function elsewhere(index: Index, levels: Levels[]): { before: Known[]; after: Known[] } {
  const { first, last, total } = index;
  const known = levels.flatMap((one) => one.times()).filter(({ step }) => step >= 1 && step <= total && !index.has(step));
  // As long as nothing tells of the others they are as far apart as these.
  const pace = (index.time(last) - index.time(first)) / Math.max(1, last - first);
  for (const edge of [{ step: 1, time: 0 }, { step: total, time: index.time(last) + pace * (total - last) }])
    if (!index.has(edge.step) && !known.some(({ step }) => step === edge.step)) known.push(edge);
  known.sort((left, right) => left.step - right.step);
  const before = known.filter(({ step }) => step < first);
  const after = known.filter(({ step }) => step > last);
  const begin = (before[0]?.time ?? index.time(first));
  const end = Math.max(begin, index.time(last), ...after.map(({ time }) => time));
  const { from, to } = whole(index);
  before.unshift({ step: from, time: begin - (end - begin) / 100 });
  after.push({ step: to, time: end + (end - begin) * (to / total - 1) });
  return { before, after };
}

/** Of growing values the number of the last that is no larger, with one behind it. */
function lastUpTo(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= value) low = middle; else high = middle - 1;
  }
  return low;
}

/** The value at a place behind that of number `i`, on a line to the one behind. */
function between(places: Float64Array, values: Float64Array, i: number, place: number): number {
  const room = places[i + 1] - places[i];
  return room > 0 ? values[i] + ((place - places[i]) / room) * (values[i + 1] - values[i]) : values[i];
}
