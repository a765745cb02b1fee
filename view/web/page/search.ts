// What is searched for: words that must all stand in a step, some of them in a certain part of it.
import { Index } from "./document";

interface Term { part: "text" | "task" | "on" | "op" | "at"; text: string }

/** Words, or phrases in quotes, with the name of a part before them or not; a quote that is not closed goes to the end. */
function parse(query: string): { terms: Term[]; unknownPart: string } {
  const terms: Term[] = [];
  let unknownPart = "";
  for (const match of query.toLowerCase().matchAll(/(task|on|op|at):(?=\s|$)|(?:(task|on|op|at):)?(?:"([^"]*)(?:"|$)|(\S+))/g)) {
    const [, bare, part, phrase, word] = match;
    if (part === undefined && bare === undefined && (phrase ?? word) === "") continue;
    terms.push({ part: (part ?? bare ?? "text") as Term["part"], text: phrase ?? word ?? "" });
    if (part === undefined && word !== undefined) unknownPart ||= /^([a-z]+):(?!:)/.exec(word)?.[1] ?? "";
  }
  return { terms, unknownPart };
}

/** The steps that have all that is asked for; undefined: nothing is asked for. */
export class Search {
  readonly steps: number[] | undefined;
  private readonly found = new Set<number>();
  readonly tasks = new Set<number>();
  /** What looks like the name of a part and is none; "": nothing does. */
  readonly unknownPart: string = "";

  constructor(index: Index, query: string) {
    const { terms, unknownPart } = parse(query);
    if (terms.length === 0) return;
    this.unknownPart = unknownPart;
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
