// The colours of the page's style, light or dark, for what is drawn.

const kNames = ["paper", "ink", "faint", "line", "panel", "run", "bad", "bad-ink", "mark", "hit", "park-light", "park-chroma"] as const;
type Name = typeof kNames[number];

export class Colors {
  private readonly named: Record<string, string> = {};
  private readonly ofObjects = new Map<number, string>();

  constructor() { this.read(); }

  /** Again, when what the reader prefers has changed. */
  read(): void {
    this.ofObjects.clear();
    const style = getComputedStyle(document.documentElement);
    for (const name of kNames) this.named[name] = style.getPropertyValue(`--${name}`).trim();
  }

  get(name: Name): string { return this.named[name]; }

  /** Objects are told apart by their colour, and those without one by the text beside them. */
  parked(object: number): string {
    const known = this.ofObjects.get(object);
    if (known !== undefined) return known;
    const hue = object < 0 ? 210 : (object * 137.5 + 30) % 330;  // No red: that is what is blocked.
    const color = `hsl(${hue + 15} ${this.get("park-chroma")} ${this.get("park-light")})`;
    this.ofObjects.set(object, color);
    return color;
  }
}
