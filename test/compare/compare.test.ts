/** A whole comparison on made-up sentences with a tiny model. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadEstimator } from '#attune/baselines/saved.js';
import { SIMPLEST_FIRST } from '#attune/compare/baselines.js';
import { comparedSplits } from '#attune/compare/compare.js';
import { compareModels } from '#attune/compare/compare-models.js';
import { FINE_TUNED } from '#attune/compare/comparison.js';
import type { Comparison, ModelResult } from '#attune/compare/comparison.js';
import { Dataset } from '#attune/data/dataset.js';
import { ModelError } from '#attune/errors/attune-error.js';
import { checkComparison } from '#attune/report/comparison-file.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { TextClassifier } from '#attune/train/classifier.js';
import { readTrainedTexts } from '#attune/train/trained-rows.js';
import { toJsonl, writeTinyModel } from '../support/cli.js';
import { refusal } from '../support/refusal.js';
import { SENTENCE_LABELS, sentences } from '../support/sentences.js';

let dir = '';
let comparison: Comparison;
const seen: string[] = [];
const split = (name: string, rows: number, seed: number): Dataset =>
  new Dataset(
    name,
    'made-up sentences',
    sentences(rows, seed).map(({ text, label, label_text }) => ({ text, label, labelText: label_text })),
    [...SENTENCE_LABELS],
  );
const [train, tested] = [split('train', 240, 1), split('test', 120, 2)];

const run = (outputDir: string): Promise<Comparison> =>
  compareModels({
    finetuned: join(dir, 'model'),
    base: join(dir, 'model'),
    train,
    test: tested,
    datasetName: 'sentences',
    outputDir,
    seed: 7,
    trainPeakMemoryBytes: null,
    callbacks: { onModelBegin: ({ id }) => seen.push(`begin ${id}`), onModel: ({ id }) => seen.push(id) },
  });

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'attune-test-'));
  const names = Object.fromEntries(SENTENCE_LABELS.map((name, i) => [i, name]));
  await writeTinyModel(
    join(dir, 'model'),
    {
      id2label: names,
      label2id: Object.fromEntries(SENTENCE_LABELS.map((name, i) => [name, i])),
      pad_token_id: 8191,
    },
    true,
  );
  comparison = await run(dir);
});
after(() => rmSync(dir, { recursive: true, force: true }));

const model = (id: string): ModelResult => comparison.models.find((each) => each.id === id)!;

describe('compareModels', () => {
  it('announces and measures every model, and orders them by F1', () => {
    assert.deepEqual(comparison.models.map(({ id }) => id).sort(), [...SIMPLEST_FIRST].sort());
    assert.deepEqual(seen.slice(0, 2), ['begin gpt2-finetuned', 'gpt2-finetuned']);
    const begun = seen.filter((_, i) => i % 2 === 0);
    const ended = seen.filter((_, i) => i % 2 === 1);
    assert.deepEqual(
      begun,
      ended.map((id) => `begin ${id}`),
    );
    assert.deepEqual([...ended].sort(), [...SIMPLEST_FIRST].sort());
    const f1 = comparison.models.map((each) => each.f1.value!);
    assert.deepEqual(
      f1,
      [...f1].sort((a, b) => b - a),
    );
    for (const each of comparison.models) {
      assert.ok(each.f1.low! <= each.f1.value! && each.f1.value! <= each.f1.high!, each.id);
      assert.ok(each.cost.latencyMs > 0 && each.cost.rowsPerSecond > 0 && each.cost.bytesOnDisk > 0, each.id);
      assert.equal(each.predictions.labels.length, tested.length);
      for (const row of each.predictions.probabilities)
        assert.ok(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-5, each.id);
    }
  });

  it('measures models that use the words above those that do not', () => {
    assert.ok(
      model('tfidf-logistic').accuracy.value! > 0.85,
      `TF-IDF ${model('tfidf-logistic').accuracy.value}`,
    );
    assert.ok(model('afinn').accuracy.value! > 0.8, `AFINN ${model('afinn').accuracy.value}`);
    assert.ok(model('majority').auc.value === 0.5 && model('majority').accuracy.value! < 0.5);
    assert.ok(
      model('tfidf-logistic').f1.value! > model('gpt2-finetuned').f1.value!,
      'the tiny model was never trained',
    );
  });

  it('gives a verdict with the first model as the best and the majority class ruled out', () => {
    const { best, bestSet, simplestFirst, tuning, sentences: lines } = comparison.verdict;
    assert.ok(
      !bestSet.includes('majority') && bestSet.includes(best) && !model('majority').againstBest!.mayBeBest,
    );
    assert.deepEqual(simplestFirst, SIMPLEST_FIRST);
    const { low, high, difference } = tuning!;
    assert.ok(low < difference && difference < high);
    assert.equal(best, comparison.models[0].id);
    assert.ok(lines.length >= 3 && lines[0].includes(comparison.models[0].name));
  });

  it('lists errors of the fine-tuned model, with all predictions and an attribution per token', () => {
    assert.ok(comparison.worstErrors.length > 0);
    for (const { row, text, label, opinions, attributions } of comparison.worstErrors) {
      assert.equal(text, tested.rows[row].text);
      assert.notEqual(opinions['gpt2-finetuned']!.label, label);
      assert.deepEqual(Object.keys(opinions).sort(), [...SIMPLEST_FIRST].sort());
      assert.equal(attributions.map(({ token }) => token).join(''), text);
      assert.ok(attributions.every(({ score }) => Number.isFinite(score)));
    }
  });

  it('lists n-grams that are evidence for their class', () => {
    assert.deepEqual(
      comparison.topNgrams.map(({ label }) => label),
      [...SENTENCE_LABELS],
    );
    assert.match(
      comparison.topNgrams[0].ngrams
        .slice(0, 3)
        .map(({ ngram }) => ngram)
        .join(' '),
      /awful|broken|terrible|sad|bad|horrible/,
    );
    assert.match(
      comparison.topNgrams[2].ngrams
        .slice(0, 3)
        .map(({ ngram }) => ngram)
        .join(' '),
      /wonderful|lovely|good|happy|excellent|great/,
    );
  });

  it('writes what it returns to comparison.json, where the report can read it', async () => {
    const written = JSON.parse(readFileSync(join(dir, 'comparison.json'), 'utf8')) as unknown;
    assert.deepEqual(await checkComparison(written), JSON.parse(JSON.stringify(comparison)));
  });

  it('gives the same metrics when it runs again, bit for bit', async () => {
    const again = await run(join(dir, 'model'));
    const reproducible = ({ models, verdict, worstErrors, topNgrams, words }: Comparison): unknown => ({
      models: models.map((each) => ({ ...each, cost: undefined })),
      verdict: {
        ...verdict,
        choices: undefined,
        recommended: undefined,
        sentences: verdict.sentences.slice(0, 2),
      },
      worstErrors,
      topNgrams,
      words,
    });
    assert.deepEqual(reproducible(again), reproducible(comparison));
  });
});

describe('TextClassifier.fromPretrained', () => {
  for (const id of SIMPLEST_FIRST) {
    it(`opens ${id}, which predicts what was measured, bit for bit`, async () => {
      const classifier = await TextClassifier.fromPretrained(
        id === FINE_TUNED ? join(dir, 'model') : join(dir, 'baselines', id),
      );
      try {
        const predictions = await classifier.predict(tested.rows.map(({ text }) => text));
        const { labels, probabilities } = model(id).predictions;
        assert.deepEqual(
          predictions.map(({ label_id }) => label_id),
          labels,
        );
        assert.deepEqual(
          predictions.map(({ scores }) => SENTENCE_LABELS.map((name) => scores[name])),
          probabilities,
        );
        const [first] = predictions;
        assert.deepEqual(
          [first.label, first.score],
          [SENTENCE_LABELS[first.label_id], probabilities[0][first.label_id]],
        );
        if (id === FINE_TUNED) return;
        const { accuracy, f1, auc } = await classifier.evaluate(tested);
        assert.deepEqual(
          [accuracy, f1, auc],
          [model(id).accuracy.value, model(id).f1.value, model(id).auc.value],
        );
        assert.equal(
          (await readTrainedTexts(classifier.folder!))!.size,
          new Set(train.rows.map(({ text }) => text.trim())).size,
        );
      } finally {
        await classifier.close();
      }
    });
  }

  it('refuses a probe if its GPT-2 is missing or differs from the one it was fitted on', async () => {
    const probe = join(dir, 'probe');
    cpSync(join(dir, 'baselines', 'gpt2-probe'), probe, { recursive: true });
    const file = join(probe, 'estimator.json');
    const saved = readFileSync(file, 'utf8');
    const other = join(dir, 'other');
    cpSync(join(dir, 'model'), other, { recursive: true });
    writeFileSync(file, saved.replace(JSON.stringify(join(dir, 'model')), JSON.stringify(other)));
    await (await TextClassifier.fromPretrained(probe)).close();
    const changes: readonly [string, (text: string) => string][] = [
      ['config.json', (text) => text.replace(/"n_head": \d+/, '"n_head": 1')],
      ['merges.txt', (text) => text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)],
    ];
    for (const [name, change] of changes) {
      const [path, whole] = [join(other, name), readFileSync(join(other, name), 'utf8')];
      writeFileSync(path, change(whole));
      assert.notEqual(readFileSync(path, 'utf8'), whole);
      await assert.rejects(
        TextClassifier.fromPretrained(probe),
        refusal(ModelError, 'hidden-states-model-differs', { model: other }),
      );
      writeFileSync(path, whole);
    }
    writeFileSync(file, saved.replace(JSON.stringify(join(dir, 'model')), JSON.stringify(join(dir, 'gone'))));
    await assert.rejects(TextClassifier.fromPretrained(probe), (error) => {
      refusal(ModelError, 'hidden-states-model-unavailable')(error);
      assert.match(JSON.stringify((error as ModelError).facts), /gone/);
      return true;
    });
    const fitted = join(dir, 'baselines', 'gpt2-probe');
    await assert.rejects(
      loadEstimator(fitted, 'texts'),
      refusal(ModelError, 'estimator-needs-hidden-states', { folder: fitted }),
    );
  });
});

describe('comparedSplits', () => {
  it('splits the rows by splitSeed if it is given, else by seed', async () => {
    writeFileSync(join(dir, 'rows.jsonl'), toJsonl(sentences(40, 3)));
    const testTexts = async (seed: number, splitSeed?: number): Promise<string[]> => {
      const args = resolveArguments({ outputDir: join(dir, 'none'), seed });
      return (
        await comparedSplits({
          model: join(dir, 'model'),
          dataset: join(dir, 'rows.jsonl'),
          testSize: 10,
          args,
          splitSeed,
        })
      ).test.rows.map(({ text }) => text);
    };
    assert.deepEqual(await testTexts(8, 7), await testTexts(7));
    assert.notDeepEqual(await testTexts(8), await testTexts(7));
  });
});
