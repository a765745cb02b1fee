// The whole trace in a small strip: which task makes steps where, and what of it is seen below.
import { Colors } from "./colors";
import { Timeline } from "./timeline";

export class Overview {
  private readonly context: CanvasRenderingContext2D;
  private readonly picture = document.createElement("canvas");  // What does not change from frame to frame,
  private pictureOf: unknown[] = [];                            // and what it depends on.

  constructor(readonly canvas: HTMLCanvasElement, private readonly timeline: Timeline, private readonly colors: Colors) {
    this.context = canvas.getContext("2d")!;
  }

  private get whole(): { low: number; high: number } {
    const { from, to } = this.timeline.whole();
    return { low: this.timeline.scale.at(from), high: this.timeline.scale.at(to) };
  }

  private xOf(step: number): number {
    const { scale, gutter, width } = this.timeline;
    const { low, high } = this.whole;
    return gutter + ((scale.at(step) - low) / (high - low)) * (width - gutter);
  }

  positionOf(x: number): number {
    const { gutter, width } = this.timeline;
    const { low, high } = this.whole;
    return low + ((x - gutter) / (width - gutter)) * (high - low);
  }

  draw(ratio: number): void {
    const c = this.context;
    const { gutter, width, window, selected, search } = this.timeline;
    const height = this.canvas.clientHeight;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawPicture(ratio, height);
    c.drawImage(this.picture, 0, 0, this.canvas.clientWidth, height);
    if (search.steps) {
      c.fillStyle = this.colors.get("hit");
      const some = Math.max(1, Math.floor(search.steps.length / (width * 2)));
      for (let i = 0; i < search.steps.length; i += some) c.fillRect(this.xOf(search.steps[i]) - 1, height - 4, 2, 4);
    }
    const left = this.xOf(window.from);
    const right = this.xOf(window.to);
    c.fillStyle = this.colors.get("ink");
    c.globalAlpha = 0.12;
    c.fillRect(gutter, 0, left - gutter, height);
    c.fillRect(right, 0, width - right, height);
    c.globalAlpha = 1;
    c.strokeStyle = this.colors.get("mark");
    c.strokeRect(left + 0.5, 0.5, Math.max(3, right - left - 1), height - 1);
    if (selected > 0) { c.fillStyle = this.colors.get("mark"); c.fillRect(this.xOf(selected) - 1, 0, 2, height); }
  }

  private drawPicture(ratio: number, height: number): void {
    const { scale, index, levels, gutter, width } = this.timeline;
    const of = [...(index.isPart ? [levels.at(-1), scale.byTime] : [index, scale]), gutter, width, height, ratio, this.colors.get("paper")];
    if (of.every((one, i) => one === this.pictureOf[i])) return;
    this.pictureOf = of;
    this.picture.width = this.canvas.width;
    this.picture.height = this.canvas.height;
    const c = this.picture.getContext("2d")!;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = this.colors.get("panel");
    c.fillRect(0, 0, this.canvas.clientWidth, height);
    // Which task makes a step, as a dot; of many steps some.
    const tasks = Math.max(1, index.doc.tasks.length);
    const tall = Math.max(1.5, (height - 8) / tasks - 1);
    const yOf = (task: number) => 3 + (task / tasks) * (height - 8);
    const every = Math.max(1, Math.floor(index.count / ((width - gutter) * 4)));
    const wide = Math.max(1, scale.byTime ? 1 : (width - gutter) / index.total - 0.5);
    c.fillStyle = this.colors.get("run");
    levels.at(-1)?.forActive((task, from, to, share) => {
      const x = this.xOf(from);
      c.globalAlpha = 0.25 + 0.75 * share;
      c.fillRect(x, yOf(task), Math.max(1, this.xOf(to) - x - 0.5), tall);
    });
    c.globalAlpha = 1;
    if (levels.length === 0)
      for (let step = index.first; step <= index.last; step += every) c.fillRect(this.xOf(step), yOf(index.task(step)), wide, tall);
    c.fillStyle = this.colors.get("bad");
    for (const finding of index.doc.findings)
      for (const step of finding.steps) if (step > 0) c.fillRect(this.xOf(step) - 1, 0, 3, height);
  }
}
