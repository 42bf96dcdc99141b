/** Elements of HTML and SVG as text. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand in an element, or in a quoted attribute. Control characters, which no document may have, become U+FFFD. */
export function escape(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]);
}

/** Of an element; undefined for none. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element. Attributes are escaped here; children are markup already. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const inside = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escape(String(value))}"`);
  return `<${name}${inside.join("")}>${children.join("")}</${name}>`;
}

/** An element that has nothing but text. */
export function textElement(name: string, attributes: Attributes, text: string): string {
  return element(name, attributes, escape(text));
}
