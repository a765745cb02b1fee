// Draws lanes on a canvas. What it costs grows with the pixels that are seen, not with the steps.
import { Finding, Index, SpanKind } from "./document";
import { Scale, whole, Window } from "./scale";
import { Search } from "./search";

const kRow = 24;      // Pixels of a lane.
const kAxis = 22;     // Pixels of the numbers above the lanes.
const kArrow = 6;
const kNear = 9;      // Pixels from a step to a click that is meant for it.
const kLongMin = 4;   // Steps, or nanoseconds: more than that is always seen.

/** Pixels beside each other that look alike. */
interface Column { x: number; width: number; tall: number; color: string }

export class Timeline {
  firstLane = 0;
  selected = 0;
  hovered = 0;
  search: Search;
  onlyMatching = false;
  cycle: Finding | undefined;
  private scale: Scale;
  private seen: Window = { from: 0, to: 1 };
  private left = 0;  // The position at the left edge,
  private long = 1;  // and what there is from there to the right one.
  private lanes: number[] = [];
  private laneOf = new Map<number, number>();
  private context: CanvasRenderingContext2D;
  private overviewContext: CanvasRenderingContext2D;
  private colors: Record<string, string> = {};
  private parkColors = new Map<number, string>();
  private scheduled = false;
  /** Milliseconds that the last frames took, for tests of speed. */
  readonly frames: number[] = [];

  constructor(readonly canvas: HTMLCanvasElement, readonly overview: HTMLCanvasElement, public index: Index) {
    this.context = canvas.getContext("2d")!;
    this.overviewContext = overview.getContext("2d")!;
    this.measure();
    this.scale = new Scale(index, false);
    this.window = this.whole();
    this.search = new Search(index, "");
    this.showLanes();
    this.readColors();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.readColors(); this.draw(); });
    new ResizeObserver(() => { this.measure(); this.draw(); }).observe(canvas);
  }

  /** Shows another trace, with nothing selected; where the end was in sight, the new one is. */
  replace(index: Index): void {
    const before = this.whole();
    const isWhole = this.window.from === before.from && this.window.to === before.to;
    this.index = index;
    this.selected = this.hovered = 0;
    this.cycle = undefined;
    this.parkColors.clear();
    this.scale = new Scale(index, this.byTime && index.hasTime);
    const end = this.scale.at(this.whole().to);
    const long = isWhole ? Infinity : this.long;
    this.show(end - long, long);
    this.search = new Search(index, "");
    this.showLanes();
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
    this.scale = new Scale(this.index, byTime);
    this.window = this.seen;
    this.pan(0);
  }

  whole(): Window { return whole(this.index.count); }
  // Of the canvas, in pixels. Asking the canvas itself at each step of a frame would take most of it.
  width = 1;
  height = 1;
  gutter = 0;  // For the names.
  get rows(): number { return Math.max(1, Math.floor((this.height - kAxis) / kRow)); }

  private measure(): void {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.gutter = Math.min(170, Math.max(84, this.width * 0.2));
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
    const lane = this.laneOf.get(this.index.task(step));
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
  private xAt(position: number): number { return this.gutter + ((position - this.left) / this.long) * (this.width - this.gutter); }
  stepOf(x: number): number { return this.scale.stepAt(this.positionOf(x)); }
  xOf(step: number): number { return this.xAt(this.scale.at(step)); }
  yOf(task: number): number | undefined {
    const lane = this.laneOf.get(task);
    return lane === undefined ? undefined : kAxis + (lane - this.firstLane + 0.5) * kRow;
  }
  taskAt(y: number): number | undefined {
    return y < kAxis ? undefined : this.lanes[Math.floor((y - kAxis) / kRow + this.firstLane)];
  }

  /** The step of that lane nearest to a place; undefined: none is near, or it is no lane. */
  stepAt(x: number, y: number): number | undefined {
    const task = this.taskAt(y);
    if (task === undefined || x < this.gutter) return undefined;
    const at = Math.max(1, Math.min(Math.round(this.stepOf(x)), this.index.count));
    // Pixels; of steps that are far apart, the one beside it.
    const reach = Math.max(kNear, this.byTime ? 0 : (this.width - this.gutter) / this.long);
    for (let off = 0, isNear = true; isNear && off <= 20_000; ++off) {
      isNear = false;
      for (const step of [at - off, at + off]) {
        if (step < 1 || step > this.index.count || Math.abs(this.xOf(step) - x) > reach) continue;
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
    });
  }

  private readColors(): void {
    this.parkColors.clear();
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "ink", "faint", "line", "panel", "run", "bad", "bad-ink", "mark", "hit", "park-light", "park-chroma"])
      this.colors[name] = style.getPropertyValue(`--${name}`).trim();
  }

  /** Objects are told apart by their colour, and those without one by the text beside them. */
  private parkColor(object: number): string {
    const known = this.parkColors.get(object);
    if (known !== undefined) return known;
    const hue = object < 0 ? 210 : (object * 137.5 + 30) % 330;  // No red: that is what is blocked.
    const color = `hsl(${hue + 15} ${this.colors["park-chroma"]} ${this.colors["park-light"]})`;
    this.parkColors.set(object, color);
    return color;
  }

  private drawNow(): void {
    const ratio = devicePixelRatio || 1;
    for (const [canvas, context] of [[this.canvas, this.context], [this.overview, this.overviewContext]] as const) {
      const width = Math.round(canvas.clientWidth * ratio);
      const height = Math.round(canvas.clientHeight * ratio);
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    if (this.width <= this.gutter) return;
    this.drawLanes();
    this.drawOverview();
  }

  private drawLanes(): void {
    const c = this.context;
    const { width, height } = this;
    c.fillStyle = this.colors.paper;
    c.fillRect(0, 0, width, height);
    c.font = "12px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.save();
    c.beginPath();
    c.rect(this.gutter, 0, width - this.gutter, height);
    c.clip();
    this.drawAxis();
    c.beginPath();
    c.rect(this.gutter, kAxis, width - this.gutter, height - kAxis);
    c.clip();
    const last = Math.min(this.lanes.length, this.firstLane + this.rows + 1);
    for (let lane = Math.floor(this.firstLane); lane < last; ++lane) this.drawLane(this.lanes[lane]);
    this.drawSelection(height);
    if (this.cycle) this.drawCycle(this.cycle);
    for (const step of new Set([this.selected, this.hovered])) if (step > 0) this.drawLinks(step);
    c.restore();
    this.drawNames(last);
  }

  private drawAxis(): void {
    const c = this.context;
    const perPixel = this.long / (this.width - this.gutter);
    const low = Math.max(this.left, this.scale.at(1));
    const high = Math.min(this.left + this.long, this.scale.at(this.index.count));
    const text = this.byTime ? roundTime : (step: number) => step.toLocaleString("en");
    let every = 1;
    for (let i = 0, room = 64; every / perPixel < room; ++i) {
      every = Math.round(every * (i % 3 === 1 ? 2.5 : 2));
      if (this.byTime) room = Math.max(64, c.measureText(text(Math.ceil(high / every) * every, every)).width + 16);
    }
    c.textAlign = "center";
    for (let at = Math.ceil(low / every) * every; at <= high; at += every) {
      const x = this.xAt(at);
      c.fillStyle = this.colors.line;
      c.fillRect(x, kAxis - 4, 1, this.height);
      c.fillStyle = this.colors.faint;
      c.fillText(text(at, every), x, kAxis / 2);
    }
    c.textAlign = "left";
  }

  private drawLane(task: number): void {
    const c = this.context;
    const y = this.yOf(task)!;
    const { spans, words } = this.index.doc;
    const right = this.width;
    const dim = !this.search.hasTask(task);
    c.globalAlpha = dim ? 0.25 : 1;
    const end = this.index.spansOfTask[task + 1];
    let x = this.gutter;
    let column: Column = { x: 0, width: 0, tall: 0, color: "" };
    for (let span = this.index.spanAt(task, this.window.from); span < end;) {
      const begin = this.xOf(spans.begin[span]);
      if (begin > right) break;
      const left = Math.max(begin, this.gutter - 2);
      const blocked = spans.kind[span] === SpanKind.blocked;
      const close = blocked ? right : this.xOf(spans.end[span]);
      if (close - begin < 1.5) {
        // Of spans that share a pixel is drawn how much of them is parked; equal pixels at once.
        x = Math.max(Math.floor(left), x);
        const share = this.scale.parkedShare(task, this.stepOf(x), this.stepOf(x + 1));
        const tall = Math.round(3 + 13 * share);
        const color = share > 0.02 ? this.parkColor(spans.object[span]) : this.colors.run;
        if (tall !== column.tall || color !== column.color || column.x + column.width !== x) {
          this.drawColumn(column, y);
          column = { x, width: 0, tall, color };
        }
        ++column.width;
        ++x;
        span = Math.max(span + 1, this.index.spanAt(task, this.stepOf(x)));
        continue;
      }
      if (spans.kind[span] === SpanKind.running) {
        c.fillStyle = this.colors.run;
        c.fillRect(left, y - 1.5, close - left, 3);
      } else {
        c.fillStyle = blocked ? this.colors.bad : this.parkColor(spans.object[span]);
        c.fillRect(left, y - 8, close - left, 16);
        if (blocked) this.drawHatch(left, y, close);
        if (close - left > 44) this.drawLabel((blocked ? "blocked for ever: " : "") + words[spans.word[span]], left, y, close, blocked);
      }
      x = Math.floor(close);
      ++span;
    }
    this.drawColumn(column, y);
    const perStep = (right - this.gutter) / (this.window.to - this.window.from);
    if (perStep > 1.5) {
      const to = Math.min(this.index.count, Math.ceil(this.window.to));
      for (let step = Math.max(1, Math.floor(this.window.from)); step <= to; ++step) {
        if (this.index.task(step) !== task) continue;
        const found = this.search.steps !== undefined && this.search.has(step);
        c.globalAlpha = dim || (this.search.steps !== undefined && !found) ? 0.3 : 1;
        c.fillStyle = found ? this.colors.hit : this.colors.ink;
        const size = found ? 4 : 2;
        c.fillRect(this.xOf(step) - size / 2, y - 6, size, 12);
      }
    }
    c.globalAlpha = 1;
  }

  private drawColumn(column: Column, y: number): void {
    if (column.width === 0) return;
    this.context.fillStyle = column.color;
    this.context.fillRect(column.x, y - column.tall / 2, column.width, column.tall);
  }

  /** What is blocked is told without colour as well. */
  private drawHatch(left: number, y: number, right: number): void {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(left, y - 8, right - left, 16);
    c.clip();
    c.strokeStyle = this.colors["bad-ink"];
    c.globalAlpha = 0.35;
    c.beginPath();
    for (let x = left - 16; x < right + 16; x += 8) { c.moveTo(x, y + 8); c.lineTo(x + 16, y - 8); }
    c.stroke();
    c.restore();
  }

  private drawLabel(text: string, left: number, y: number, right: number, blocked: boolean): void {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(left, y - 8, right - left - 4, 16);
    c.clip();
    c.fillStyle = blocked ? this.colors["bad-ink"] : this.colors.ink;
    c.fillText(text.slice(0, 200), Math.max(left, this.gutter) + 6, y);
    c.restore();
  }

  private drawSelection(height: number): void {
    if (this.selected < 1) return;
    const c = this.context;
    const x = this.xOf(this.selected);
    c.fillStyle = this.colors.mark;
    c.fillRect(x - 0.5, 0, 1, height);
    const y = this.yOf(this.index.task(this.selected));
    if (y === undefined) return;
    c.strokeStyle = this.colors.mark;
    c.lineWidth = 2;
    c.strokeRect(x - 4, y - 9, 8, 18);
    c.lineWidth = 1;
  }

  private drawLinks(step: number): void {
    const { links } = this.index.doc;
    for (const i of [...(this.index.linksTo.get(step) ?? []), ...(this.index.linksFrom.get(step) ?? [])])
      this.drawArrow(links.from[i], this.index.task(links.from[i]), links.to[i], this.index.task(links.to[i]), this.colors.mark);
  }

  private drawArrow(from: number, fromTask: number, to: number, toTask: number, color: string): void {
    const fromY = this.yOf(fromTask);
    const toY = this.yOf(toTask);
    if (fromY === undefined || toY === undefined) return;
    const c = this.context;
    const x0 = this.xOf(from);
    const x1 = this.xOf(to);
    const bend = Math.max(12, Math.min(60, Math.abs(x1 - x0) / 2));
    c.strokeStyle = c.fillStyle = color;
    c.lineWidth = 1.6;
    c.beginPath();
    c.moveTo(x0, fromY);
    c.bezierCurveTo(x0 + bend, fromY, x1 - bend, toY, x1 - kArrow, toY);
    c.stroke();
    c.beginPath();
    c.moveTo(x1, toY);
    c.lineTo(x1 - kArrow, toY - 4);
    c.lineTo(x1 - kArrow, toY + 4);
    c.fill();
    c.lineWidth = 1;
  }

  /** Who waits for whom, at the right edge. */
  private drawCycle(finding: Finding): void {
    const tasks = finding.steps.map((step) => this.index.task(step));
    const c = this.context;
    const right = this.width - 14;
    c.strokeStyle = c.fillStyle = this.colors.ink;
    c.lineWidth = 2;
    tasks.forEach((task, i) => {
      const other = finding.cycle ? tasks[(i + 1) % tasks.length] : undefined;
      const y0 = this.yOf(task);
      const y1 = other === undefined ? undefined : this.yOf(other);
      if (y0 === undefined || y1 === undefined) return;
      const down = y1 > y0;
      const x = right - (down ? 0 : 22);
      c.beginPath();
      c.moveTo(x, y0);
      c.lineTo(x, y1 + (down ? -kArrow : kArrow));
      c.stroke();
      c.beginPath();
      c.moveTo(x, y1);
      c.lineTo(x - 5, y1 + (down ? -kArrow - 2 : kArrow + 2));
      c.lineTo(x + 5, y1 + (down ? -kArrow - 2 : kArrow + 2));
      c.fill();
    });
    c.lineWidth = 1;
  }

  private drawNames(last: number): void {
    const c = this.context;
    c.fillStyle = this.colors.panel;
    c.fillRect(0, 0, this.gutter, this.height);
    c.fillStyle = this.colors.faint;
    c.fillText(this.byTime ? "time" : "step", 8, kAxis / 2);
    c.save();
    c.beginPath();
    c.rect(0, kAxis, this.gutter - 4, this.height);
    c.clip();
    for (let lane = Math.floor(this.firstLane); lane < last; ++lane) {
      const task = this.index.doc.tasks[this.lanes[lane]];
      const chosen = this.selected > 0 && this.index.task(this.selected) === this.lanes[lane];
      c.font = `${chosen ? "bold " : ""}12px system-ui, sans-serif`;
      c.fillStyle = this.colors.ink;
      c.globalAlpha = this.search.hasTask(this.lanes[lane]) ? 1 : 0.4;
      c.fillText(task.name.slice(0, 100), 8 + Math.min(task.depth, 6) * 10, this.yOf(this.lanes[lane])!);
    }
    c.restore();
    c.globalAlpha = 1;
    c.fillStyle = this.colors.line;
    c.fillRect(this.gutter - 1, 0, 1, this.height);
  }

  /** Of the overview: what stands at a place of it comes into the middle. */
  center(x: number): void {
    const low = this.scale.at(this.whole().from);
    const high = this.scale.at(this.whole().to);
    this.show(low + ((x - this.gutter) / (this.width - this.gutter)) * (high - low) - this.long / 2, this.long);
  }

  private drawOverview(): void {
    const c = this.overviewContext;
    const { width, gutter } = this;
    const height = this.overview.clientHeight;
    const low = this.scale.at(this.whole().from);
    const high = this.scale.at(this.whole().to);
    const xOf = (step: number) => gutter + ((this.scale.at(step) - low) / (high - low)) * (width - gutter);
    c.fillStyle = this.colors.panel;
    c.fillRect(0, 0, width, height);
    // Which task makes a step, as a dot; of many steps some.
    const tasks = Math.max(1, this.index.doc.tasks.length);
    const every = Math.max(1, Math.floor(this.index.count / ((width - gutter) * 4)));
    const wide = Math.max(1, this.byTime ? 1 : (width - gutter) / this.index.count - 0.5);
    c.fillStyle = this.colors.run;
    for (let step = 1; step <= this.index.count; step += every)
      c.fillRect(xOf(step), 3 + (this.index.task(step) / tasks) * (height - 8), wide, Math.max(1.5, (height - 8) / tasks - 1));
    c.fillStyle = this.colors.bad;
    for (const finding of this.index.doc.findings)
      for (const step of finding.steps) c.fillRect(xOf(step) - 1, 0, 3, height);
    if (this.search.steps) {
      c.fillStyle = this.colors.hit;
      const some = Math.max(1, Math.floor(this.search.steps.length / (width * 2)));
      for (let i = 0; i < this.search.steps.length; i += some) c.fillRect(xOf(this.search.steps[i]) - 1, height - 4, 2, 4);
    }
    const left = xOf(this.window.from);
    const right = xOf(this.window.to);
    c.fillStyle = this.colors.ink;
    c.globalAlpha = 0.12;
    c.fillRect(gutter, 0, left - gutter, height);
    c.fillRect(right, 0, width - right, height);
    c.globalAlpha = 1;
    c.strokeStyle = this.colors.mark;
    c.strokeRect(left + 0.5, 0.5, Math.max(3, right - left - 1), height - 1);
    if (this.selected > 0) { c.fillStyle = this.colors.mark; c.fillRect(xOf(this.selected) - 1, 0, 2, height); }
  }
}

/** A multiple of `every` nanoseconds, in the largest unit that has no use for a point. */
function roundTime(at: number, every: number): string {
  const unit = every >= 1e9 ? 1e9 : every >= 1e6 ? 1e6 : every >= 1e3 ? 1e3 : 1;
  const name = { 1: "ns", 1e3: "\u00b5s", 1e6: "ms", 1e9: "s" }[unit];
  return at === 0 ? "0" : `${Math.round(at / unit).toLocaleString("en")} ${name}`;
}
