import type { Comparison, WordStudy } from '../../compare/comparison.js';
import { classLook, contextualPoints, staticPoint } from '../charts/words.js';
import { fixed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { charts, details, reading } from './section.js';

export function wordsSection({ words, dataset }: Comparison): Section | undefined {
  if (words.length === 0) return undefined;
  return {
    id: 'words',
    title: 'One word, many meanings: static and contextual vectors',
    body: html`${reading(
      'Word2Vec has one vector for a word. GPT-2 has one for each time the word is used, ' +
        'made of all that stands before it. Each number is a sentence of the training data, listed below; ' +
        'the nearer two numbers, the more alike GPT-2 takes the word in both. ' +
        'The picture is the plane in which the vectors differ most (principal components) and leaves out ' +
        'the other directions.',
      'Cosine similarity says the same in a number: ' +
        '1 is the same direction, which is what Word2Vec always has. ' +
        'GPT-2’s vectors share a large common part, so even unlike uses have a high similarity; ' +
        'look at the differences.',
    )}${words.map((study) => wordPart(study, dataset.labelNames))}`,
  };
}

function wordPart(study: WordStudy, labelNames: readonly string[]): Markup {
  const { word, occurrences, cosine, staticNeighbours, contextualNeighbours } = study;
  const classes = [...new Set(occurrences.map(({ label }) => label))].sort((a, b) => a - b);
  const legend = classes.map((label) => {
    const { color, glyph } = classLook(label);
    const sample = html`<span class="glyph" style="--color: ${color}" aria-hidden="true">${glyph}</span>`;
    return html`<li>${sample} ${labelNames[label]}</li>`;
  });
  const sentences = occurrences.map(({ text, label }) => {
    const tag = html`<span class="tag">${labelNames[label]}</span>`;
    return html`<li><span dir="auto">${emphasised(text, word)}</span> ${tag}</li>`;
  });
  const staticItems = staticNeighbours.map(
    ({ word: other, similarity }, i) => html`${i > 0 && ', '}${withSimilarity(other, similarity)}`,
  );
  const inWord2Vec = staticItems.length === 0 ? 'none' : staticItems;
  const inGpt2 = contextualNeighbours.map(({ occurrence, neighbours }) => {
    const items = neighbours.map(
      ({ word: other, text, similarity }) =>
        html`<li>${withSimilarity(other, similarity)}, in ${quote(text, other)}</li>`,
    );
    const sentence = html`sentence ${occurrence + 1}: ${quote(occurrences[occurrence].text, word)}`;
    return html`<div><dt>In GPT-2, for ${sentence}</dt><dd><ul>${items}</ul></dd></div>`;
  });
  const similarities = `lowest ${fixed(cosine.min)}, mean ${fixed(cosine.mean)}, highest ${fixed(cosine.max)}`;
  const vectors = `its ${occurrences.length} vectors in GPT-2`;
  return html`<div class="word"><h3>“${word}”</h3>
<p>Cosine similarity between ${vectors}: ${similarities}. In Word2Vec: always 1.</p>
${charts(staticPoint(study), contextualPoints(study, labelNames))}
<ul class="legend" aria-label="Classes">${legend}</ul>
${details(`The ${occurrences.length} sentences`, html`<ol class="sentences">${sentences}</ol>`)}
<h4>Its nearest neighbours</h4>
<dl class="neighbours"><div><dt>In Word2Vec, for every sentence</dt><dd>${inWord2Vec}</dd></div>
${inGpt2}</dl></div>`;
}

const withSimilarity = (word: string, similarity: number): Markup =>
  html`${word} <span class="interval">${fixed(similarity, 2)}</span>`;

/** Some words of a text around a word, which stands out. */
const quote = (text: string, word: string): Markup =>
  html`<span class="quote" dir="auto">${emphasised(around(text, word), word)}</span>`;

/** Where a word stands in a text by itself: between white space, as Word2Vec reads it. */
function placeOf(text: string, word: string): number {
  for (const match of text.matchAll(/\S+/gu)) if (match[0] === word) return match.index;
  return text.indexOf(word);
}

function emphasised(text: string, word: string): Markup {
  const at = placeOf(text, word);
  return at < 0 || word === ''
    ? html`${text}`
    : html`${text.slice(0, at)}<b>${word}</b>${text.slice(at + word.length)}`;
}

/** Some words of a long text around the place of a word. */
function around(text: string, word: string): string {
  const at = Math.max(0, placeOf(text, word));
  if (text.length <= 110) return text;
  const start = at < 50 ? 0 : text.indexOf(' ', at - 45) + 1;
  const rest = text.slice(start);
  const before = start > 0 ? '…' : '';
  if (rest.length <= 110) return before + rest;
  const end = Math.max(rest.lastIndexOf(' ', 110), at - start + word.length);
  return `${before}${rest.slice(0, end)} …`;
}
