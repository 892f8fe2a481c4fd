/**
 * The report as one HTML document that asks nobody for anything: no script, no font, no picture from
 * elsewhere.
 */
import type { Comparison } from '../compare/comparison.js';
import type { LogRecord } from '../train/records.js';
import { html, Markup } from './markup.js';
import { calibrationSection } from './sections/calibration.js';
import { chooseSection } from './sections/choose.js';
import { confusionSection } from './sections/confusion.js';
import { costSection } from './sections/cost.js';
import { dataSection } from './sections/data.js';
import { errorsSection } from './sections/errors.js';
import { learningSection } from './sections/learning.js';
import { madeSection } from './sections/made.js';
import { ngramsSection } from './sections/ngrams.js';
import { rocSection } from './sections/roc.js';
import type { Section } from './sections/section.js';
import { renderSection } from './sections/section.js';
import { seedsSection } from './sections/seeds.js';
import { tableSection } from './sections/table.js';
import { verdictSection } from './sections/verdict.js';
import { wordsSection } from './sections/words.js';
import { STYLE } from './style.js';

/** Style attributes carry shares and colours; nothing else may load or run. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The page of a comparison, its parts in the order in which one asks. */
export function comparisonDocument(comparison: Comparison): string {
  const { dataset, models } = comparison;
  const sections = [
    verdictSection(comparison),
    tableSection(comparison),
    chooseSection(comparison),
    rocSection(comparison),
    confusionSection(comparison),
    calibrationSection(comparison),
    costSection(comparison),
    learningSection(comparison.logHistory),
    seedsSection(comparison),
    dataSection(comparison),
    errorsSection(comparison),
    ngramsSection(comparison),
    wordsSection(comparison),
    madeSection(comparison),
  ];
  return page(
    `Which model for ${dataset.name}?`,
    `${models.length} models, trained and tested on the same rows of ${dataset.name}`,
    sections,
  );
}

/** The page of a training run that was not compared with anything. */
export function runDocument(name: string, history: readonly LogRecord[]): string {
  return page(`Training run ${name}`, 'How the fine-tuning went, from its records', [
    learningSection(history),
  ]);
}

function page(title: string, subtitle: string, parts: readonly (Section | undefined)[]): string {
  const sections = parts.filter((section) => section !== undefined);
  const [first, ...others] = sections;
  const links = others.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`);
  const contents = html`<nav aria-label="Contents"><ul>${links}</ul></nav>`;
  return `<!doctype html>\n${html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><h1>${title}</h1><p class="subtitle">${subtitle}.</p></header>
<main id="content" tabindex="-1">
${first && renderSection(first)}
${others.length > 0 && contents}
${others.map((section) => html`${renderSection(section)}\n`)}</main>
<footer><p>Made by attune. This file is complete in itself and asks no server for anything.</p></footer>
</body>
</html>
`.toString()}`;
}
