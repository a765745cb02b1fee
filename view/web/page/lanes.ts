// Draws lanes on a canvas. What it costs grows with the pixels that are seen, not with the steps.
import { Colors } from "./colors";
import { Finding, SpanKind } from "./document";
import { kAxis, Timeline } from "./timeline";

const kArrow = 6;

const kShareMin = 0.02;  // Parked less than that is running.

/** Columns of a pixel that say how much of it is parked; equal ones are drawn at once, and those of a colour together. */
class Columns {
  private readonly byColor = new Map<string, number[]>();  // Where they begin and end, and how tall they are.

  add(x: number, share: number, color: string): void {
    let columns = this.byColor.get(color);
    if (!columns) this.byColor.set(color, columns = []);
    const tall = Math.round(3 + 13 * share);
    const last = columns.length - 3;
    if (columns[last + 1] === x && columns[last + 2] === tall) ++columns[last + 1];
    else columns.push(x, x + 1, tall);
  }

  draw(c: CanvasRenderingContext2D, y: number): void {
    for (const [color, columns] of this.byColor) {
      c.fillStyle = color;
      c.beginPath();
      for (let i = 0; i < columns.length; i += 3)
        c.rect(columns[i], Math.round(y - columns[i + 2] / 2), columns[i + 1] - columns[i], columns[i + 2]);
      c.fill();
    }
  }
}

export class Lanes {
  private readonly context: CanvasRenderingContext2D;

  constructor(canvas: HTMLCanvasElement, private readonly view: Timeline, private readonly colors: Colors) {
    this.context = canvas.getContext("2d")!;
  }

  draw(ratio: number): void {
    const c = this.context;
    const { width, height } = this.view;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = this.colors.get("paper");
    c.fillRect(0, 0, width, height);
    c.font = "12px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.save();
    c.beginPath();
    c.rect(this.view.gutter, 0, width - this.view.gutter, height);
    c.clip();
    this.drawAxis();
    c.beginPath();
    c.rect(this.view.gutter, kAxis, width - this.view.gutter, height - kAxis);
    c.clip();
    const last = Math.min(this.view.lanes.length, this.view.firstLane + this.view.rows + 1);
    for (let lane = Math.floor(this.view.firstLane); lane < last; ++lane) this.drawLane(this.view.lanes[lane]);
    this.drawSelection(height);
    if (this.view.cycle) this.drawCycle(this.view.cycle);
    for (const step of new Set([this.view.selected, this.view.hovered])) if (step > 0) this.drawLinks(step);
    c.restore();
    this.drawNames(last);
  }

  private drawAxis(): void {
    const c = this.context;
    const perPixel = this.view.long / (this.view.width - this.view.gutter);
    const low = Math.max(this.view.left, this.view.scale.at(1));
    const high = Math.min(this.view.left + this.view.long, this.view.scale.at(this.view.index.total));
    const text = this.view.byTime ? roundTime : (step: number) => step.toLocaleString("en");
    let every = 1;
    for (let i = 0, room = 64; every / perPixel < room; ++i) {
      every = Math.round(every * (i % 3 === 1 ? 2.5 : 2));
      if (this.view.byTime) room = Math.max(64, c.measureText(text(Math.ceil(high / every) * every, every)).width + 16);
    }
    c.textAlign = "center";
    for (let at = Math.ceil(low / every) * every; at <= high; at += every) {
      const x = this.view.xAt(at);
      c.fillStyle = this.colors.get("line");
      c.fillRect(x, kAxis - 4, 1, this.view.height);
      c.fillStyle = this.colors.get("faint");
      c.fillText(text(at, every), x, kAxis / 2);
    }
    c.textAlign = "left";
  }

  private drawLane(task: number): void {
    const c = this.context;
    const y = this.view.yOf(task)!;
    const isDim = !this.view.search.hasTask(task);
    c.globalAlpha = isDim ? 0.25 : 1;
    if (this.view.index.isService(task)) c.globalAlpha *= 0.3;
    if (this.view.index.isPart) this.drawElsewhere(task, y);
    this.drawSpans(task, y);
    this.drawSteps(task, y, isDim);
    c.globalAlpha = 1;
  }

  private drawSpans(task: number, y: number): void {
    const c = this.context;
    const { index, scale, window, gutter, width: right } = this.view;
    const { spans, words } = index.doc;
    const end = index.spansOfTask[task + 1];
    let x = gutter;
    const columns = new Columns();
    for (let span = index.spanAt(task, window.from); span < end;) {
      const begin = this.view.xOf(spans.begin[span]);
      if (begin > right) break;
      const left = Math.max(begin, gutter - 2);
      const blocked = spans.kind[span] === SpanKind.blocked;
      const close = blocked ? right : this.view.xOf(spans.end[span]);
      if (close - begin < 1.5) {
        // Of spans that share a pixel is drawn how much of them is parked.
        x = Math.max(Math.floor(left), x);
        const next = this.view.place(x + 1);
        const share = scale.parkedShare(task, this.view.place(x), next);
        columns.add(x, share, share > kShareMin ? this.colors.parked(spans.object[span]) : this.colors.get("run"));
        ++x;
        span = Math.max(span + 1, index.spanAt(task, next.step));
        continue;
      }
      if (spans.kind[span] === SpanKind.running) {
        c.fillStyle = this.colors.get("run");
        c.fillRect(left, y - 1, close - left, 3);
      } else {
        c.fillStyle = blocked ? this.colors.get("bad") : this.colors.parked(spans.object[span]);
        c.fillRect(left, y - 8, close - left, 16);
        if (blocked) this.drawHatch(left, y, close);
        if (close - left > 44) this.drawLabel((blocked ? "blocked for ever: " : "") + words[spans.word[span]], left, y, close, blocked);
      }
      x = Math.floor(close);
      ++span;
    }
    columns.draw(c, y);
  }

  /** Of steps that are in other parts of the trace there are levels, or that the task lives is all that is known. */
  private drawElsewhere(task: number, y: number): void {
    const c = this.context;
    const { index, scale, levels, gutter, width } = this.view;
    const { first, last } = index.doc.tasks[task];
    if (first < 1) return;
    const begin = Math.max(gutter, this.view.xOf(first));
    const end = Math.min(width, this.view.xOf(last));
    if (end <= begin) return;
    c.fillStyle = this.colors.get("run");
    c.fillRect(begin, y - 1, end - begin, 3);
    const columns = new Columns();
    const here = { from: Math.ceil(this.view.xOf(index.first)), to: Math.floor(this.view.xOf(index.last + 1)) };
    for (let x = Math.floor(begin); x < end; ++x) {
      if (x >= here.from && x < here.to) x = here.to;
      if (x >= end) break;
      const from = this.view.place(x);
      const to = this.view.place(x + 1);
      const one = levels.find((level) => level.has(task, (from.step + to.step) / 2));
      const share = one?.parkedShare(task, from, to, scale) ?? 0;
      if (share > kShareMin) columns.add(x, share, this.colors.parked(one!.object(task, from.step, to.step)));
    }
    columns.draw(c, y);
  }

  private drawSteps(task: number, y: number, isDim: boolean): void {
    const c = this.context;
    const { index, search, window: { from, to } } = this.view;
    if ((this.view.width - this.view.gutter) / (to - from) < 1.5) return;
    const last = Math.min(index.last, Math.ceil(to));
    for (let step = Math.max(index.first, Math.floor(from)); step <= last; ++step) {
      if (index.task(step) !== task) continue;
      const isFound = search.steps !== undefined && search.has(step);
      c.globalAlpha = isDim || (search.steps !== undefined && !isFound) ? 0.3 : 1;
      c.fillStyle = this.colors.get(isFound ? "hit" : "ink");
      const size = isFound ? 4 : 2;
      c.fillRect(this.view.xOf(step) - size / 2, y - 6, size, 12);
    }
  }

  /** What is blocked is told without colour as well. */
  private drawHatch(left: number, y: number, right: number): void {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(left, y - 8, right - left, 16);
    c.clip();
    c.strokeStyle = this.colors.get("bad-ink");
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
    c.fillStyle = blocked ? this.colors.get("bad-ink") : this.colors.get("ink");
    c.fillText(text.slice(0, 200), Math.max(left, this.view.gutter) + 6, y);
    c.restore();
  }

  private drawSelection(height: number): void {
    if (this.view.selected < 1) return;
    const c = this.context;
    const x = this.view.xOf(this.view.selected);
    c.fillStyle = this.colors.get("mark");
    c.fillRect(x - 0.5, 0, 1, height);
    const y = this.view.yOf(this.view.taskOf(this.view.selected));
    if (y === undefined) return;
    c.strokeStyle = this.colors.get("mark");
    c.lineWidth = 2;
    c.strokeRect(x - 4, y - 9, 8, 18);
    c.lineWidth = 1;
  }

  private drawLinks(step: number): void {
    const { links } = this.view.index.doc;
    for (const i of [...(this.view.index.linksTo.get(step) ?? []), ...(this.view.index.linksFrom.get(step) ?? [])])
      this.drawArrow(links.from[i], this.view.index.task(links.from[i]), links.to[i], this.view.index.task(links.to[i]), this.colors.get("mark"));
  }

  private drawArrow(from: number, fromTask: number, to: number, toTask: number, color: string): void {
    const fromY = this.view.yOf(fromTask);
    const toY = this.view.yOf(toTask);
    if (fromY === undefined || toY === undefined) return;
    const c = this.context;
    const x0 = this.view.xOf(from);
    const x1 = this.view.xOf(to);
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
    const tasks = finding.steps.map((step) => this.view.taskOf(step));
    const c = this.context;
    const right = this.view.width - 14;
    c.strokeStyle = c.fillStyle = this.colors.get("ink");
    c.lineWidth = 2;
    tasks.forEach((task, i) => {
      const other = finding.cycle ? tasks[(i + 1) % tasks.length] : undefined;
      const y0 = this.view.yOf(task);
      const y1 = other === undefined ? undefined : this.view.yOf(other);
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
    c.fillStyle = this.colors.get("panel");
    c.fillRect(0, 0, this.view.gutter, this.view.height);
    c.fillStyle = this.colors.get("faint");
    c.fillText(this.view.byTime ? "time" : "step", 8, kAxis / 2);
    const selectedTask = this.view.taskOf(this.view.selected);
    c.save();
    c.beginPath();
    c.rect(0, kAxis, this.view.gutter - 4, this.view.height);
    c.clip();
    for (let lane = Math.floor(this.view.firstLane); lane < last; ++lane) {
      const task = this.view.index.doc.tasks[this.view.lanes[lane]];
      const chosen = this.view.selected > 0 && selectedTask === this.view.lanes[lane];
      c.font = `${chosen ? "bold " : ""}12px system-ui, sans-serif`;
      c.fillStyle = this.colors.get("ink");
      c.globalAlpha = this.view.search.hasTask(this.view.lanes[lane]) ? 1 : 0.4;
      c.fillText(task.name.slice(0, 100), 8 + Math.min(task.depth, 6) * 10, this.view.yOf(this.view.lanes[lane])!);
    }
    c.restore();
    c.globalAlpha = 1;
    c.fillStyle = this.colors.get("line");
    c.fillRect(this.view.gutter - 1, 0, 1, this.view.height);
  }
}

/** A multiple of `every` nanoseconds, in the largest unit that has no use for a point. */
function roundTime(at: number, every: number): string {
  const unit = every >= 1e9 ? 1e9 : every >= 1e6 ? 1e6 : every >= 1e3 ? 1e3 : 1;
  const name = { 1: "ns", 1e3: "\u00b5s", 1e6: "ms", 1e9: "s" }[unit];
  return at === 0 ? "0" : `${Math.round(at / unit).toLocaleString("en")} ${name}`;
}
