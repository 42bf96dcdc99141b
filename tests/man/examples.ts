/** The EXAMPLES of a man page, as a reader would type them. */

function sectionOf(page: string): string[] {
  const text = /^\.Sh EXAMPLES\n([^]*?)^\.Sh /m.exec(page)?.[1];
  if (text === undefined) throw new Error("the page has no EXAMPLES");
  return text.split("\n");
}

function unescaped(line: string): string {
  return line.replace(/^\\&/, "").replaceAll("\\(dq", '"').replaceAll("\\e", "\\");
}

/** What stands in literal blocks, each line of which is as it is. */
export function literalBlocks(page: string): string[] {
  const blocks: string[] = [];
  let block: string[] | undefined;
  for (const line of sectionOf(page)) {
    if (line.startsWith(".Bd -literal")) block = [];
    else if (line === ".Ed" && block !== undefined) {
      blocks.push(block.map((one) => `${unescaped(one)}\n`).join(""));
      block = undefined;
    } else block?.push(line);
  }
  return blocks;
}

/** The commands, in order: what stands behind a root's prompt, in a block with the lines that follow it. */
export function commands(page: string): string[] {
  const lines = sectionOf(page);
  const found: string[] = [];
  let isBlock = false;
  for (const line of lines) {
    if (/^\.(Bd|Ed)/.test(line)) isBlock = line.startsWith(".Bd -literal");
    else if (line.startsWith(".Dl # ")) found.push(unescaped(line.slice(".Dl # ".length)));
    else if (isBlock && line.startsWith("# ")) found.push(unescaped(line.slice(2)));
    else if (isBlock && found.length > 0) found.push(`${found.pop()}\n${unescaped(line)}`);
  }
  return found;
}
