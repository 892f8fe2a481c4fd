/**
 * Time of fitting and predicting of each classical model, attune and scikit-learn or gensim taking turns:
 * `npm run bench:baselines -- --data FILE.jsonl`.
 *
 * They take part where ATTUNE_SKLEARN_PYTHON names a Python that has scikit-learn and gensim. Each side is
 * one process for the whole run, warmed up once; both are given the same rows. What takes milliseconds is run
 * up to 25 times. `--data` (or ATTUNE_DATA) is a file of JSON lines with text and label; without it,
 * sentences of like length are made up. Run it alone on the machine.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { usableCores } from '#attune/engine/cores.js';
import { Generator } from '#attune/random/normal.js';
import { median } from './median.js';
import { pythonWith } from './python.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    rows: { type: 'string', default: '1000,27481' },
    only: { type: 'string', default: 'Word2Vec,logistic regression,SVC,random forest' },
    repetitions: { type: 'string', default: '5' },
  },
});

/** What the other side can also do in another way; both ways are timed. */
const ALSO = new Map([
  ['random forest', 'random forest, all cores'],
  ['Word2Vec', 'Word2Vec, one worker'],
]);

class Side {
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;

    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  static start(command: string, args: readonly string[]): Side {
    return new Side(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  async ask(request: object): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error('a side ended without an answer');
    return JSON.parse(line.value) as unknown;
  }

  end(): void {
    this.#child.stdin!.end();
  }
}

interface Rows {
  readonly texts: string[];
  readonly labels: number[];
}

function readRows(file: string, limit: number): Rows {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, limit);
  const rows = lines.map((line) => JSON.parse(line) as { text: string | null; label: number });
  return { texts: rows.map(({ text }) => text ?? ''), labels: rows.map(({ label }) => label) };
}

/**
 * Sentences of 13 words on average over a Zipf vocabulary, whose words lean a little to one of three labels.
 */
function madeUp(limit: number): Rows {
  const random = new Generator(1);
  const rows: Rows = { texts: [], labels: [] };
  for (let i = 0; i < limit; i++) {
    const label = Math.floor(3 * random.nextUniform53());
    const words = Array.from({ length: 1 + Math.floor(25 * random.nextUniform53()) }, () => {
      const word = Math.floor(30_000 ** random.nextUniform53());
      return `w${random.nextUniform53() < 0.2 ? 3 * word + label : 3 * word + (word % 3)}`;
    });
    rows.texts.push(words.join(' '));
    rows.labels.push(label);
  }
  return rows;
}

/** A hundred numbers a row that say something of its label: means of random word vectors. */
function randomFeatures({ texts }: Rows): Float64Array {
  const vectors = new Map<string, Float64Array>();
  const random = new Generator(2);
  const features = new Float64Array(100 * texts.length);
  texts.forEach((text, row) => {
    const words = text.split(/\s+/).filter((word) => word !== '');
    for (const word of words) {
      if (!vectors.has(word))
        vectors.set(
          word,
          Float64Array.from({ length: 100 }, () => random.nextNormal()),
        );
      vectors.get(word)!.forEach((value, j) => {
        features[100 * row + j] += value / words.length;
      });
    }
  });
  return features;
}

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${usableCores()} cores, Node ${process.versions.node}`,
);
const python = pythonWith('ATTUNE_SKLEARN_PYTHON', ['sklearn', 'gensim'], 'scikit-learn and gensim are');
const data = options.data ?? process.env['ATTUNE_DATA'];
const folder = mkdtempSync(join(tmpdir(), 'attune-bench-'));
try {
  for (const limit of options.rows.split(',').map(Number)) {
    const rows = data === undefined ? madeUp(limit) : readRows(data, limit);
    const predicted = Math.ceil(rows.labels.length / 5);
    const attune = Side.start(process.execPath, [
      '--import',
      'tsx',
      join(import.meta.dirname, 'baselines-attune.ts'),
    ]);
    const theirs =
      python !== undefined
        ? Side.start(python, [join(import.meta.dirname, 'baselines_sklearn.py')])
        : undefined;
    const features = join(folder, 'features');
    await theirs?.ask({ ...rows, features: null });
    if (theirs) await theirs.ask({ write: features });
    else writeFileSync(features, new Uint8Array(randomFeatures(rows).buffer));
    await theirs?.ask({ ...rows, features });
    await attune.ask({ ...rows, features });
    const source = data === undefined ? 'made-up sentences' : 'the given file';
    const vectors = theirs ? "gensim's vectors" : 'random word vectors';
    console.log(
      `\n${rows.labels.length} rows of ${source}, ${vectors}; predicted: ${predicted}; ` +
        `medians of at least ${options.repetitions} runs in turn`,
    );
    const totals = { ours: 0, theirs: 0 };
    for (const name of options.only.split(',')) {
      const also = ALSO.get(name);
      const others = also === undefined ? [name] : [name, also];
      const times = { ours: [] as Timing[], theirs: others.map((): Timing[] => []) };
      const started = performance.now();
      // Of what takes a few milliseconds more runs are needed for a median that says something.
      for (
        let repetition = 0;
        repetition < Number(options.repetitions) || (repetition < 25 && performance.now() - started < 2e3);
        repetition++
      ) {
        times.ours.push((await attune.ask({ measure: name, predicted })) as Timing);
        // The other side may take a quarter of an hour.
        if (times.ours[repetition].fit > 1e4)
          console.log(
            `  (${name}, attune, run ${repetition + 1}: fit ${(times.ours[repetition].fit / 1e3).toFixed(1)} s)`,
          );
        if (theirs)
          for (const [i, other] of others.entries())
            times.theirs[i].push((await theirs.ask({ measure: other, predicted })) as Timing);
      }
      const of = (timings: readonly Timing[], key: keyof Timing): number =>
        median(timings.map((timing) => timing[key]));
      const show = (label: string, timings: readonly Timing[]): string => {
        const fit = of(timings, 'fit').toFixed(1).padStart(10);
        const predict = of(timings, 'predict').toFixed(1).padStart(9);
        return `  ${label.padEnd(40)} fit ${fit} ms   predict ${predict} ms`;
      };
      console.log(show(`${name}, attune`, times.ours));
      totals.ours += of(times.ours, 'fit') + of(times.ours, 'predict');
      if (!theirs) continue;
      totals.theirs += of(times.theirs[0], 'fit') + of(times.theirs[0], 'predict');
      for (const [i, other] of others.entries()) {
        // Of each pair of runs, then the median: neighbours on the machine come and go.
        const ratio = (key: keyof Timing): string =>
          median(times.theirs[i].map((timing, r) => timing[key] / times.ours[r][key])).toFixed(2);
        const ratios = `fit ${ratio('fit')}, predict ${ratio('predict')}`;
        console.log(`${show(`${other}, reference`, times.theirs[i])}   x attune's time: ${ratios}`);
      }
    }
    if (theirs) {
      const [ours, others] = [totals.ours, totals.theirs].map((ms) => `${(ms / 1e3).toFixed(2)} s`);
      const ratio = (totals.theirs / totals.ours).toFixed(2);
      console.log(`  together: attune ${ours}, reference ${others}, ratio ${ratio}`);
    }
    attune.end();
    theirs?.end();
  }
} finally {
  rmSync(folder, { recursive: true });
}

interface Timing {
  readonly fit: number;
  readonly predict: number;
}
