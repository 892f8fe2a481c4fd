/**
 * Why a fine-tuned model may be worse than it could be, by rules on the records of its run and on its rows. K
 * = classes.
 */
import { isEvalRecord, isFinalRecord, isTrainRecord } from '../train/records.js';
import type { LogRecord } from '../train/records.js';
import type { Finding } from './comparison.js';

/** A model whose loss lies above this share of that of guessing has learned next to nothing. */
const NEAR_CHANCE = 0.9;
/**
 * Learned by heart: the training loss is below the first share of the loss on other rows, and that is above
 * the second share of the loss of guessing.
 */
const BY_HEART = { ofOtherRows: 0.2, ofChance: 0.5 };
/** Of the training records, the share at the end of a run that its last loss is a mean of. */
const LAST = 0.1;

export interface Evidence {
  readonly history: readonly LogRecord[];
  /** Training rows of each class, [K]. */
  readonly trainCounts: readonly number[];
  /**
   * Arguments of the run; undefined where its folder does not say. A record adds up the losses of a step's
   * micro-batches.
   */
  readonly args:
    | {
        readonly learningRate: number;
        readonly gradientAccumulationSteps: number;
        readonly loadBestModelAtEnd: boolean;
      }
    | undefined;
  readonly testRows: number;
  /**
   * Test rows with a text that the fine-tuned model, or the baselines, were trained on; null where nobody
   * knows.
   */
  readonly leaked: { readonly model: number | null; readonly baselines: number | null };
}

/** What the evidence shows, the most decisive first; nothing where it shows nothing. */
export function diagnose(evidence: Evidence): Finding[] {
  return [
    leakedRows(evidence),
    endedInWarmUp(evidence),
    nearChance(evidence),
    learnedByHeart(evidence),
  ].flat();
}

function leakedRows({ leaked: { model, baselines }, testRows }: Evidence): Finding[] {
  const finding = (rows: number | null, who: string, whose: string): Finding[] => {
    if (rows === null || rows === 0) return [];
    const have = rows === 1 ? 'has a text' : 'have texts';
    const sentence =
      `${rows} of the ${testRows} test rows ${have} that ${who} trained on: ` +
      `${whose} metrics there are too high.`;
    return [{ code: 'leaked-rows', facts: { rows, testRows }, sentence }];
  };
  if (model === baselines) return finding(model, 'every model was', 'the');
  return [
    ...finding(model, 'the fine-tuned model was', 'its'),
    ...finding(baselines, 'the baselines were', 'their'),
  ];
}

/**
 * Where the learning rate rose from record to record, and would not have come to the one asked for by the
 * last step: warm-up is linear.
 */
function endedInWarmUp({ history, args }: Evidence): Finding[] {
  const records = history.filter(isTrainRecord);
  const rose =
    records.length > 1 &&
    records.every(({ learning_rate: rate }, i) => i === 0 || rate > records[i - 1].learning_rate);
  if (!rose) return [];
  const [first, last] = [records[0], records[records.length - 1]];
  const steps = Math.max(...history.map(({ step }) => step));
  const slope = (last.learning_rate - first.learning_rate) / (last.step - first.step);
  const reached = last.learning_rate + slope * (steps - last.step);
  if (args ? reached >= args.learningRate : last.step < steps) return [];
  const facts = { steps, learningRate: reached };
  return [
    {
      code: 'ended-in-warm-up',
      facts,
      sentence:
        `The run ended during warm-up: after ${steps} steps its learning rate was still rising, ` +
        'and never reached the one that was asked for. ' +
        'Fewer warm-up steps or more epochs would change that.',
    },
  ];
}

/**
 * Cross-entropy of answering every row with the shares of the classes in training; ln K where they are equal.
 */
function chanceLoss(counts: readonly number[]): number {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (sum, count) => (count === 0 ? sum : sum - (count / rows) * Math.log(count / rows)),
    0,
  );
}

/** Mean loss a row at the end of training; undefined where it is not known. */
function lastTrainLoss({ history, args }: Evidence): number | undefined {
  const losses = history
    .filter(isTrainRecord)
    .map(({ loss }) => loss)
    .filter((loss) => typeof loss === 'number' && Number.isFinite(loss));
  if (losses.length === 0 || !args) return undefined;
  const last = losses.slice(-Math.ceil(LAST * losses.length));
  return last.reduce((sum, loss) => sum + loss, 0) / last.length / args.gradientAccumulationSteps;
}

function nearChance(evidence: Evidence): Finding[] {
  const loss = lastTrainLoss(evidence);
  const chance = chanceLoss(evidence.trainCounts);
  if (loss === undefined || loss < NEAR_CHANCE * chance) return [];
  const classes = evidence.trainCounts.length;
  const equal =
    Math.abs(chance - Math.log(classes)) < 0.01 ? `ln ${classes}` : 'the entropy of the class shares';
  return [
    {
      code: 'loss-near-chance',
      facts: { loss, chance },
      sentence:
        `The training loss ended at ${loss.toFixed(2)}, near the ${chance.toFixed(2)} of a model that ` +
        `has learned nothing (${equal}): it needs more steps, or another learning rate.`,
    },
  ];
}

function learnedByHeart(evidence: Evidence): Finding[] {
  const { history, trainCounts, args } = evidence;
  const trained = lastTrainLoss(evidence);
  const final = history.findLast(isFinalRecord);
  const evaluation = history.findLast(isEvalRecord);
  // Of a run that keeps its best checkpoint, or was evaluated long before its end, the two losses are of
  // different models; and the first has chosen its epoch.
  if (
    trained === undefined ||
    !evaluation ||
    args?.loadBestModelAtEnd ||
    (final && evaluation.step !== final.step)
  )
    return [];
  const { eval_loss: others } = evaluation;
  if (!(trained < BY_HEART.ofOtherRows * others && others > BY_HEART.ofChance * chanceLoss(trainCounts)))
    return [];
  return [
    {
      code: 'learned-by-heart',
      facts: { trainLoss: trained, evalLoss: others },
      sentence:
        `It learned the training rows by heart: loss ${trained.toFixed(2)} there, ${others.toFixed(2)} on ` +
        'other rows. Fewer epochs, more dropout or more rows may help.',
    },
  ];
}
