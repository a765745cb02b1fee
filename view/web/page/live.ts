// Follows a program that runs: what is new of it replaces what is shown, unless the reader holds that.
import { TraceDocument } from "./document";

const kRetryMs = 1000;

export interface Follower {
  replace(doc: TraceDocument): void;
  /** What there is to say of the connection. */
  tell(state: "following" | "paused" | "lost" | "over", events: number): void;
}

export class Live {
  private held = false;
  private loading = false;
  private newest = 0;   // Events there are.
  private version = "";  // What the program calls its state,
  private shown = "";    // and called it when what is shown was asked for.
  private state: "following" | "lost" | "over" = "following";

  constructor(events: number, private readonly follower: Follower) {
    this.newest = events;
    this.listen();
    this.tell();
  }

  get paused(): boolean { return this.held; }
  set paused(held: boolean) {
    this.held = held;
    this.tell();
    void this.load();
  }

  private tell(): void {
    this.follower.tell(this.state === "following" && this.held ? "paused" : this.state, this.newest);
  }

  private listen(): void {
    const source = new EventSource(`notices${location.search}`);
    const again = (state: "lost" | "over") => {
      source.close();
      this.state = state;
      this.tell();
      setTimeout(() => this.listen(), kRetryMs);
    };
    source.addEventListener("message", (event) => {
      const { events, version } = JSON.parse(event.data) as { events: string; version: string };
      this.newest = Number(events);
      this.version = version;
      this.state = "following";
      this.tell();
      void this.load();
    });
    source.addEventListener("end", () => again("over"));
    source.addEventListener("error", () => again(this.state === "over" ? "over" : "lost"));
  }

  private async load(): Promise<void> {
    if (this.held || this.loading || this.shown === this.version) return;
    this.loading = true;
    const asked = this.version;
    let isNew = false;
    try {
      const answer = await fetch(`document${location.search}`);
      if (answer.ok) {
        const doc = await answer.json() as TraceDocument;
        if (!this.held) {
          this.shown = asked;
          this.follower.replace(doc);
          isNew = true;
        }
      }
    } catch {
      // The notices tell of it.
    }
    this.loading = false;
    if (isNew) void this.load();  // What has come meanwhile.
  }
}
