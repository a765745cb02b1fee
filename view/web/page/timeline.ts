// What of a trace is seen, and where on the page each step and each lane of it stands.
import { Colors } from "./colors";
import { Finding, Index, SpanKind } from "./document";
import { Lanes } from "./lanes";
import { Levels } from "./levels";
import { Overview } from "./overview";
import { Place, Scale, whole, Window } from "./scale";
import { Search } from "./search";

const kRow = 24;    // Pixels of a lane.
export const kAxis = 22;  // Pixels of the numbers above the lanes.
const kNear = 9;    // Pixels from a step to a click that is meant for it.
const kLongMin = 4;  // Steps, or nanoseconds: more than that is always seen.

export class Timeline {
  firstLane = 0;
  selected = 0;
  hovered = 0;
  search: Search;
  onlyMatching = false;
  cycle: Finding | undefined;
  scale: Scale;
  levels: Levels[] = [];  // Of what the index has not, the nearest ones first.
  left = 0;  // The position at the left edge,
  long = 1;  // and what there is from there to the right one.
  lanes: number[] = [];
  /** Of a step that may be anywhere in the trace; -1: it is not known. */
  taskOf: (step: number) => number = (step) => this.index.task(step);
  /** Called behind each frame. */
  afterDraw: () => void = () => {};
  private all: Window;
  private seen: Window = { from: 0, to: 1 };
  private places: Place[] = [];  // Of the pixels that are drawn, which all lanes share.
  private laneOf = new Map<number, number>();
  private readonly colors = new Colors();
  private readonly picture: Lanes;
  private readonly strip: Overview;
  private scheduled = false;
  /** Milliseconds that the last frames took, for tests of speed. */
  readonly frames: number[] = [];

  constructor(readonly canvas: HTMLCanvasElement, readonly overview: HTMLCanvasElement, public index: Index) {
    this.picture = new Lanes(canvas, this, this.colors);
    this.strip = new Overview(overview, this, this.colors);
    this.measure();
    this.scale = new Scale(index, false);
    this.all = whole(index);
    this.window = this.whole();
    this.search = new Search(index, "");
    this.showLanes();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colors.read(); this.draw(); });
    new ResizeObserver(() => { this.measure(); this.draw(); }).observe(canvas);
  }

  /** Shows another trace, with nothing selected; where the end was in sight, the new one is. */
  replace(index: Index): void {
    const before = this.whole();
    const isWhole = this.window.from === before.from && this.window.to === before.to;
    this.index = index;
    this.all = whole(index);
    this.selected = this.hovered = 0;
    this.cycle = undefined;
    this.scale = new Scale(index, this.byTime && index.hasTime);
    const end = this.scale.at(this.whole().to);
    const long = isWhole ? Infinity : this.long;
    this.show(end - long, long);
    this.search = new Search(index, "");
    this.showLanes();
  }

  /** Of the same trace another part, or more levels: nothing of what is seen moves. */
  refine(index: Index, levels: Levels[]): void {
    const isOther = index !== this.index;
    this.index = index;
    this.levels = levels;
    if (this.byTime || isOther) {
      this.scale = new Scale(index, this.byTime, levels);
      this.show(this.left, this.long);
    }
    this.draw();
  }

  get window(): Window { return this.seen; }
  set window(window: Window) {
    this.seen = window;
    this.left = this.scale.at(window.from);
    this.long = Math.max(this.scale.at(window.to) - this.left, 1e-3);
  }

  /** Distances are times, not steps. */
  get byTime(): boolean { return this.scale.byTime; }
  set byTime(byTime: boolean) {
    byTime &&= this.index.hasTime;
    if (byTime === this.byTime) return;
    this.scale = new Scale(this.index, byTime, this.levels);
    this.window = this.seen;
    this.pan(0);
  }

  whole(): Window { return this.all; }

  // Of the canvas, in pixels. Asking the canvas itself at each step of a frame would take most of it.
  width = 1;
  height = 1;
  gutter = 0;  // For the names.
  get rows(): number { return Math.max(1, Math.floor((this.height - kAxis) / kRow)); }

  private measure(): void {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.gutter = Math.round(Math.min(170, Math.max(84, this.width * 0.2)));
  }

  /** Which lanes there are, after the search has changed. */
  showLanes(): void {
    const all = this.index.doc.tasks.map((_, task) => task);
    this.lanes = this.onlyMatching ? all.filter((task) => this.search.hasTask(task)) : all;
    this.laneOf = new Map(this.lanes.map((task, lane) => [task, lane]));
    this.scrollTo(this.firstLane);
  }

  scrollTo(lane: number): void {
    this.firstLane = Math.max(0, Math.min(lane, this.lanes.length - this.rows));
  }

  zoom(factor: number, x: number): void {
    const at = this.positionOf(x);
    const low = this.scale.at(this.whole().from);
    const long = Math.min(Math.max(this.long * factor, kLongMin), this.scale.at(this.whole().to) - low);
    this.show(at - ((x - this.gutter) / (this.width - this.gutter)) * long, long);
  }

  /** By a part of what is seen. */
  pan(part: number): void { this.show(this.left + part * this.long, this.long); }

  /** Brings a step, and its lane, into sight. */
  reveal(step: number): void {
    const at = this.scale.at(step);
    if (at < this.left + this.long * 0.05 || at > this.left + this.long * 0.95) this.show(at - this.long / 2, this.long);
    this.revealLane(step);
  }

  revealLane(step: number): void {
    const lane = this.laneOf.get(this.taskOf(step));
    if (lane === undefined) return;
    if (lane < this.firstLane || lane >= this.firstLane + this.rows) this.scrollTo(lane - (this.rows >> 1));
  }

  private show(from: number, long: number): void {
    const low = this.scale.at(this.whole().from);
    const high = this.scale.at(this.whole().to);
    long = Math.max(long, kLongMin);
    from = Math.max(low, Math.min(from, high - long));
    this.window = long >= high - low ? this.whole() : { from: this.scale.stepAt(from), to: this.scale.stepAt(from + long) };
    this.draw();
  }

  private positionOf(x: number): number { return this.left + ((x - this.gutter) / (this.width - this.gutter)) * this.long; }
  xAt(position: number): number { return this.gutter + ((position - this.left) / this.long) * (this.width - this.gutter); }
  stepOf(x: number): number { return this.scale.stepAt(this.positionOf(x)); }
  /** Of what is drawn, the left edge of a pixel. */
  place(x: number): Place { return this.places[x - this.gutter] ?? { step: this.stepOf(x), position: this.positionOf(x) }; }
  xOf(step: number): number { return this.xAt(this.scale.at(step)); }
  yOf(task: number): number | undefined {
    const lane = this.laneOf.get(task);
    return lane === undefined ? undefined : Math.round(kAxis + (lane - this.firstLane + 0.5) * kRow);
  }
  taskAt(y: number): number | undefined {
    return y < kAxis ? undefined : this.lanes[Math.floor((y - kAxis) / kRow + this.firstLane)];
  }

  /** The step of that lane nearest to a place; undefined: none is near, or it is no lane. */
  stepAt(x: number, y: number): number | undefined {
    const task = this.taskAt(y);
    if (task === undefined || x < this.gutter) return undefined;
    const at = Math.max(this.index.first, Math.min(Math.round(this.stepOf(x)), this.index.last));
    // Pixels; of steps that are far apart, the one beside it.
    const reach = Math.max(kNear, this.byTime ? 0 : (this.width - this.gutter) / this.long);
    for (let off = 0, isNear = true; isNear && off <= 20_000; ++off) {
      isNear = false;
      for (const step of [at - off, at + off]) {
        if (!this.index.has(step) || Math.abs(this.xOf(step) - x) > reach) continue;
        isNear = true;
        if (this.index.task(step) === task) return step;
      }
    }
    // Inside what it is parked in: the step at which it began to wait.
    const span = this.index.spanAt(task, this.stepOf(x));
    if (span >= this.index.spansOfTask[task + 1]) return undefined;
    const { begin, kind } = this.index.doc.spans;
    return begin[span] <= this.stepOf(x) && kind[span] !== SpanKind.running ? begin[span] : undefined;
  }

  draw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      const start = performance.now();
      this.drawNow();
      this.frames.push(performance.now() - start);
      if (this.frames.length > 1000) this.frames.shift();
      this.afterDraw();
    });
  }

  private drawNow(): void {
    const ratio = devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.overview]) {
      const width = Math.round(canvas.clientWidth * ratio);
      const height = Math.round(canvas.clientHeight * ratio);
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    }
    if (this.width <= this.gutter) return;
    this.places = Array.from({ length: this.width - this.gutter + 2 }, (_, x) =>
      ({ step: this.stepOf(this.gutter + x), position: this.positionOf(this.gutter + x) }));
    this.picture.draw(ratio);
    this.strip.draw(ratio);
  }

  /** Of the overview: what stands at a place of it comes into the middle. */
  center(x: number): void { this.show(this.strip.positionOf(x) - this.long / 2, this.long); }
}
