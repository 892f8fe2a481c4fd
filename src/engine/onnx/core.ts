/**
 * The ONNX engine itself, in whatever thread it is made: one model's memory, its two sessions, the optimizer.
 * `session.run` blocks its thread, so worker.ts runs this away from the main one.
 */
import './no-telemetry.js';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { ATTENTION_STRIDE, dropoutKey, dropoutThreshold } from '../../graph/dropout-mask.js';
import type { InputName } from '../../graph/graph.js';
import { gradientName } from '../../model/gpt2.js';
import type { ParameterSpec } from '../../model/parameters.js';
import type { PackedBatch } from '../batch.js';
import type { StepRequest, StepResult, TensorKind, UpdateSettings } from '../engine.js';
import { gradientNorm } from '../gradient-norm.js';
import { attentionLayout, longestRow } from './layout.js';
import { END_OF_RUN } from './lowering.js';
import type { DropoutFeed, FeedName, LoweredGraph, LoweredOutput } from './lowering.js';
import { Bank, SCRATCH_FLOATS, placeTensors } from './memory.js';
import type { TensorRegions } from './memory.js';
import { Table, addRows } from './table.js';

/** All that crosses to the worker: plain data. */
export interface CoreModel {
  readonly parameters: readonly ParameterSpec[];
  readonly inference: LoweredGraph;
  readonly training: LoweredGraph;
  readonly seed: number;
  readonly threads: number;
}

interface Parameter extends TensorRegions {
  readonly spec: ParameterSpec;
  /** The parameter as the sessions read it. */
  readonly tensor: Tensor;
  readonly gradientOutput: LoweredOutput;
  /** Where the model only gathers rows of it. */
  readonly table?: { readonly state: Table; readonly indices: InputName };
}

export class OnnxCore {
  readonly #parameters: readonly Parameter[];
  readonly #byName: ReadonlyMap<string, Parameter>;
  #inference: InferenceSession | undefined;
  #training: InferenceSession | undefined;
  readonly #others = new Map<
    number,
    { readonly graph: LoweredGraph; readonly session: Promise<InferenceSession> }
  >();
  /** Dropout masks of one run; replaced by a larger one when a batch needs it. */
  #masks = new Bank(0);
  #maskFloats = 0;

  readonly #model: CoreModel;

  constructor(model: CoreModel) {
    this.#model = model;

    const regions = placeTensors(
      model.parameters.map(({ shape }) => shape.reduce((product, n) => product * n, 1)),
    );
    this.#parameters = model.parameters.map((spec, i) => {
      const region = regions[i];
      const gradientOutput = model.training.outputs.get(gradientName(spec.name));
      if (!gradientOutput) throw new Error(`the training graph gives no gradient of ${spec.name}`);
      const tensor = new Tensor('float32', region.bank.view(region.parameter, region.floats), [
        ...spec.shape,
      ]);
      const base = { ...region, spec, tensor, gradientOutput };
      // The kernels count in fours, so a table with another width is updated as a whole.
      if (gradientOutput.kind === 'dense' || gradientOutput.columns % 4 !== 0) return base;
      return {
        ...base,
        table: { state: new Table(region, gradientOutput.columns), indices: gradientOutput.indices },
      };
    });
    this.#byName = new Map(this.#parameters.map((parameter) => [parameter.spec.name, parameter]));
  }

  read(kind: TensorKind, name: string): Float32Array {
    const parameter = this.#parameterOf(name);
    if (kind === 'parameter') parameter.table?.state.catchUpAll();
    return parameter.bank.view(parameter[kind], parameter.floats).slice();
  }

  write(kind: 'parameter' | 'moment1' | 'moment2', name: string, values: Float32Array, offset = 0): void {
    const parameter = this.#parameterOf(name);
    parameter.table?.state.catchUpAll();
    parameter.bank.view(parameter[kind], parameter.floats).set(values, offset);
    if (kind !== 'parameter') parameter.table?.state.momentsWritten();
  }

  /** Creates the session of the graph that will be asked for first. */
  async prepare(first: 'training' | 'prediction'): Promise<void> {
    if (first === 'training') this.#training ??= await this.#createSession(this.#model.training);
    else this.#inference ??= await this.#createSession(this.#model.inference);
  }

  async infer(batch: PackedBatch): Promise<Float32Array> {
    await this.prepare('prediction');
    this.#catchUpTables(batch);
    const results = await this.#inference!.run(this.#feeds(this.#model.inference, batch));
    return results['logits'].data as Float32Array;
  }

  /** Runs a graph beside the model's own; `lowered` comes with its first batch. The values are copies. */
  async evaluate(
    number: number,
    lowered: LoweredGraph | undefined,
    batch: PackedBatch,
  ): Promise<Map<string, Float32Array>> {
    if (lowered) this.#others.set(number, { graph: lowered, session: this.#createSession(lowered) });
    const { graph, session } = this.#others.get(number)!;
    this.#catchUpTables(batch);
    const results = await (await session).run(this.#feeds(graph, batch));
    return new Map(
      [...graph.outputs].map(([name, output]) => {
        if (output.kind === 'rows') throw new Error(`${name} is the gradient of a table`);
        return [name, (results[output.name].data as Float32Array).slice()];
      }),
    );
  }

  async step({ microBatches, lossWeights, firstPass, update }: StepRequest): Promise<StepResult> {
    await this.prepare('training');
    this.#clearRowGradients();
    const losses: number[] = [];
    const started = performance.now();
    for (const [i, batch] of microBatches.entries())
      losses.push(await this.#backward(batch, lossWeights[i], firstPass + i, i > 0));
    const differentiated = performance.now();
    const gradNorm = gradientNorm(this.#gradientSquares());
    const measured = performance.now();
    const updated = Number.isFinite(gradNorm) && losses.every(Number.isFinite);
    if (updated) this.#update(update, gradNorm);
    const milliseconds = {
      forwardBackward: differentiated - started,
      norm: measured - differentiated,
      update: performance.now() - measured,
    };
    return { losses, gradNorm, updated, milliseconds };
  }

  async close(): Promise<void> {
    await this.#inference?.release();
    await this.#training?.release();
    for (const { session } of this.#others.values()) await (await session).release();
  }

  /**
   * Forward and backward pass of one micro-batch, whose gradients replace those in memory or are added to
   * them. Returns the weighted loss.
   */
  async #backward(batch: PackedBatch, lossWeight: number, pass: number, add: boolean): Promise<number> {
    this.#catchUpTables(batch);
    const feeds = this.#feeds(this.#model.training, batch);
    feeds['lossWeight'] = new Tensor('float32', Float32Array.of(lossWeight), []);
    this.#addDropoutMasks(feeds, batch, pass);

    const loss = new Float32Array(1);
    const fetches: Record<string, Tensor | null> = {
      [END_OF_RUN.name]: null,
      loss: new Tensor('float32', loss, []),
    };
    for (const { spec, bank, gradient, incoming, floats, gradientOutput: output } of this.#parameters) {
      if (output.kind === 'dense')
        fetches[output.name] = new Tensor('float32', bank.view(add ? incoming : gradient, floats), [
          ...spec.shape,
        ]);
      else {
        const rows = indicesOf(batch, output.indices).length;
        fetches[output.name] = new Tensor('float32', new Float32Array(rows * output.columns), [
          rows,
          output.columns,
        ]);
      }
    }
    await runInto(this.#training!, feeds, fetches);
    for (const parameter of this.#parameters) {
      const { bank, gradient, incoming, padded, floats, gradientOutput, table } = parameter;
      if (gradientOutput.kind === 'dense') {
        if (add) bank.kernels.accumulate(gradient, incoming, padded);
        continue;
      }
      const dy = fetches[gradientOutput.name]!.data as Float32Array;
      const indices = indicesOf(batch, gradientOutput.indices);
      if (table) table.state.addGradient(indices, dy);
      else addRows(bank.view(gradient, floats), gradientOutput.columns, indices, dy);
    }
    return loss[0];
  }

  #clearRowGradients(): void {
    for (const { table, gradientOutput, bank, gradient, floats } of this.#parameters) {
      if (table) table.state.clearGradient();
      else if (gradientOutput.kind === 'rows') bank.view(gradient, floats).fill(0);
    }
  }

  #gradientSquares(): number {
    let sum = 0;
    for (const { table, bank, gradient, padded } of this.#parameters) {
      sum += table ? table.state.sumOfSquares() : bank.kernels.sumOfSquares(gradient, padded);
    }
    return sum;
  }

  #update(settings: UpdateSettings, gradNorm: number): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay, maxGradNorm, step } = settings;
    const scalars = {
      clip: maxGradNorm > 0 ? Math.min(1, maxGradNorm / (gradNorm + 1e-6)) : 1,
      stepSize: learningRate / (1 - beta1 ** step),
      inverseRoot2: 1 / Math.sqrt(1 - beta2 ** step),
      settings,
    };
    for (const { spec, table, bank, parameter, gradient, moment1, moment2, padded } of this.#parameters) {
      const decay = spec.decay ? Math.fround(1 - learningRate * weightDecay) : 1;
      if (table) table.state.update({ ...scalars, decay });
      else {
        bank.kernels.adamw(
          parameter,
          gradient,
          moment1,
          moment2,
          padded,
          scalars.clip,
          beta1,
          beta2,
          decay,
          scalars.stepSize,
          scalars.inverseRoot2,
          epsilon,
        );
      }
    }
  }

  #catchUpTables(batch: PackedBatch): void {
    for (const { table } of this.#parameters) table?.state.catchUp(indicesOf(batch, table.indices));
  }

  #feeds(graph: LoweredGraph, batch: PackedBatch): Record<string, Tensor> {
    const layout = attentionLayout(batch);
    const { rows, tokens } = batch;
    const make: Record<FeedName, () => Tensor> = {
      inputIds: () => new Tensor('int32', batch.inputIds, [tokens]),
      positionIds: () => new Tensor('int32', batch.positionIds, [tokens]),
      pooledTokens: () => new Tensor('int64', layout.pooledTokens, [rows]),
      labels: () => new Tensor('int64', BigInt64Array.from(batch.labels ?? [], BigInt), [rows]),
      lossWeight: () => new Tensor('float32', Float32Array.of(1), []),
      padIndex: () => new Tensor('int32', layout.padIndex, [rows, layout.longest]),
      unpadIndex: () => new Tensor('int32', layout.unpadIndex, [tokens]),
      slotAlive: () => new Tensor('float32', layout.slotAlive, [rows, layout.longest, 1]),
      tokenAlive: () => new Tensor('float32', layout.tokenAlive, [tokens, 1]),
      rowAlive: () => new Tensor('float32', layout.rowAlive, [rows, 1]),
      causalBias: () => new Tensor('float32', layout.causalBias, [1, 1, layout.longest, layout.longest]),
      keyBias: () => new Tensor('float32', layout.keyBias, [rows, 1, 1, layout.longest]),
    };
    const feeds: Record<string, Tensor> = {};
    for (const name of graph.feeds) feeds[name] = make[name]();
    for (const name of graph.parameters) feeds[name] = this.#parameterOf(name).tensor;
    return feeds;
  }

  /** Draws the masks of one forward pass (graph/dropout-mask.ts says which). */
  #addDropoutMasks(feeds: Record<string, Tensor>, batch: PackedBatch, pass: number): void {
    const sites = this.#model.training.dropout;
    const longest = longestRow(batch);
    const shapes = sites.map((site) => maskShape(site, batch, longest));
    // The kernels write in fours, so each mask has room for three more.
    const sizes = shapes.map((shape) => Math.ceil(shape.reduce((product, n) => product * n, 1) / 4) * 4 + 4);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total > this.#maskFloats) {
      this.#maskFloats = Math.ceil(total * 1.25);
      this.#masks = new Bank(this.#maskFloats * 4);
    }
    let offset = SCRATCH_FLOATS * 4;
    for (const [i, site] of sites.entries()) {
      const shape = shapes[i];
      this.#drawMask(site, batch, longest, pass, offset);
      feeds[site.name] = new Tensor(
        'float32',
        this.#masks.view(
          offset,
          shape.reduce((product, n) => product * n, 1),
        ),
        shape,
      );
      offset += sizes[i] * 4;
    }
  }

  #drawMask(
    { site, probability, covers }: DropoutFeed,
    batch: PackedBatch,
    longest: number,
    pass: number,
    offset: number,
  ): void {
    const { kernels } = this.#masks;
    const { key0, key1 } = dropoutKey(this.#model.seed, pass, site);
    const threshold = dropoutThreshold(probability);
    const factor = 1 / (1 - probability);
    if ('columns' in covers) {
      kernels.dropoutFactors(
        offset,
        Math.ceil((batch[covers.rows] * covers.columns) / 4) * 4,
        0,
        key0,
        key1,
        threshold,
        factor,
      );
      return;
    }
    const { heads, queries } = covers;
    for (let r = 0; r < batch.rows; r++) {
      const from = batch.rowOffsets[r];
      const pooled = queries === 'rows';
      const perHead = pooled ? 1 : longest;
      const target = offset + r * heads * perHead * longest * 4;
      const count = pooled ? 1 : batch.rowOffsets[r + 1] - from;
      kernels.attentionFactors(
        target,
        pooled ? r : from,
        count,
        longest,
        heads,
        perHead,
        ATTENTION_STRIDE,
        key0,
        key1,
        threshold,
        factor,
      );
    }
  }

  async #createSession(graph: LoweredGraph): Promise<InferenceSession> {
    return InferenceSession.create(graph.model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: this.#model.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Shapes differ from batch to batch, so a plan made for one is of no use for the next.
      enableMemPattern: false,
      logSeverityLevel: 3,
    });
  }

  #parameterOf(name: string): Parameter {
    const parameter = this.#byName.get(name);
    if (!parameter) throw new Error(`no parameter is named ${name}`);
    return parameter;
  }
}

/** Runs a model whose outputs are written into the given tensors; see END_OF_RUN. */
async function runInto(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  fetches: Record<string, Tensor | null>,
): Promise<void> {
  try {
    await session.run(feeds, fetches);
  } catch (error) {
    // Thrown after the run alone: what goes wrong within it is told in other words.
    if (!(error instanceof Error) || error.message !== END_OF_RUN.message) throw error;
  }
}

function indicesOf(batch: PackedBatch, input: InputName): Int32Array {
  if (input === 'inputIds' || input === 'positionIds') return batch[input];
  throw new Error(`a table gathered by ${input} is not supported`);
}

function maskShape({ covers }: DropoutFeed, batch: PackedBatch, longest: number): number[] {
  if ('columns' in covers) return [batch[covers.rows], covers.columns];
  return [batch.rows, covers.heads, covers.queries === 'rows' ? 1 : longest, longest];
}
