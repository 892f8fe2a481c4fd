/**
 * The page's style sheet: light and dark, phone to paper. Text has a contrast of at least 4.5, marks in
 * charts 3 (WCAG 2.2, 1.4.3 and 1.4.11).
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --surface: #ffffff; --raised: #f5f6f8; --line: #d5d9df; --text: #1b2028; --soft: #535c69;
  --link: #0b57b0; --accent: 11 87 176;
  --for: 11 87 176; --against: 190 75 0;
  --series-1: #0b5fb8; --series-2: #b8450c; --series-3: #0b7a55; --series-4: #8a3ba6; --series-5: #7d5300;
  --series-6: #0c7288; --series-7: #b3205f; --series-8: #5a6472;
}
@media (prefers-color-scheme: dark) {
  :root {
    --surface: #14171c; --raised: #1d2229; --line: #39414c; --text: #e6e9ee; --soft: #a7b0bd;
    --link: #85bbff; --accent: 99 163 245;
    --for: 99 163 245; --against: 255 150 80;
    --series-1: #6eb1ff; --series-2: #ff9a66; --series-3: #56cf9f; --series-4: #d49cf2;
    --series-5: #dcbb5c; --series-6: #5bcbe0; --series-7: #ff8cb6; --series-8: #aeb8c5;
  }
}
* { box-sizing: border-box; }
html {
  background: var(--surface); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  -webkit-text-size-adjust: 100%;
}
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--line); }
#content > section:first-child > h2 { border: 0; padding-top: 0; margin-top: 1.5rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
h4 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.subtitle, .note, .interval, .corner { color: var(--soft); }
.note { font-size: .875rem; }
.lead { font-size: 1.2rem; line-height: 1.45; }
.skip { position: absolute; left: -100vw; background: var(--surface); padding: .5rem; }
.skip:focus { left: 1rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
nav { margin: 1.5rem 0 0; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; padding: 0; margin: 0; }
nav a { display: inline-block; padding: .25rem 0; }
.cards {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr)); gap: 1rem;
  margin: 1.5rem 0;
}
.card { border: 1px solid var(--line); border-radius: .5rem; background: var(--raised); padding: .9rem 1rem; }
.card h3 { font-size: .875rem; font-weight: 600; color: var(--soft); margin: 0 0 .25rem; }
.card .name { font-size: 1.15rem; font-weight: 650; line-height: 1.3; margin-bottom: .4rem; }
.card p { margin: 0; font-size: .925rem; }
.reading {
  border-left: 3px solid var(--line); padding-left: .9rem; margin: 1.25rem 0; font-size: .925rem;
  color: var(--soft);
}
.reading p:last-child { margin-bottom: 0; }
.reading strong { color: var(--text); }
.charts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.25rem;
  align-items: start; margin: 1rem 0;
}
.chart { margin: 0; max-width: 27rem; }
.chart figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .25rem; }
.chart svg {
  display: block; width: 100%; height: auto; overflow: visible;
  font: 11.5px/1 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
.chart svg text { white-space: pre; }
.chart .note { margin: .25rem 0 0; }
.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: .35rem 1.25rem; padding: 0; margin: 0 0 1rem;
  font-size: .925rem;
}
.legend li { display: flex; align-items: center; gap: .4rem; }
.sample { width: 40px; height: 8px; flex: none; }
.badge {
  display: inline-block; min-width: 1.45em; padding: 0 .3em; border-radius: .75em;
  background: var(--color); color: var(--surface); font-size: .8em; font-weight: 700; line-height: 1.45em;
  text-align: center; font-variant-numeric: tabular-nums; print-color-adjust: exact;
  -webkit-print-color-adjust: exact;
}
.glyph { color: var(--color); }
.share { display: inline-block; min-width: 4em; }
.tag {
  display: inline-block; border: 1px solid currentColor; border-radius: .3em; padding: 0 .35em;
  font-size: .78rem; font-weight: 500; color: var(--soft); line-height: 1.4;
}
.wide { overflow-x: auto; position: relative; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .925rem; min-width: 36rem; width: 100%; overflow-wrap: break-word; }
table.small { min-width: 0; width: auto; }
.errors table.small { width: 100%; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number, td.number .interval { white-space: nowrap; }
.interval { font-size: .85em; }
td.why { min-width: 14rem; }
.matrices {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.25rem;
  align-items: start;
}
.matrices.large { grid-template-columns: repeat(auto-fill, minmax(min(100%, 32rem), 1fr)); }
.matrices.large .confusion { max-width: none; font-size: .8rem; }
.matrix { overflow-x: auto; position: relative; }
.matrices > .wide { margin: 0; }
.confusion { min-width: 0; width: 100%; max-width: 27rem; font-size: .85rem; }
.confusion th, .confusion td {
  padding: .3rem .4rem; text-align: right; font-variant-numeric: tabular-nums;
  border: 1px solid var(--line);
}
.confusion th { border-width: 0 0 1px; }
.confusion tbody th { text-align: left; font-weight: 500; }
.confusion .corner { font-weight: 400; white-space: nowrap; font-size: .8rem; }
.confusion td {
  background: rgb(var(--accent) / calc(.45 * var(--share))); print-color-adjust: exact;
  -webkit-print-color-adjust: exact;
}
.confusion td.right { font-weight: 700; }
.errors {
  padding-left: 1.5rem; display: grid;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); gap: 2rem 3rem;
}
blockquote { margin: 0 0 .5rem; font-size: 1.1rem; line-height: 1.9; max-width: 46rem; white-space: pre-wrap; }
mark {
  color: inherit; background: rgb(var(--for) / calc(.08 + .3 * var(--share, .6)));
  border-bottom: 2px solid rgb(var(--for)); border-radius: .15em .15em 0 0; padding: .05em 0;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
mark.against {
  background: rgb(var(--against) / calc(.08 + .3 * var(--share, .6)));
  border-bottom: 2px dashed rgb(var(--against));
}
.meter {
  display: inline-block; width: 5rem; height: .6em; margin-right: .5rem; border: 1px solid var(--line);
  background: linear-gradient(to right, var(--series-1) calc(100% * var(--share)), transparent 0);
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.whole { white-space: pre-wrap; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--link); padding: .25rem 0; width: fit-content; }
dl { margin: .5rem 0; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: .1rem 0 0 1rem; max-width: 46rem; }
dt .quote { font-weight: 400; }
.neighbours { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); gap: 0 3rem; }
.neighbours dd { margin-left: 0; }
dd ul { margin: 0; padding-left: 1.1rem; }
.sentences { font-size: .925rem; padding-left: 2rem; }
.facts { font-size: .925rem; }
code { font: .85em ui-monospace, monospace; color: var(--soft); }
footer { margin-top: 3rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 40rem) {
  .meter { width: 1.8rem; margin-right: 0; }
  .wide > table:not(.small) > tbody th { min-width: 9rem; }
  .wide > table:not(.small) > tbody th, .wide > table:not(.small) > thead th:first-child {
    position: sticky; left: 0; background: var(--surface); max-width: 9.5rem;
  }
}
@media print {
  :root {
    color-scheme: light; --surface: #fff; --raised: #fff; --line: #bbb; --text: #000; --soft: #444;
    --link: #000; --accent: 11 87 176; --for: 11 87 176; --against: 190 75 0;
    --series-1: #0b5fb8; --series-2: #b8450c; --series-3: #0b7a55; --series-4: #8a3ba6;
    --series-5: #7d5300; --series-6: #0c7288; --series-7: #b3205f; --series-8: #5a6472;
  }
  @page { margin: 14mm; }
  html { font-size: 10.5pt; }
  body { padding: 0; max-width: none; }
  nav, .skip { display: none; }
  .wide, .matrix { overflow: visible; }
  table { font-size: 8.5pt; min-width: 0; }
  td.why { min-width: 0; }
  h2 { break-after: avoid; margin-top: 1.5rem; }
  h3, h4, figcaption, caption, summary { break-after: avoid; }
  .chart, .matrix, .card, tr, .errors > li, .reading { break-inside: avoid; }
  .charts, .matrices { grid-template-columns: repeat(2, 1fr); gap: .8rem 1.4rem; }
  .cards { grid-template-columns: repeat(3, 1fr); }
  .errors, .neighbours { display: block; }
  .errors > li { margin-bottom: 1.2rem; }
  .neighbours > div { break-inside: avoid; }
  details::details-content { content-visibility: visible; display: block; }
  summary { color: inherit; list-style: none; }
}
`;
