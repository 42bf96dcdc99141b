/** What all pictures have in common. */
import { element, escape, textElement } from "./markup.ts";

/** How something is coloured; style.ts has the colours. */
export type Tone = "good" | "bad" | "odd" | "calm" | "busy" | "none";

/** A picture with its description for who cannot see it. Its width is the page's, its height is in pixels. */
export function picture(
  kind: string,
  height: number,
  description: string,
  ...children: string[]
): string {
  return element(
    "svg",
    { class: `picture ${kind}`, width: "100%", height, role: "img", "aria-label": description },
    textElement("title", {}, description),
    ...children,
  );
}

/** A line of text over what it is about. */
export function label(y: number, text: string): string {
  return textElement("text", { class: "label", x: 0, y }, text);
}

/** A piece of a picture that says what it is when it is pointed at. */
export function bar(
  place: { x: string; y: number; width: string; height: number },
  tone: Tone | string,
  text: string,
): string {
  return element("rect", { class: tone, ...place }, textElement("title", {}, text));
}

/** What the tones mean, under a picture. */
export function legend(entries: readonly (readonly [Tone | string, string])[]): string {
  const items = entries.map(([tone, text]) =>
    element("li", {}, element("i", { class: tone }), escape(text))
  );
  return element("ul", { class: "legend" }, ...items);
}

/** A picture with its heading and what is under it. */
export function figure(heading: string, ...children: string[]): string {
  return element("figure", {}, textElement("figcaption", {}, heading), ...children);
}

/** Neighbours of one kind made one: [kind, from, to behind the last]. */
export function runs<T>(values: readonly T[]): [T, number, number][] {
  const found: [T, number, number][] = [];
  values.forEach((value, index) => {
    const last = found.at(-1);
    if (last !== undefined && last[0] === value) last[2] = index + 1;
    else found.push([value, index, index + 1]);
  });
  return found;
}
