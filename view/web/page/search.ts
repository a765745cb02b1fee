// What is searched for: words that must all stand in a step, some of them in a certain part of it.
import { Index } from "./document";

interface Term { part: "text" | "task" | "on" | "op" | "at"; text: string }

function parse(query: string): Term[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const match = /^(task|on|op|at):(.*)$/.exec(word);
    return match ? { part: match[1] as Term["part"], text: match[2] } : { part: "text", text: word };
  });
}

/** The steps that have all that is asked for; undefined: nothing is asked for. */
export class Search {
  readonly steps: number[] | undefined;
  private readonly found = new Set<number>();
  readonly tasks = new Set<number>();

  constructor(index: Index, query: string) {
    const terms = parse(query);
    if (terms.length === 0) return;
    const { doc } = index;
    // Each text is looked at once, however many steps have it.
    const lower = (texts: string[]) => texts.map((text) => text.toLowerCase());
    const words = lower(doc.words);
    const places = lower(doc.places);
    const operations = lower(doc.operations);
    const tasks = lower(doc.tasks.map((task) => task.name));
    const objects = lower(doc.objects.map((object) => object.name));
    const steps: number[] = [];
    const of = (texts: string[], i: number) => (i < 0 ? "" : texts[i]);
    for (let step = index.first; step <= index.last; ++step) {
      const i = index.row(step);
      const has = terms.every(({ part, text }) => {
        switch (part) {
          case "task": return tasks[doc.steps.task[i]].includes(text);
          case "on": return of(objects, doc.steps.object[i]).includes(text);
          case "op": return operations[doc.steps.operation[i]].includes(text);
          case "at": return of(places, doc.steps.place[i]).includes(text);
          default:
            return words[doc.steps.word[i]].includes(text) || tasks[doc.steps.task[i]].includes(text) ||
              of(places, doc.steps.place[i]).includes(text);
        }
      });
      if (!has) continue;
      steps.push(step);
      this.found.add(step);
      this.tasks.add(doc.steps.task[i]);
    }
    this.steps = steps;
  }

  has(step: number): boolean { return this.steps === undefined || this.found.has(step); }
  hasTask(task: number): boolean { return this.steps === undefined || this.tasks.has(task); }

  /** The nearest one behind `step`, or before it; around the end where there is none. */
  next(step: number, direction: 1 | -1): number | undefined {
    const steps = this.steps;
    if (!steps || steps.length === 0) return undefined;
    if (direction > 0) return steps.find((one) => one > step) ?? steps[0];
    for (let i = steps.length; i-- > 0;) if (steps[i] < step) return steps[i];
    return steps[steps.length - 1];
  }
}
