import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { element, escape, textElement } from "../../../../tasks/demo/report/markup.ts";

Deno.test("escape leaves no character that means something to HTML or SVG", () => {
  assertEquals(escape(`<a b="c" d='e'>&amp;`), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;");
  assertEquals(escape("a\x00\x1bz\n"), "a\ufffd\ufffdz\n");
});

Deno.test("escape can be undone, whatever the text is", () => {
  const entities = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."<>\"'&a;#39ltmp ") }), (text) => {
    const escaped = escape(text);
    const back = escaped.replace(/&[^;]*;/g, (entity) => entities[entity as keyof typeof entities]);
    return back === text && !/[<>"']/.test(escaped);
  }));
});

Deno.test("element escapes attributes, leaves out those without a value, and takes markup as children", () => {
  const made = element("a", { title: `"<&`, none: undefined, size: 3 }, "<b></b>");
  assertEquals(made, '<a title="&quot;&lt;&amp;" size="3"><b></b></a>');
});

Deno.test("textElement escapes its text", () => {
  assertEquals(textElement("p", {}, "1 < 2"), "<p>1 &lt; 2</p>");
});
