// Serves a trace part by part, as the command does a long one: everything is worked out anew from the
// document of the whole, by counting.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { kData } from "./support.mjs";

/** Of one text table those that are used, in the order of their use. */
function used(texts, ...columns) {
  const numbers = new Map();
  const renumbered = columns.map((column) => column.map((one) => {
    if (one < 0) return one;
    if (!numbers.has(one)) numbers.set(one, numbers.size);
    return numbers.get(one);
  }));
  return [[...numbers.keys()].map((one) => texts[one]), ...renumbered];
}

export class Whole {
  /** `size`: of a part, in steps. */
  constructor(doc, size) {
    this.doc = doc;
    this.size = size;
    this.total = doc.steps.task.length;
    let now = 0;
    this.times = doc.steps.time.map((time) => now += time);
  }

  /** With a step well inside, where the trace has no end nearby. */
  partWith(step) {
    const grid = this.size / 4;
    const first = Math.max(1, Math.min(Math.round((step - this.size / 2) / grid) * grid + 1, this.total - this.size + 1));
    return this.part(first, Math.min(this.total, first + this.size - 1));
  }

  part(from, to) {
    const { doc, times } = this;
    const at = (column) => column.map((_, i) => i);
    const spans = at(doc.spans.task).filter((i) => doc.spans.end[i] > from && doc.spans.begin[i] <= to);
    const begins = [...new Set(spans.filter((i) => doc.spans.kind[i] !== 0).map((i) => doc.spans.begin[i]).filter((step) => step < from))].sort((a, b) => a - b);
    const before = begins.length;
    const early = new Map(begins.map((step, row) => [step, row]));
    const rows = [...begins, ...Array.from({ length: to - from + 1 }, (_, i) => from + i)];
    const local = (step) => (step > to ? rows.length + 1 : step >= from ? step - from + 1 + before : (early.get(step) ?? -1) + 1);
    const pick = (table, which, change = {}) => Object.fromEntries(Object.entries(table).map(([name, column]) =>
      [name, which.map((i) => (change[name] ? change[name](column[i], i) : column[i]))]));
    const steps = pick(doc.steps, rows.map((step) => step - 1));
    steps.time = rows.map((step, i) => times[step - 1] - (i === 0 ? 0 : times[rows[i - 1] - 1]));
    const spanTable = pick(doc.spans, spans, {
      begin: (step, i) => (doc.spans.kind[i] === 0 && step < from ? before + 1 : local(step)),
      end: local,
      // That it is for ever shows at the end alone.
      kind: (kind) => (kind === 2 && to < this.total ? 1 : kind),
    });
    const links = at(doc.links.to).filter((i) => [doc.links.from[i], doc.links.to[i]].every((step) => local(step) > 0 && step <= to));
    const changes = at(doc.changes.step).filter((i) => doc.changes.step[i] <= to);
    const [words, word, value, spanWord] = used(doc.words, steps.word, steps.value, spanTable.word);
    const [places, place] = used(doc.places, steps.place);
    const [operations, operation] = used(doc.operations, steps.operation);
    return {
      ...doc, words, places, operations,
      part: { first: from - before, before, begins, total: this.total, base: "1/" },
      steps: { ...steps, word, value, place, operation },
      spans: { ...spanTable, word: spanWord },
      links: pick(doc.links, links, { from: local, to: local }),
      changes: pick(doc.changes, changes, {
        step: (step) => (step < from ? 0 : local(step)),
        number: (number, i) => (doc.changes.kind[i] !== 0 ? number : number < from ? 0 : local(number)),
      }),
    };
  }

  levels(from, to, cells, lane, lanes) {
    const { doc, total } = this;
    const every = Math.max(1, Math.ceil((to - from + 1) / cells));
    const count = Math.ceil((to - from + 1) / every);
    const table = (value) => Array.from({ length: Math.max(0, Math.min(lanes, doc.tasks.length - lane)) }, () => new Array(count).fill(value));
    const [steps, parked, object] = [table(0), table(0), table(-1)];
    const behind = Math.min(from + count * every, total + 1);
    for (let step = from; step < behind; ++step) {
      const row = steps[doc.steps.task[step - 1] - lane];
      if (row) ++row[Math.floor((step - from) / every)];
    }
    doc.spans.task.forEach((task, i) => {
      if (!parked[task - lane] || doc.spans.kind[i] === 0) return;
      for (let step = Math.max(from, doc.spans.begin[i]); step < Math.min(behind, doc.spans.end[i]); ++step) {
        const cell = Math.floor((step - from) / every);
        ++parked[task - lane][cell];
        object[task - lane][cell] = doc.spans.object[i];
      }
    });
    const time = Array.from({ length: count + 1 }, (_, i) => this.times[Math.min(from + i * every, total) - 1]);
    return { from, every, lane, total, steps, parked, object, time };
  }

  next(from, direction, query) {
    const { doc } = this;
    const fits = (step) => {
      if (query.has("task")) return doc.steps.task[step - 1] === Number(query.get("task"));
      if (query.has("object")) return doc.steps.object[step - 1] === Number(query.get("object"));
      return query.has("q") && doc.words[doc.steps.word[step - 1]].includes(query.get("q"));
    };
    for (let step = from + direction; step >= 1 && step <= this.total; step += direction) if (fits(step)) return step;
    return 0;
  }
}

/** `page`: one that the command made of a whole trace. `opensAt`: a step of the part that a page has at first. */
export async function servePartsOf(page, opensAt, size = 500) {
  const whole = new Whole(JSON.parse(kData.exec(readFileSync(page, "utf8"))[2]), size);
  const template = readFileSync(join(import.meta.dirname, "..", "page.html"), "utf8");
  const served = { whole, asked: [], waits: undefined, fails: undefined };
  const answer = (address) => {
    const query = address.searchParams;
    const number = (name) => Number(query.get(name));
    switch (address.pathname) {
      case "/1/document": return whole.partWith(number("step"));
      case "/1/levels": return whole.levels(number("from"), number("to"), number("cells"), number("lane"), number("lanes"));
      case "/1/next": return { step: whole.next(number("from"), number("direction"), query) };
      default: return undefined;
    }
  };
  const server = createServer(async (request, response) => {
    const address = new URL(request.url, "http://localhost");
    if (address.pathname === "/1") {
      const data = JSON.stringify(whole.partWith(opensAt)).replaceAll("<", "\\u003c");
      response.setHeader("content-type", "text/html").end(template.replace("{data}", () => data));
      return;
    }
    served.asked.push(address.pathname + address.search);
    await served.waits?.(address);
    if (served.fails?.(address)) {
      response.writeHead(503).end("out of <b>memory</b>");
      return;
    }
    const found = answer(address);
    if (found === undefined) response.writeHead(404).end("no such thing");
    else response.setHeader("content-type", "application/json").end(JSON.stringify(found));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  served.address = `http://127.0.0.1:${server.address().port}/1`;
  served.close = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  return served;
}
