/** The option tables of the commands other than `train`. */
import type { Command } from 'commander';
import type { ArgumentTable } from '../train/argument-table.js';
import { addOptions } from './command-arguments.js';
import { DATA_OPTIONS } from './options.js';

const GROUP = 'Options';
const { evalRows, textColumn, labelColumn, device, json, dataset, datasetConfig } = DATA_OPTIONS;
const trained = {
  kind: 'string',
  placeholder: 'DIR|ID',
  default: undefined,
  group: GROUP,
  description: 'folder of a fine-tuned model, or its id on the Hub, with @revision where wanted',
} as const;
const maxLength = {
  kind: 'integer',
  min: 1,
  default: undefined,
  group: GROUP,
  description: "tokens a row at most (default: as the model was trained, else the model's positions)",
} as const;
const seed = { kind: 'integer', min: 0, max: 2 ** 32 - 1 } as const;
const remembered = { default: undefined, group: GROUP } as const;

const inGroup = <T extends { readonly group: string }>(spec: T): T => ({ ...spec, group: GROUP });

/** What a trained model remembers, and a flag overrides. */
const REMEMBERED = {
  textColumn: {
    ...textColumn,
    ...remembered,
    description: 'column of the text (default: as the model was trained, else text or what looks like it)',
  },
  labelColumn: {
    ...labelColumn,
    ...remembered,
    description: 'column of the label (default: as the model was trained, else label or what looks like it)',
  },
  seed: {
    ...seed,
    ...remembered,
    description:
      'seed that parts the bundled sample and a test size (default: as the model was trained, else 42)',
  },
} as const satisfies ArgumentTable;

export const EVALUATE_OPTIONS = {
  model: trained,
  dataset: {
    ...inGroup(dataset),
    description:
      'labelled rows: a file, a quoted pattern of files, a folder with test.*, ' +
      'owner/name on the Hugging Face Hub, or sample ' +
      '(default: what was held out when the model was trained)',
  },
  datasetConfig: inGroup(datasetConfig),
  split: {
    ...inGroup(DATA_OPTIONS.split),
    description:
      'split to evaluate on (default: what was held out of the dataset in the training, else test)',
  },
  evalRows: inGroup(evalRows),
  textColumn: REMEMBERED.textColumn,
  labelColumn: REMEMBERED.labelColumn,
  maxLength,
  batchSize: { kind: 'integer', min: 1, default: 32, group: GROUP, description: 'rows a batch at most' },
  seed: REMEMBERED.seed,
  device: inGroup(device),
  json: inGroup(json),
} as const satisfies ArgumentTable;

export const PREDICT_OPTIONS = {
  model: trained,
  input: {
    kind: 'string',
    placeholder: 'FILE',
    default: undefined,
    group: GROUP,
    description: 'texts, jsonl or csv; - reads JSON lines from stdin',
  },
  output: {
    kind: 'string',
    placeholder: 'FILE',
    default: undefined,
    group: GROUP,
    description: 'where the JSON lines go (default: stdout)',
  },
  textColumn: {
    ...textColumn,
    ...remembered,
    description: 'column of the text (default: as the model was trained, else text)',
  },
  logits: { kind: 'boolean', default: false, group: GROUP, description: 'add the logits to each record' },
  explain: {
    kind: 'boolean',
    default: false,
    group: GROUP,
    description: 'add to each record what every token added to the score of the predicted class',
  },
  maxLength,
  device: inGroup(device),
} as const satisfies ArgumentTable;

export const INSPECT_OPTIONS = {
  model: {
    ...trained,
    description:
      'model whose tokenizer counts, a folder or an id of the Hub (default: the gpt2-mini that comes with attune)',
  },
  dataset: inGroup(dataset),
  datasetConfig: inGroup(datasetConfig),
  split: inGroup(DATA_OPTIONS.split),
  evalSplit: inGroup(DATA_OPTIONS.evalSplit),
  evalDataset: inGroup(DATA_OPTIONS.evalDataset),
  testSize: inGroup(DATA_OPTIONS.testSize),
  trainRows: inGroup(DATA_OPTIONS.trainRows),
  evalRows: inGroup(evalRows),
  textColumn: REMEMBERED.textColumn,
  labelColumn: REMEMBERED.labelColumn,
  maxLength: {
    ...maxLength,
    description: 'tokens a row at most (default: as the model was trained, else 256)',
  },
  examples: { kind: 'integer', min: 0, default: 3, group: GROUP, description: 'rows to show in full' },
  seed: REMEMBERED.seed,
  json: inGroup(json),
} as const satisfies ArgumentTable;

export const REPORT_OPTIONS = {
  json: inGroup(json),
} as const satisfies ArgumentTable;

export const DEMO_OPTIONS = {
  outputDir: {
    kind: 'string',
    placeholder: 'DIR',
    default: 'attune-demo',
    group: GROUP,
    aliases: ['output'],
    description: 'where the model and its records go; an earlier demo there is replaced',
  },
} as const satisfies ArgumentTable;

export const SERVE_OPTIONS = {
  demo: {
    kind: 'boolean',
    default: false,
    group: GROUP,
    description:
      'the page that fine-tunes a small GPT-2 in the browser, on WebGPU; texts stay in the browser',
  },
  model: {
    kind: 'string',
    placeholder: 'DIR|ID',
    default: undefined,
    group: GROUP,
    description: 'model that the page starts from (default: the gpt2-mini that comes with attune)',
  },
  port: {
    kind: 'integer',
    min: 0,
    max: 65535,
    default: 8642,
    group: GROUP,
    description: 'port to listen on; 0 takes any that is free',
  },
  host: {
    kind: 'string',
    placeholder: 'HOST',
    default: '127.0.0.1',
    group: GROUP,
    description: 'address to listen on; by default nobody but this machine reaches it',
  },
  out: {
    kind: 'string',
    placeholder: 'DIR',
    default: undefined,
    group: GROUP,
    description: 'write the page into this folder, for a static host, instead of serving it',
  },
  json: inGroup(json),
} as const satisfies ArgumentTable;

export const REPRODUCE_OPTIONS = {
  outputDir: {
    kind: 'string',
    placeholder: 'DIR',
    default: undefined,
    group: GROUP,
    aliases: ['output'],
    description: 'where the second run goes (default: the folder’s name with -reproduced)',
  },
  overwriteOutputDir: {
    kind: 'boolean',
    default: false,
    group: GROUP,
    description: 'replace the run that is there',
  },
  model: {
    kind: 'string',
    placeholder: 'DIR',
    default: undefined,
    group: GROUP,
    description: 'the model, where it has moved',
  },
  dataset: {
    kind: 'string',
    placeholder: 'FILE|DIR',
    default: undefined,
    group: GROUP,
    description: 'the training rows, where they have moved',
  },
  evalDataset: {
    kind: 'string',
    placeholder: 'FILE',
    default: undefined,
    group: GROUP,
    description: 'the evaluation rows, where they have moved',
  },
  json: inGroup(json),
} as const satisfies ArgumentTable;

export const addEvaluateOptions = (command: Command): Command => addOptions(command, EVALUATE_OPTIONS);
export const addPredictOptions = (command: Command): Command =>
  addOptions(command, PREDICT_OPTIONS).option(
    '--text <TEXT>',
    'a text to classify; may be given several times',
    (text: string, texts: string[] | undefined) => [...(texts ?? []), text],
  );
export const addInspectOptions = (command: Command): Command => addOptions(command, INSPECT_OPTIONS);
export const addReportOptions = (command: Command): Command =>
  addOptions(command.argument('<DIR>', 'folder of the run'), REPORT_OPTIONS);
export const addDemoOptions = (command: Command): Command => addOptions(command, DEMO_OPTIONS);
export const addReproduceOptions = (command: Command): Command =>
  addOptions(command, REPRODUCE_OPTIONS).argument('<DIR>', 'output folder of a finished run');
export const addServeOptions = (command: Command): Command => addOptions(command, SERVE_OPTIONS);
