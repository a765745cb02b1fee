// Draws lanes on a canvas. What it costs grows with the pixels that are seen, not with the steps.
import { Finding, Index, SpanKind } from "./document";
import { Search } from "./search";

const kRow = 24;      // Pixels of a lane.
const kAxis = 22;     // Pixels of the numbers above the lanes.
const kArrow = 6;

/** Pixels beside each other that look alike. */
interface Column { x: number; width: number; tall: number; color: string }

export interface Window { from: number; to: number }  // Steps; `from` is at the left edge.

export class Timeline {
  window: Window;
  firstLane = 0;
  selected = 0;
  hovered = 0;
  search: Search;
  onlyMatching = false;
  cycle: Finding | undefined;
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
    const { from, to } = this.window;
    this.index = index;
    this.selected = this.hovered = 0;
    this.cycle = undefined;
    this.parkColors.clear();
    const whole = this.whole();
    const width = from === before.from && to === before.to ? whole.to - whole.from : Math.min(to - from, whole.to - whole.from);
    this.window = { from: whole.to - width, to: whole.to };
    this.search = new Search(index, "");
    this.showLanes();
  }

  /** All steps, and room at the right for what never ends. */
  whole(): Window {
    const count = Math.max(this.index.count, 1);
    return { from: 0.5, to: count + Math.max(1.5, count * 0.14) };
  }
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
    const at = this.stepOf(x);
    const width = Math.min(Math.max((this.window.to - this.window.from) * factor, 4), this.whole().to - this.whole().from);
    const part = (x - this.gutter) / (this.width - this.gutter);
    this.show(at - part * width, width);
  }

  pan(steps: number): void { this.show(this.window.from + steps, this.window.to - this.window.from); }

  /** A step comes into sight, and its lane. */
  reveal(step: number): void {
    const width = this.window.to - this.window.from;
    if (step < this.window.from + width * 0.05 || step > this.window.to - width * 0.05)
      this.show(step - width / 2, width);
    const lane = this.laneOf.get(this.index.task(step));
    if (lane === undefined) return;
    if (lane < this.firstLane || lane >= this.firstLane + this.rows) this.scrollTo(lane - (this.rows >> 1));
  }

  private show(from: number, width: number): void {
    const { from: low, to: high } = this.whole();
    width = Math.min(Math.max(width, 4), high - low);
    from = Math.max(low, Math.min(from, high - width));
    if (width >= high - low) from = low;
    this.window = { from, to: from + width };
    this.draw();
  }

  stepOf(x: number): number {
    return this.window.from + ((x - this.gutter) / (this.width - this.gutter)) * (this.window.to - this.window.from);
  }
  xOf(step: number): number {
    return this.gutter + ((step - this.window.from) / (this.window.to - this.window.from)) * (this.width - this.gutter);
  }
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
    const reach = Math.max(1, (9 / (this.width - this.gutter)) * (this.window.to - this.window.from));
    const at = Math.round(this.stepOf(x));
    for (let off = 0; off <= Math.min(reach, 20_000); ++off)
      for (const step of [at - off, at + off])
        if (step >= 1 && step <= this.index.count && this.index.task(step) === task) return step;
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
    const { from, to } = this.window;
    const width = this.width - this.gutter;
    let every = 1;
    for (let i = 0; ((every / (to - from)) * width) < 64; ++i) every *= i % 3 === 1 ? 2.5 : 2;
    every = Math.max(1, Math.round(every));
    c.textAlign = "center";
    for (let step = Math.ceil(Math.max(from, 1) / every) * every; step <= Math.min(to, this.index.count); step += every) {
      const x = this.xOf(step);
      c.fillStyle = this.colors.line;
      c.fillRect(x, kAxis - 4, 1, this.height);
      c.fillStyle = this.colors.faint;
      c.fillText(step.toLocaleString("en"), x, kAxis / 2);
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
        const share = this.parkedShare(task, x);
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

  private parkedShare(task: number, x: number): number {
    const from = this.stepOf(x);
    const to = this.stepOf(x + 1);
    const parked = this.index.parkedUpTo(task, to) - this.index.parkedUpTo(task, from);
    return Math.min(1, Math.max(0, parked / (to - from)));
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
    c.fillText("step", 8, kAxis / 2);
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

  overviewStep(x: number): number {
    const { from, to } = this.whole();
    return from + (x / this.overview.clientWidth) * (to - from);
  }

  private drawOverview(): void {
    const c = this.overviewContext;
    const width = this.overview.clientWidth;
    const height = this.overview.clientHeight;
    const { from, to } = this.whole();
    const xOf = (step: number) => ((step - from) / (to - from)) * width;
    c.fillStyle = this.colors.panel;
    c.fillRect(0, 0, width, height);
    // Which task makes a step, as a dot; of many steps some.
    const tasks = Math.max(1, this.index.doc.tasks.length);
    const every = Math.max(1, Math.floor(this.index.count / (width * 4)));
    c.fillStyle = this.colors.run;
    for (let step = 1; step <= this.index.count; step += every)
      c.fillRect(xOf(step), 3 + (this.index.task(step) / tasks) * (height - 8), Math.max(1, width / this.index.count - 0.5), Math.max(1.5, (height - 8) / tasks - 1));
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
    c.fillRect(0, 0, left, height);
    c.fillRect(right, 0, width - right, height);
    c.globalAlpha = 1;
    c.strokeStyle = this.colors.mark;
    c.strokeRect(left + 0.5, 0.5, Math.max(3, right - left - 1), height - 1);
    if (this.selected > 0) { c.fillStyle = this.colors.mark; c.fillRect(xOf(this.selected) - 1, 0, 2, height); }
  }
}
