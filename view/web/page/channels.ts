// What there is to know of each channel over the whole trace, or the part of it that is there.
import { ChangeKind, duration, Index, SpanKind } from "./document";
import { Actions, element, inSteps, shortened } from "./panels";

const kBuckets = 60;      // Of the depth over time.
const kRowsMax = 200;

interface Row { object: number; counts: Map<string, number>; wait: number; waitStep: number; depth: number[]; deepest: number }

function gather(index: Index): Row[] {
  const { doc } = index;
  const rows = new Map<number, Row>();
  doc.objects.forEach(({ kind }, object) => {
    if (kind === "channel") rows.set(object, { object, counts: new Map(), wait: 0, waitStep: 0, depth: new Array<number>(kBuckets).fill(0), deepest: 0 });
  });
  const { spans, changes } = doc;
  for (let step = index.first; step <= index.last; ++step) {
    if (index.phase(step) === 1) continue;  // It is counted when it is done.
    const row = rows.get(index.object(step));
    if (!row) continue;
    const name = index.operation(step);
    if (name === "make" || name === "register") continue;
    row.counts.set(name, (row.counts.get(name) ?? 0) + 1);
  }
  for (let i = 0; i < spans.task.length; ++i) {
    const row = spans.kind[i] === 0 ? undefined : rows.get(spans.object[i]);
    if (!row || index.count === 0) continue;
    const isForEver = spans.kind[i] === SpanKind.blocked;
    const wait = isForEver ? Infinity : index.time(Math.min(spans.end[i], index.last)) - index.time(spans.begin[i]);
    if (wait > row.wait || row.waitStep === 0) { row.wait = wait; row.waitStep = spans.begin[i]; }
  }
  const now = new Map<number, { size: number; bucket: number }>();
  const bucketOf = (step: number) => Math.max(0, Math.min(kBuckets - 1, Math.floor(((step - index.first + 1) / (index.count + 1)) * kBuckets)));
  const reach = (row: Row, at: { size: number; bucket: number }, bucket: number) => {
    for (let one = at.bucket + 1; one <= bucket; ++one) row.depth[one] = at.size;
    at.bucket = Math.max(at.bucket, bucket);
  };
  for (let i = 0; i < changes.step.length; ++i) {
    const row = rows.get(changes.object[i]);
    const kind = changes.kind[i];
    if (!row || (kind !== ChangeKind.push && kind !== ChangeKind.pop && kind !== ChangeKind.size)) continue;
    let at = now.get(row.object);
    if (!at) now.set(row.object, at = { size: 0, bucket: 0 });
    reach(row, at, bucketOf(changes.step[i]));
    at.size = kind === ChangeKind.push ? at.size + 1 : kind === ChangeKind.pop ? Math.max(0, at.size - 1) : changes.number[i];
    row.depth[at.bucket] = Math.max(row.depth[at.bucket], at.size);
    row.deepest = Math.max(row.deepest, at.size);
  }
  for (const [object, at] of now) reach(rows.get(object)!, at, kBuckets - 1);
  return [...rows.values()].filter((row) => row.counts.size > 0 || row.deepest > 0 || row.waitStep > 0);
}

/** The depth as a small picture; its words are for those who cannot see it. */
function picture(row: Row): SVGElement {
  const made = (name: string, attributes: Record<string, string>) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  };
  const svg = made("svg", { viewBox: `0 0 ${kBuckets} 16`, preserveAspectRatio: "none", class: "depth", role: "img", "aria-label": `at most ${row.deepest}` });
  const top = Math.max(row.deepest, 1);
  const points = row.depth.map((depth, i) => `L${i} ${(15 - (depth / top) * 14).toFixed(1)} L${i + 1} ${(15 - (depth / top) * 14).toFixed(1)}`);
  svg.append(made("path", { d: `M0 15 ${points.join(" ")} L${kBuckets} 15 Z` }));
  return svg;
}

export function showChannels(into: HTMLElement, index: Index, actions: Actions): void {
  const { doc } = index;
  const rows = gather(index);
  const table = element("table", {}, element("tr", {}, ...["channel", "operations", "depth over time", "most", "longest wait"].map((one) => element("th", {}, one))));
  for (const row of rows.slice(0, kRowsMax)) {
    const channel = doc.objects[row.object];
    const counts = [...row.counts].map(([name, count]) => `${count.toLocaleString("en")} ${name}`).join(", ");
    const wait = element("td");
    if (row.waitStep > 0) {
      const link = element("a", { href: `#s=${row.waitStep}` }, row.wait === Infinity ? "for ever" : duration(row.wait, doc.controlled));
      link.addEventListener("click", (event) => { event.preventDefault(); actions.select(row.waitStep); });
      wait.append(link);
    }
    const depth = element("td");
    if (channel.capacity > 0) depth.append(picture(row));
    table.append(element("tr", {},
      element("td", { class: "name" }, `${shortened(channel.name, 120)} (${shortened(channel.type, 40)})`),
      element("td", {}, counts), depth,
      element("td", {}, channel.capacity > 0 ? `${row.deepest} of ${channel.capacity}` : "unbuffered"), wait));
  }
  into.replaceChildren(...(index.isPart ? [element("p", {}, `Of the ${inSteps(index)}; waits count from where they began.`)] : []), table);
  if (rows.length > kRowsMax) into.append(element("p", {}, `and ${rows.length - kRowsMax} more`));
  if (rows.length === 0) table.replaceWith(element("p", {}, "no channel is used"));
}
