/** The terms of the page: its fields by their labels, its files without the folders that it keeps them in. */
import type { Shell } from '../errors/shell.js';
import type { Facts, Plain } from '../errors/wording.js';

/** Arguments of the library by the fields of index.html. Others cannot be set on the page. */
export const LABELS: Readonly<Record<string, string>> = {
  dataset: 'Rows to learn from',
  evalDataset: 'Rows to evaluate on',
  testSize: 'Share of the rows to evaluate on',
  numTrainEpochs: 'Epochs',
  perDeviceTrainBatchSize: 'Batch size',
  perDeviceEvalBatchSize: 'Batch size',
  learningRate: 'Learning rate',
  trainRows: 'Rows at most',
  evalRows: 'Rows at most',
  maxLength: 'Tokens a row at most',
  seed: 'Seed',
  textColumn: 'Column of the text',
  labelColumn: 'Column of the label',
};

/** @param onMissing called with each argument asked for that the page has no field for */
export function pageShell(onMissing?: (argument: string) => void): Shell {
  const argument = (name: string): string => {
    if (Object.hasOwn(LABELS, name)) return `“${LABELS[name]}”`;
    onMissing?.(name);
    return name;
  };
  return { argument, given: (name, value) => `${argument(name)}: ${value}`, hints: {} };
}

export const PAGE = pageShell();

/**
 * A hint in the page's terms. One that speaks of an argument without a field adds where it can be set.
 *
 * @param word words the hint in the terms of a shell
 */
export function pageHint(word: (shell: Shell) => string): string {
  const missing = new Set<string>();
  const hint = word(pageShell((argument) => missing.add(argument)));
  if (missing.size === 0) return hint;
  return `${hint} This page has no setting for ${[...missing].join(', ')}; attune on Node has.`;
}

/** Where the page keeps its files in memory. */
export const FOLDERS = {
  model: '/model',
  run: '/run',
  rows: 'data',
  evaluationRows: 'data/evaluation',
} as const;

// The inner folder first.
const PREFIXES = [FOLDERS.evaluationRows, FOLDERS.rows, FOLDERS.run, FOLDERS.model].map((name) => `${name}/`);

/** Facts in which files of the page go by their names: the user knows nothing of the folders. */
export const pageFacts = (facts: Facts): Facts =>
  Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, withoutFolder(fact)]));

function withoutFolder(fact: Plain): Plain {
  if (typeof fact === 'string') {
    const prefix = PREFIXES.find((each) => fact.startsWith(each)) ?? '';
    return fact.slice(prefix.length);
  }
  if (typeof fact !== 'object' || fact === null) return fact;
  return isList(fact) ? fact.map(withoutFolder) : pageFacts(fact);
}

const isList = (fact: Facts | readonly Plain[]): fact is readonly Plain[] => Array.isArray(fact);
