// The parts of a trace that is too long for one page: which are there, and what is asked for next.
import { Index, TraceDocument } from "./document";
import { Levels, LevelsDocument } from "./levels";
import { Window } from "./scale";
import { States } from "./state";

const kKept = 3;         // Parts.
const kRetryMs = 1000;
const kPartMax = 0.5;    // Of a part: where more is seen, levels have to do.
const kEdge = 0.1;       // Of a part: what is seen comes no nearer to its end before the next one is there.
const kLanesMax = 256;   // Of which one picture is asked for.
const kCells = 1200;     // Of the picture of the whole.
const kCellsMax = 4096;

/** A part of a trace, or all of it. */
export class Loaded {
  readonly index: Index;
  readonly states: States;
  readonly askedFor = new Set<number>();  // Steps.

  constructor(doc: TraceDocument) {
    this.index = new Index(doc);
    this.states = new States(this.index);
  }

  /** How many of the steps from one to another are here, and how far they are from where it ends, if it ends before the trace. */
  fit({ from, to }: Window): { covered: number; margin: number } {
    const { first, last, total } = this.index;
    const low = Math.max(1, from);
    const high = Math.min(total, to);
    return {
      covered: Math.max(0, Math.min(high, last + 1) - Math.max(low, first - 1)) / Math.max(1, high - low),
      margin: Math.min(first <= 1 ? Infinity : low - first, last >= total ? Infinity : last - high),
    };
  }
}

/** Asks for one thing at a time, and again after a failure; of what is wished meanwhile the newest counts. */
class Asker<T> {
  wish = "";
  problem = "";
  private isBusy = false;

  constructor(private readonly base: string, private readonly got: (answer: T, address: string) => void, private readonly tell: () => void) {}

  /** "": nothing is wanted any more. */
  ask(address: string): void {
    if (address === this.wish) return;
    this.wish = address;
    this.problem = "";
    void this.work();
    this.tell();
  }

  private async work(): Promise<void> {
    if (this.isBusy || this.wish === "") return;
    this.isBusy = true;
    const address = this.wish;
    try {
      const answer = await fetch(this.base + address + location.search.replace("?", "&"));
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 200) || `status ${answer.status}`);
      const it = await answer.json() as T;
      if (this.wish === address) {
        this.got(it, address);
        this.problem = "";
        if (this.wish === address) this.wish = "";
      }
    } catch (error) {
      if (this.wish === address) {
        this.problem = error instanceof Error ? error.message : String(error);
        this.tell();
        await new Promise((done) => setTimeout(done, kRetryMs));
      }
    }
    this.isBusy = false;
    this.tell();
    void this.work();
  }
}

export interface Follower {
  /** What is seen is in another part now. */
  show(loaded: Loaded): void;
  /** Parts or levels have come. */
  arrived(): void;
  tell(words: string, isBad: boolean): void;
}

/** What is seen, as far as it says what has to be there. */
export interface View { window: Window; lanes: { low: number; high: number }; pixels: number }

export class Windows {
  private kept: Loaded[];  // The last used one first.
  private whole: Levels | undefined;
  private near: Levels | undefined;
  private nearAddress = "";
  private found: (step: number) => void = () => {};
  private nothingFound = false;
  private readonly parts: Asker<TraceDocument>;
  private readonly pictures: Asker<LevelsDocument>;
  private readonly nexts: Asker<{ step: number }>;

  constructor(public current: Loaded, private readonly follower: Follower) {
    this.kept = [current];
    const base = current.index.doc.part?.base ?? "";
    const tell = () => this.tell();
    this.parts = new Asker(base, (doc, address) => this.keep(new Loaded(doc), Number(address.split("=")[1])), tell);
    this.pictures = new Asker(base, (data, address) => {
      if (this.whole) this.near = new Levels(data); else this.whole = new Levels(data);
      this.nearAddress = address;
      follower.arrived();
    }, tell);
    this.nexts = new Asker(base, ({ step }) => {
      this.nothingFound = step === 0;
      this.found(step);
    }, tell);
    this.tell();
  }

  /** Another trace. */
  reset(loaded: Loaded): void {
    this.current = loaded;
    this.kept = [loaded];
  }

  get levels(): Levels[] { return [this.near, this.whole].filter((one) => one !== undefined); }

  /** A part that has a step. */
  holding(step: number): Loaded | undefined {
    return [this.current, ...this.kept].find(({ index }) => index.has(step));
  }

  /** -1: it is not known. */
  taskOf(step: number): number {
    for (const { index } of this.kept) if (index.row(step) >= 0) return index.task(step);
    return -1;
  }

  /** Asks for what is seen and not there. `step`: one that has to be there too; 0: none. */
  follow(view: View, step: number): void {
    if (!this.current.index.isPart) return;
    this.choose(view.window);
    const isMissing = step > 0 && !this.holding(step) && !this.wasAskedFor(step);
    this.parts.ask(isMissing ? `document?step=${step}` : this.lacking(view.window));
    this.askForLevels(view);
  }

  /** The nearest step behind one, or before it, that a server finds; 0: there is none. */
  next(step: number, direction: 1 | -1, query: string, found: (step: number) => void): void {
    this.nothingFound = false;
    this.found = found;
    this.nexts.ask(`next?from=${step}&direction=${direction}&${query}`);
  }

  /** Nobody waits for it any longer. */
  forgetNext(): void {
    this.nothingFound = false;
    this.found = () => {};
    this.nexts.ask("");
    this.tell();
  }

  private wasAskedFor(step: number): boolean { return this.kept.some(({ askedFor }) => askedFor.has(step)); }

  private keep(loaded: Loaded, asked: number): void {
    const same = this.kept.find(({ index }) => index.first === loaded.index.first && index.last === loaded.index.last);
    (same ?? loaded).askedFor.add(asked);
    if (!same) this.kept = [this.current, loaded, ...this.kept.filter((one) => one !== this.current)].slice(0, kKept);
    this.follower.arrived();
  }

  /** Of the parts that are there the one that has most of what is seen; the same as before if it will do. */
  private choose(seen: Window): void {
    const room = (kEdge / 2) * this.current.index.count;
    const now = this.current.fit(seen);
    let best = this.current;
    for (const one of this.kept) {
      const { covered, margin } = one.fit(seen);
      const than = best.fit(seen);
      if (covered > than.covered + 0.01 || (covered >= than.covered && now.margin < room && margin > than.margin)) best = one;
    }
    if (best === this.current) return;
    this.current = best;
    this.kept = [best, ...this.kept.filter((one) => one !== best)];
    this.follower.show(best);
    this.tell();
  }

  /** What to ask for so that all of what is seen is there; "": nothing. */
  private lacking(seen: Window): string {
    const { index } = this.current;
    const isEnough = (one: Loaded) => one.fit(seen).margin >= one.index.count * kEdge;
    if (seen.to - seen.from > index.count * kPartMax || this.kept.some(isEnough)) return "";
    // Round numbers, so that each small move is no new wish.
    const round = Math.max(1, Math.floor(index.count / 8));
    const low = Math.max(seen.from, 1);
    const high = Math.min(seen.to, index.total);
    // Whoever comes near an edge will go on that way.
    const ahead = this.current.fit(seen).covered < 1 ? 0 : low - index.first < index.last - high ? -1 : 1;
    const middle = (low + high) / 2 + (ahead * (index.count - (high - low))) / 4;
    const step = Math.max(1, Math.min(Math.round(middle / round) * round, index.total));
    return this.wasAskedFor(step) ? "" : `document?step=${step}`;
  }

  private askForLevels({ window: { from, to }, lanes, pixels }: View): void {
    const { first, last, total } = this.current.index;
    const isThere = Math.max(1, from) >= first - 1 && Math.min(total, to) <= last + 1;
    const steps = (to - from) / pixels;
    if (!this.whole) {
      const all = Math.min(this.current.index.doc.tasks.length, kLanesMax);
      this.pictures.ask(`levels?from=1&to=${total}&cells=${kCells}&lane=0&lanes=${all}`);
      return;
    }
    const isFine = this.whole.data.every <= 2 * steps && this.whole.hasLane(lanes.low) && this.whole.hasLane(lanes.high);
    if (isThere || isFine || lanes.high < lanes.low) { this.pictures.ask(""); return; }
    // Half a picture more at each side, and round numbers, so that each small move is no new wish.
    const grid = 2 ** Math.ceil(Math.log2(Math.max(2, to - from))) / 2;
    const low = Math.max(1, (Math.floor(from / grid) - 1) * grid);
    const high = Math.min(total, (Math.ceil(to / grid) + 1) * grid);
    const cells = Math.max(1, Math.min(kCellsMax, Math.ceil((high - low) / Math.max(0.5, grid / pixels))));
    const lane = Math.floor(lanes.low / 16) * 16;
    const behind = Math.min((Math.floor(lanes.high / 16) + 1) * 16, lane + kLanesMax, this.current.index.doc.tasks.length);
    const address = `levels?from=${low}&to=${high}&cells=${cells}&lane=${lane}&lanes=${behind - lane}`;
    this.pictures.ask(address === this.nearAddress ? "" : address);
  }

  private tell(): void {
    const { index } = this.current;
    if (!index.isPart) return;
    const number = (step: number) => step.toLocaleString("en");
    const around = `steps around ${number(Number(this.parts.wish.split("=")[1]))}`;
    if (this.parts.problem) this.follower.tell(`${around} cannot be loaded (${this.parts.problem}), trying again`, true);
    else if (this.nexts.problem) this.follower.tell(`cannot search the other steps (${this.nexts.problem}), trying again`, true);
    else if (this.pictures.problem) this.follower.tell(`cannot draw the other steps (${this.pictures.problem}), trying again`, true);
    else if (this.parts.wish) this.follower.tell(`loading ${around}`, false);
    else if (this.nexts.wish) this.follower.tell("looking through the other steps", false);
    else if (this.nothingFound) this.follower.tell("there is no such step", false);
    else this.follower.tell(`steps ${number(index.first)} to ${number(index.last)} of ${number(index.total)}`, false);
  }
}
