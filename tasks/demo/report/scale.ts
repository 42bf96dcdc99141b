/** From values to places in a picture, which is as wide as the page lets it be: in per cent. */
import { textElement } from "./markup.ts";

/** The narrowest a picture gets, in pixels: on a page of 400. */
const NARROWEST_PX = 330;
const CHARACTER_PX = 7;
const MOST_TICKS = 6;

export class Scale {
  constructor(readonly from: number, readonly to: number) {}

  /** Where a value is, from 0 to 100; what is outside is at the edge. */
  place(value: number): number {
    const span = this.to - this.from;
    if (span <= 0) return 0;
    return Math.min(100, Math.max(0, (value - this.from) / span * 100));
  }

  /** The same as an attribute. */
  x(value: number): string {
    return percent(this.place(value));
  }

  width(from: number, to: number): string {
    return percent(this.place(to) - this.place(from));
  }

  /** Whether a text has room between two values, however narrow the page is. */
  holds(text: string, from: number, to: number): boolean {
    return text.length * CHARACTER_PX + 8 <=
      (this.place(to) - this.place(from)) / 100 * NARROWEST_PX;
  }

  /** Round values, of 1, 2 or 5 times a power of ten apart. */
  ticks(): number[] {
    const rough = (this.to - this.from) / MOST_TICKS;
    if (!(rough > 0)) return [this.from];
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ??
      rough;
    const first = Math.ceil(this.from / step - 1e-9);
    const count = Math.floor(this.to / step + 1e-9) - first + 1;
    return Array.from(
      { length: count },
      (_, index) => Number(((first + index) * step).toPrecision(12)),
    );
  }

  /** The ticks as texts at a height; the last one has the unit. */
  axis(y: number, unit: string): string {
    const ticks = this.ticks();
    return ticks.map((tick, index) => {
      const text = index === ticks.length - 1 ? `${tick} ${unit}` : String(tick);
      const place = this.place(tick);
      const anchor = place < 4 ? "start" : place > 88 ? "end" : "middle";
      return textElement(
        "text",
        { class: "axis", x: percent(place), y, "text-anchor": anchor },
        text,
      );
    }).join("");
  }
}

function percent(value: number): string {
  return `${Number(value.toFixed(3))}%`;
}
