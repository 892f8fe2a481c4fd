/** The demo page: forms in, pictures out. What computes is in compute.ts, in a worker (worker-link.ts). */
import type { LogRecord } from './attune.js';
import { bytes as fileSize, grouped } from '../../report/figures.js';
import { html } from '../../report/markup.js';
import { learningFigures } from '../../report/sections/learning.js';
import type { DemoSettings } from '../demo-settings.js';
import { byId, put, show } from './elements.js';
import { loadText } from './load.js';
import type { DataChoice, FromWorker, Problem, Rows, ToWorker, TrainChoice } from './protocol.js';
import { predictionMarkup, problemMarkup, scoresMarkup, summaryMarkup } from './scores.js';
import { readyText, stepText, trainedText, UNSUPPORTED_HINT } from './texts.js';
import { openWorker } from './worker-link.js';

const rowsBox = byId<HTMLTextAreaElement>('rows');
const textBox = byId<HTMLTextAreaElement>('text');
const fileInput = byId<HTMLInputElement>('file');
const evaluationFile = byId<HTMLInputElement>('evaluation-rows');
const trainButton = byId<HTMLButtonElement>('train');
const continueButton = byId<HTMLButtonElement>('continue');
const stopButton = byId<HTMLButtonElement>('stop');
const checkAgain = byId<HTMLButtonElement>('check-again');
const classifyButton = byId<HTMLButtonElement>('classify');
const downloadButton = byId<HTMLButtonElement>('download');
const progress = byId<HTMLProgressElement>('progress');
const settingsForm = byId<HTMLFormElement>('settings');

const CHECK_AFTER_MS = 500;
const PREDICT_AFTER_MS = 250;
const DRAW_EVERY_MS = 400;
/** What is loaded before the first answer is as large as a photo. */
const SLOW_START_MS = 30_000;

let file: File | undefined;
let sample: { readonly train: string; readonly test: string } | undefined;
/** Whether WebGPU is there. */
let able = false;
let running = false;
/** The run under way was asked to stop. */
let stopping = false;
/** The worker has ended: nothing that needs it works any more. */
let over = false;
let sound = false;
let trained = false;
/** The last run was stopped and can be gone on with. */
let stopped = false;
let checking = 0;
let predicting = 0;
let history: LogRecord[] = [];

const worker = openWorker({ onMessage: hear, onEnd: workerEnded });
const slowStart = setTimeout(() => {
  byId('adapter').textContent = 'Still loading. Is the server that gave you this page still running?';
}, SLOW_START_MS);

/** Calls that come fast become one, when it is quiet. */
function whenQuiet(milliseconds: number, call: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds);
  };
}

function hear(message: FromWorker): void {
  switch (message.type) {
    case 'ready':
      clearTimeout(slowStart);
      able = true;
      byId('adapter').textContent = readyText(message);
      return update();
    case 'unready':
      clearTimeout(slowStart);
      byId('adapter').textContent = '';
      return problem('unsupported', {
        ...message.problem,
        hint: 'Is the server that gave you this page still running? Load the page again.',
      });
    case 'unsupported':
      clearTimeout(slowStart);
      byId('adapter').textContent = '';
      return problem('unsupported', {
        message: `This browser cannot train here: ${message.reason}.`,
        hint: UNSUPPORTED_HINT,
      });
    case 'checked':
      if (message.id !== checking) return;
      sound = true;
      problem('data-problem');
      show(checkAgain, false);
      put(byId('data-summary'), summaryMarkup(message.summary, number('max-length')));
      return update();
    case 'refused':
      if (message.id !== checking) return;
      return refuse(message.problem);
    case 'loading':
      return state(
        `Loading the model: ${fileSize(message.done)} of ${fileSize(message.total)}`,
        message.done / message.total,
      );
    case 'preparing':
      return state(message.what);
    case 'step':
      return state(stepText(message, history), message.step / message.steps);
    case 'evaluating':
      return state(`Evaluating: ${grouped(message.done)} of ${grouped(message.rows)} rows`);
    case 'record':
      history.push(message.record);
      return draw();
    case 'evaluation':
      put(byId('scores'), scoresMarkup(message.scores, message.labels, message.rows, message.step));
      return show(byId('evaluation'), true);
    case 'warning': {
      const line = document.createElement('li');
      line.textContent = message.message;
      byId('warnings').append(line);
      return;
    }
    case 'trained':
      stand();
      trained = true;
      stopped = message.stopped;
      drawNow();
      state(trainedText(message), message.step / message.steps);
      downloadButton.textContent = `Download the model (${fileSize(message.bytes)})`;
      show(byId('use'), true);
      if (textBox.value === '') textBox.value = 'What a lovely day!';
      classify();
      return update();
    case 'failed':
      return failed(message.problem);
    case 'prediction':
      if (message.id === predicting)
        put(byId('prediction'), predictionMarkup(message.prediction.text, message.prediction.scores));
      return;
    case 'unpredicted':
      if (message.id === predicting) put(byId('prediction'), problemMarkup(message.problem));
      return;
    case 'unarchived':
      downloadButton.disabled = false;
      return put(byId('download-note'), problemMarkup(message.problem));
    case 'archived':
      return save(message.name, message.blob);
  }
}

/** Shows what is wrong in a place of its own, or that nothing is. */
function problem(place: string, what?: Problem): void {
  const box = byId(place);
  if (what) put(box, problemMarkup(what));
  else box.replaceChildren();
  show(box, what !== undefined);
}

function refuse(what: Problem): void {
  if (over) return;
  sound = false;
  show(checkAgain, what.transient === true);
  problem('data-problem', what);
  byId('data-summary').replaceChildren();
  update();
}

/** No run is under way any more. */
function stand(): void {
  running = false;
  stopping = false;
}

function failed(what: Problem): void {
  stand();
  show(byId('progress-box'), false);
  byId('state').textContent = '';
  byId('download-note').textContent = '';
  downloadButton.disabled = false;
  problem('train-problem', what);
  update();
}

/** What the worker did is lost; what is on the page stays, to be read and copied. */
function workerEnded(reason: string): void {
  over = true;
  clearTimeout(slowStart);
  byId('adapter').textContent = '';
  problem('data-problem');
  show(checkAgain, false);
  failed({ message: `The page's worker ended: ${reason}. Load the page again.` });
}

function state(text: string, share?: number): void {
  byId('state').textContent = stopping ? `Stopping … ${text}`.trim() : text;
  show(byId('progress-box'), true);
  if (share === undefined) progress.removeAttribute('value');
  else progress.value = share;
}

function update(): void {
  trainButton.disabled = !able || !sound || running || over;
  show(byId('train-note'), able && !running && !over && !byId('data-problem').hidden);
  trainButton.textContent = stopped && !running ? 'Train anew' : 'Train';
  trainButton.classList.toggle('primary', !stopped || running);
  stopButton.disabled = !running;
  stopButton.textContent = stopping ? 'Stop at once' : 'Stop';
  show(continueButton, stopped && !running);
  continueButton.disabled = over;
  for (const id of ['data-form', 'settings']) byId(id).inert = running;
  show(byId('use'), trained && !running);
  if (!over) return;
  classifyButton.disabled = true;
  downloadButton.disabled = true;
}

let drawn = 0;
const drawLater = whenQuiet(DRAW_EVERY_MS, drawNow);
function draw(): void {
  if (performance.now() - drawn >= DRAW_EVERY_MS) drawNow();
  else drawLater();
}

function drawNow(): void {
  drawn = performance.now();
  put(byId('curves'), html`${learningFigures(history)}`);
}

const number = (id: string): number => byId<HTMLInputElement>(id).valueAsNumber;
const text = (id: string): string => byId<HTMLInputElement>(id).value.trim();
const chosen = (): string =>
  document.querySelector<HTMLInputElement>('input[name=evaluation]:checked')?.value ?? 'share';
function choose(evaluation: 'share' | 'sample' | 'file'): void {
  byId<HTMLInputElement>(`evaluation-${evaluation}`).checked = true;
}

/** Pasted rows are called by what they look like, because the name's ending says how they are read. */
function pasted(rows: string): Rows {
  return { name: `pasted.${endingOf(rows.trimStart())}`, text: rows };
}

function endingOf(rows: string): 'jsonl' | 'json' | 'tsv' | 'csv' {
  if (rows.startsWith('{')) return 'jsonl';
  if (rows.startsWith('[')) return 'json';
  const header = rows.split('\n', 1)[0];
  return header.includes('\t') && !header.includes(',') ? 'tsv' : 'csv';
}

/** The choice as it stands, or what is wrong with it. */
function dataChoice(): DataChoice | Problem {
  const evaluation = chosen();
  if (!file && rowsBox.value.trim() === '')
    return { message: 'there are no rows yet', hint: 'Paste rows, drop a file, or use the sample.' };
  if (evaluation === 'file' && !evaluationFile.files?.[0])
    return {
      message: 'no file of rows to evaluate on is chosen',
      hint: 'Choose one, or evaluate on a share of the rows.',
    };
  const share = byId<HTMLInputElement>('test-size');
  if (evaluation === 'share' && !share.validity.valid)
    return { message: `the share of rows to evaluate on: ${share.validationMessage}` };
  for (const input of settingsForm.querySelectorAll('input')) {
    if (!input.validity.valid) {
      const label = document.querySelector(`label[for="${input.id}"]`)?.textContent ?? input.id;
      return { message: `${label}: ${input.validationMessage}` };
    }
  }
  return {
    train: file ? { name: file.name, file } : pasted(rowsBox.value),
    evaluation: evaluationRows(evaluation),
    testSize: number('test-size'),
    trainRows: number('max-rows'),
    evalRows: number('max-rows'),
    textColumn: text('text-column'),
    labelColumn: text('label-column'),
    seed: number('seed'),
    maxLength: number('max-length'),
  };
}

/** Rows of their own to evaluate on; undefined: a share of those to learn from. */
function evaluationRows(evaluation: string): Rows | undefined {
  const other = evaluationFile.files?.[0];
  if (evaluation === 'file' && other) return { name: other.name, file: other };
  if (evaluation === 'sample' && sample) return { name: 'sample-test.jsonl', text: sample.test };
  return undefined;
}

function check(): void {
  if (over) return;
  const data = dataChoice();
  const id = ++checking;
  if ('message' in data) return refuse(data);
  worker.send({ type: 'check', id, data });
}
const checkLater = whenQuiet(CHECK_AFTER_MS, check);

function changed(): void {
  sound = false;
  checking++;
  update();
  checkLater();
}

/** So much of a file is shown in the box of the rows. */
const PREVIEW_BYTES = 4096;
const PLACEHOLDER = rowsBox.placeholder;
const ROWS_NOTE = byId('rows-note').textContent ?? '';

function takeFile(taken: File | undefined): void {
  file = taken;
  rowsBox.disabled = taken !== undefined;
  rowsBox.value = '';
  // Or it would pass for the rows of a file that is not shown.
  rowsBox.placeholder = taken ? '' : PLACEHOLDER;
  byId('rows-note').textContent = taken ? `${taken.name}, ${fileSize(taken.size)}.` : ROWS_NOTE;
  if (taken) void preview(taken).catch(() => undefined);
  show(byId('remove-file'), taken !== undefined);
  if (taken && chosen() === 'sample') choose('share');
  if (!taken) fileInput.value = '';
  changed();
}

/** The first lines of a file; what is wrong with it is told when it is checked. */
async function preview(taken: File): Promise<void> {
  if (/\.gz$/i.test(taken.name)) return;
  const start = await taken.slice(0, PREVIEW_BYTES).text();
  if (file !== taken) return;
  const whole = taken.size <= PREVIEW_BYTES;
  rowsBox.value = whole ? start : start.slice(0, start.lastIndexOf('\n') + 1) || start;
  if (!whole)
    byId('rows-note').textContent = `${taken.name}, ${fileSize(taken.size)}; its first lines are shown here.`;
}

async function useSample(): Promise<void> {
  if (!sample) {
    const { sample: names, model } = JSON.parse(await loadText('demo.json')) as DemoSettings;
    const length = byId<HTMLInputElement>('max-length');
    length.max = String(model.positions);
    length.value = String(Math.min(length.valueAsNumber, model.positions));
    sample = { train: await loadText(names.train), test: await loadText(names.test) };
  }
  takeFile(undefined);
  rowsBox.value = sample.train;
  byId<HTMLInputElement>('text-column').value = 'text';
  byId<HTMLInputElement>('label-column').value = 'label';
  choose('sample');
  changed();
}

function train(): void {
  const data = dataChoice();
  if ('message' in data) return refuse(data);
  const choice: TrainChoice = {
    data,
    epochs: number('epochs'),
    batchSize: number('batch-size'),
    learningRate: number('learning-rate'),
  };
  history = [];
  stopped = false;
  drawNow();
  byId('warnings').replaceChildren();
  show(byId('evaluation'), false);
  run({ type: 'train', choice });
}

function run(message: ToWorker): void {
  running = true;
  stopping = false;
  trained = false;
  problem('train-problem');
  byId('download-note').textContent = '';
  state('Starting …');
  update();
  stopButton.focus();
  worker.send(message);
}

function classify(): void {
  if (!trained || over) return;
  worker.send({ type: 'predict', id: ++predicting, text: textBox.value });
}

function save(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  byId('download-note').textContent = `${name}, ${fileSize(blob.size)}, is in your downloads.`;
  downloadButton.disabled = false;
}

rowsBox.addEventListener('input', () => {
  // Rows that are no longer the sample's are not to be judged by it.
  if (chosen() === 'sample') choose('share');
  changed();
});
byId('data-form').addEventListener('submit', (event) => event.preventDefault());
settingsForm.addEventListener('submit', (event) => event.preventDefault());
byId('evaluate-on').addEventListener('input', changed);
evaluationFile.addEventListener('change', () => {
  choose('file');
  changed();
});
settingsForm.addEventListener('input', changed);
fileInput.addEventListener('change', () => takeFile(fileInput.files?.[0]));
checkAgain.addEventListener('click', changed);
byId('remove-file').addEventListener('click', () => {
  takeFile(undefined);
  rowsBox.focus();
});
const sampleFailed = (): void =>
  refuse({
    message: 'the sample cannot be loaded',
    hint: 'Is the server that gave you this page still running? If it is, choose “Use the sample” again.',
  });
byId('use-sample').addEventListener('click', () => void useSample().catch(sampleFailed));
trainButton.addEventListener('click', train);
continueButton.addEventListener('click', () => run({ type: 'continue' }));
stopButton.addEventListener('click', ({ detail }) => {
  // The second click of a double click does not ask for an end at once.
  if (detail > 1) return;
  if (stopping) stopButton.disabled = true;
  stopping = true;
  stopButton.textContent = 'Stop at once';
  state('');
  worker.send({ type: 'stop' });
});
byId('try').addEventListener('submit', (event) => {
  event.preventDefault();
  classify();
});
textBox.addEventListener('input', whenQuiet(PREDICT_AFTER_MS, classify));
downloadButton.addEventListener('click', () => {
  downloadButton.disabled = true;
  byId('download-note').textContent = 'Packing …';
  worker.send({ type: 'archive' });
});

// A file may be dropped anywhere; it must never make the browser leave the page.
const drop = byId('drop');
for (const type of ['dragenter', 'dragover']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', !running && !over);
  });
}
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) drop.classList.remove('over');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  const [dropped] = event.dataTransfer?.files ?? [];
  if (dropped && !running && !over) takeFile(dropped);
});

worker.send({ type: 'start' });
useSample().catch(sampleFailed);
