/**
 * What transformers 5.17 prints after loading a checkpoint that lacks tensors or has others
 * (utils/loading_report.py), without its colours.
 */

const NOTES = {
  UNEXPECTED:
    'can be ignored when loading from different task/architecture; not ok if you expect identical arch.',
  MISSING:
    'those params were newly initialized because missing from the checkpoint. ' +
    'Consider training on your downstream task.',
};

/**
 * @param source the model as the user named it
 * @returns undefined where nothing is missing or unexpected
 */
export function loadReport(
  source: string,
  missing: readonly string[],
  unexpected: readonly string[],
): string | undefined {
  const groups = [
    { status: 'UNEXPECTED', names: mergeLayers(unexpected), note: NOTES.UNEXPECTED },
    { status: 'MISSING', names: mergeLayers(missing), note: NOTES.MISSING },
  ].filter(({ names }) => names.length > 0);
  if (groups.length === 0) return undefined;

  // Its header has two nameless columns, for details that a missing tensor has fewer of than an unexpected
  // one.
  const columns = missing.length > 0 ? 3 : 4;
  const fill = (cells: string[]): string[] => Array.from({ length: columns }, (_, i) => cells[i] ?? '');
  const rows = groups.flatMap(({ status, names }) => names.map((name) => fill([onOneLine(name), status])));
  const header = fill(['Key', 'Status']);
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i].length)));
  const table = [header, widths.map((width) => '-'.repeat(width)), ...rows].map((row, i) =>
    row.map((cell, column) => cell.padEnd(widths[column])).join(i === 1 ? '-+-' : ' | '),
  );
  const notes = groups.map(({ status, note }) => `- ${status}:\t${note}`);
  return [`GPT2ForSequenceClassification LOAD REPORT from: ${source}`, ...table, '', 'Notes:', ...notes].join(
    '\n',
  );
}

/** A tensor may be called anything. */
const onOneLine = (name: string): string => (/\p{Cc}/u.test(name) ? JSON.stringify(name) : name);

/** One name for a tensor that several layers have: `h.{0, 1}.x`, or `h.{0...11}.x` for more than ten. */
function mergeLayers(names: readonly string[]): string[] {
  const layers = new Map<string, Set<number>>();
  for (const name of names) {
    const pattern = name.replace(LAYER, '*');
    const numbers = layers.get(pattern) ?? new Set();
    const layer = LAYER.exec(name)?.[0];
    if (layer !== undefined) numbers.add(Number(layer));
    layers.set(pattern, numbers);
  }
  return [...layers].map(([pattern, numbers]) =>
    pattern.replace('*', numberRange([...numbers].sort((a, b) => a - b))),
  );
}

const LAYER = /(?<=\.)\d+(?=\.|$)/;

function numberRange(numbers: readonly number[]): string {
  if (numbers.length === 1) return String(numbers[0]);
  return numbers.length > 10 ? `{${numbers[0]}...${numbers.at(-1)}}` : `{${numbers.join(', ')}}`;
}
