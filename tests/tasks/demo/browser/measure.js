/**
 * Runs in the page: what is wrong with how the report looks, as texts. Boxes may touch, and be wrong by a pixel, as fonts are.
 */
// deno-lint-ignore-file no-unused-vars
function measure() {
  const SLACK_PX = 1.5;
  const problems = [];
  const named = (element) =>
    `${element.tagName.toLowerCase()} "${element.textContent.slice(0, 40)}"`;
  const boxOf = (element) => element.getBoundingClientRect();
  const inside = (box, outer) =>
    box.left >= outer.left - SLACK_PX && box.right <= outer.right + SLACK_PX &&
    box.top >= outer.top - SLACK_PX && box.bottom <= outer.bottom + SLACK_PX;
  const overlap = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > SLACK_PX &&
    Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > SLACK_PX;
  const apart = (elements) => {
    const boxes = elements.map(boxOf);
    elements.forEach((element, i) => {
      for (let j = 0; j < i; j++) {
        if (overlap(boxes[i], boxes[j])) {
          problems.push(`${named(element)} is on ${named(elements[j])}`);
        }
      }
    });
  };

  for (const details of document.querySelectorAll("details")) details.open = true;
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) problems.push(`the page is ${page.scrollWidth} wide`);

  const leaves = [...document.querySelectorAll("body *:not(svg, svg *)")].filter((element) =>
    element.children.length === 0 && element.textContent.trim() !== ""
  );
  for (const element of leaves) {
    const { left, right } = boxOf(element);
    if (left < 0 || right > page.clientWidth) problems.push(`${named(element)} is cut off`);
  }
  apart(leaves);

  for (const svg of document.querySelectorAll("svg")) {
    const texts = [...svg.querySelectorAll("text")];
    for (const text of texts) {
      if (!inside(boxOf(text), boxOf(svg))) problems.push(`${named(text)} is outside its picture`);
    }
    apart(texts);
    const bars = [...svg.querySelectorAll("rect")].map(boxOf);
    for (const text of svg.querySelectorAll("text.on")) {
      if (!bars.some((bar) => inside(boxOf(text), bar))) {
        problems.push(`${named(text)} is wider than its bar`);
      }
    }
    const shapes = [...bars, ...[...svg.querySelectorAll("circle")].map(boxOf)];
    if (shapes.every(({ width, height }) => width * height === 0)) {
      problems.push(`${named(svg)} is empty`);
    }
  }
  return problems;
}

/** How many colours an image has, and how bright it is on the average, from 0 to 255. */
async function look(base64) {
  const image = new Image();
  image.src = `data:image/png;base64,${base64}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const colours = new Set();
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) {
    colours.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
    sum += data[at] + data[at + 1] + data[at + 2];
  }
  return { colours: colours.size, brightness: sum / (data.length / 4) / 3, height: image.height };
}
