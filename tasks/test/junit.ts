/** Reads what `deno test --junit-path` writes. */

/** One test as the report has it; steps are tests of their own, named "TEST > STEP". */
export interface TestCase {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
}

/** The tests of a report, in its order. */
export function parseJunit(xml: string): TestCase[] {
  const cases = xml.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...cases].map(([, name, body]) => ({
    name: unescapeXml(name),
    outcome: outcome(body ?? ""),
  }));
}

function outcome(body: string): TestCase["outcome"] {
  if (/<failure\b|<error\b/.test(body)) return "failed";
  return /<skipped\b/.test(body) ? "skipped" : "passed";
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]);
}

/**
 * The tests without their steps, as `deno test` itself counts: a failed step has failed its test already. A skipped step
 * is kept, since nothing else tells of it.
 */
export function withoutSteps(cases: readonly TestCase[]): TestCase[] {
  const names = new Set(cases.map(({ name }) => name));
  return cases.filter(({ name, outcome }) => outcome === "skipped" || !isStep(name, names));
}

function isStep(name: string, names: ReadonlySet<string>): boolean {
  for (let at = name.indexOf(" > "); at !== -1; at = name.indexOf(" > ", at + 1)) {
    if (names.has(name.slice(0, at))) return true;
  }
  return false;
}
