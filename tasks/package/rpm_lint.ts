/** What rpmlint is told to put up with, and why. It is nothing of a package: whoever lints ours says it with --config. */
import { LICENSE } from "./facts.ts";

const FILTERS: readonly { readonly tag: string; readonly why: string }[] = [
  { tag: "no-url-tag", why: "There is no page of the product to name." },
  { tag: "no-signature", why: "Whoever publishes packages signs them." },
  {
    tag: "no-manual-page-for-binary",
    why: "rpmlint 2.4 looks for the program among the sections of pages, not among the pages.",
  },
  { tag: "only-non-binary-in-usr-lib", why: "It is where systemd wants units, on every machine." },
];

/** The configuration of rpmlint 2, in TOML. What it knows of distributions is that manual pages are packed by gzip. */
export function lintConfiguration(): string {
  return [
    'CompressExtension = "gz"',
    `ValidLicenses = ["${LICENSE}"]`,
    "Filters = [",
    ...FILTERS.flatMap(({ tag, why }) => [`  # ${why}`, `  "${tag}",`]),
    "]",
    "",
  ].join("\n");
}
