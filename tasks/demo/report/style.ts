/** How the report looks: readable on paper-white and on black, from 400 pixels on, by the colour-blind, too. */

/**
 * Fills that white text can be read on; "odd" takes black. Blue, green, orange and vermilion after Okabe and Ito, darkened to a contrast
 * of 4.5.
 */
export const style = `
:root { color-scheme: light dark;
  --ground: #fafaf7; --panel: #fff; --ink: #1d2126; --quiet: #5a636e; --line: #d5d8dc; --empty: #e4e6e9;
  --good: #00785a; --bad: #b3400c; --odd: #e69f00; --calm: #005f99; --busy: #8a3f78; --yes: #00684e; --no: #a53a08 }
@media (prefers-color-scheme: dark) { :root {
  --ground: #121519; --panel: #1b1f25; --ink: #e7e9ec; --quiet: #a2abb6; --line: #363d46; --empty: #333a43;
  --good: #00805f; --bad: #c04a12; --odd: #e69f00; --calm: #0b70b0; --busy: #96508a; --yes: #4cc9a4; --no: #ff9a6b } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 1rem }
h2 small { display: block; font-size: .85rem; font-weight: normal; color: var(--quiet) }
p { margin: .4rem 0 1.2rem }
a { color: inherit }
.quiet, time, figcaption { color: var(--quiet) }
.verdict { font-size: 1.2rem; font-weight: 600 }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin-top: 1.2rem }
table { border-collapse: collapse; width: 100%; font-size: .95rem }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: normal }
thead th { color: var(--quiet); font-size: .8rem }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
thead th:nth-child(n+3) { text-align: right }
.yes { color: var(--yes) } .no { color: var(--no); font-weight: 700 } .out { color: var(--quiet) }
figure { margin: 0 0 1.6rem; min-width: 0 }
figcaption { font-size: .85rem; margin-bottom: .4rem }
.picture { display: block; overflow: visible; font: 12px system-ui, "DejaVu Sans", sans-serif }
.picture text { fill: var(--ink) }
.picture .axis { fill: var(--quiet); font-size: 11px; font-variant-numeric: tabular-nums }
.picture .on { fill: #fff; font-size: 11px } .picture .on.odd { fill: #000 }
.good { fill: var(--good); background: var(--good) } .bad { fill: var(--bad); background: var(--bad) }
.odd { fill: var(--odd); background: var(--odd) } .calm { fill: var(--calm); background: var(--calm) }
.busy { fill: var(--busy); background: var(--busy) }
.none, .ground { fill: var(--empty); background: var(--empty) }
.band0 { fill: var(--empty) } .band1 { fill: var(--line) }
.picture rect:not(.ground) { stroke: var(--panel); stroke-width: 1px }
.picture line { stroke: var(--quiet) } .picture .tick { stroke: var(--calm); stroke-width: 2px }
.picture circle { stroke: var(--panel) } .mark line { stroke: var(--ink) } .mark circle { fill: var(--ink) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: .5rem 0 0; padding: 0; font-size: .8rem }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em }
.parts { list-style: none; margin: .6rem 0 0; padding: 0; font-size: .8rem; color: var(--quiet) }
.marks { margin: .6rem 0 0; font-size: .8rem } .marks div { display: flex; gap: .8rem; margin-bottom: .2rem }
.marks dt { flex: 0 0 5.5rem } .marks dd { margin: 0; color: var(--quiet); min-width: 0 }
.claims, .told { list-style: none; margin: 0; padding: 0; font-size: .9rem }
.claims li { display: grid; grid-template-columns: 1.2em minmax(0, 1fr) auto; gap: .4rem; padding: .2rem 0 }
.told li { display: grid; grid-template-columns: 4.5em minmax(0, 1fr); gap: .6rem; padding: .1rem 0; overflow-wrap: anywhere }
time { font-size: .8rem; font-variant-numeric: tabular-nums; white-space: nowrap; text-align: right }
.told .part { font-weight: 600; margin-top: .8rem } .told .why { color: var(--quiet); font-style: italic }
.told .shown span { font: .8rem ui-monospace, "DejaVu Sans Mono", monospace }
details { margin-top: 1rem } summary { cursor: pointer; font-size: .9rem; color: var(--quiet) }
@media (min-width: 1100px) { .columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 2.5rem } }
`;
