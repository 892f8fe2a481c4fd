/**
 * Lowers a graph to one ONNX model: parameters and everything of the batch are inputs, so that the same
 * memory serves every run and nothing is copied into the session.
 */
import type {
  AnyNode,
  DropoutSite,
  Graph,
  InputName,
  Node,
  OperationName,
  Shape,
  Value,
} from '../../graph/graph.js';
import { parameterName } from '../../graph/graph.js';
import { writeOnnxModel } from './onnx-model.js';
import type { OnnxAttribute, OnnxConstant, OnnxNode, OnnxType, OnnxValueInfo } from './onnx-model.js';
import {
  lowerAttention,
  lowerAttentionGrad,
  lowerPooledAttention,
  lowerPooledAttentionGrad,
} from './lower-attention.js';

/** Inputs of the model beside the parameters, with their element types; layout.ts says what they hold. */
export const FEEDS = {
  inputIds: { type: 'int32', shape: ['N'] },
  positionIds: { type: 'int32', shape: ['N'] },
  pooledTokens: { type: 'int64', shape: ['B'] },
  labels: { type: 'int64', shape: ['B'] },
  lossWeight: { type: 'float32', shape: [] },
  padIndex: { type: 'int32', shape: ['B', 'T'] },
  unpadIndex: { type: 'int32', shape: ['N'] },
  slotAlive: { type: 'float32', shape: ['B', 'T', 1] },
  tokenAlive: { type: 'float32', shape: ['N', 1] },
  rowAlive: { type: 'float32', shape: ['B', 1] },
  causalBias: { type: 'float32', shape: [1, 1, 'T', 'T'] },
  keyBias: { type: 'float32', shape: ['B', 1, 1, 'T'] },
} as const satisfies Record<string, { type: OnnxType; shape: readonly (number | string)[] }>;

export type FeedName = keyof typeof FEEDS;

/** A mask to be fed: one for each dropout site of the graph. */
export interface DropoutFeed extends DropoutSite {
  readonly name: string;
  /** What the mask covers: a matrix with so many columns, or the probabilities of so many heads. */
  readonly covers:
    | { readonly rows: 'tokens' | 'rows'; readonly columns: number }
    | { readonly queries: 'tokens' | 'rows'; readonly heads: number };
}

/**
 * An output of the model: a tensor of its own shape, or, for the gradient of a table that is only gathered
 * from, one row for each index.
 */
export type LoweredOutput =
  | { readonly name: string; readonly kind: 'dense'; readonly shape: Shape }
  | { readonly name: string; readonly kind: 'rows'; readonly indices: InputName; readonly columns: number };

/**
 * The first output of a model whose every other output is written into memory of ours. onnxruntime-node 1.30
 * writes them there and then copies each once more, into a new ArrayBuffer that nobody asked for
 * (tensor_helper.cc, OrtValueToNapiValue): for the gradients of GPT-2 that takes almost as long as computing
 * them. It does so output by output, in order, after the run is over, and gives up at the first that is no
 * tensor: this one.
 */
export const END_OF_RUN = {
  name: 'end of run',
  message: 'Non tensor type is temporarily not supported.',
} as const;

export interface LoweredGraph {
  readonly model: Uint8Array;
  readonly parameters: readonly string[];
  readonly feeds: readonly FeedName[];
  readonly dropout: readonly DropoutFeed[];
  /** By the graph's output names. */
  readonly outputs: ReadonlyMap<string, LoweredOutput>;
}

/** Names, nodes, constants and inputs of the model being written. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxConstant>();
  readonly dropout: DropoutFeed[] = [];
  readonly usedFeeds = new Set<FeedName>();
  /** The forward nodes whose gradients the graph has. */
  readonly differentiated: ReadonlySet<Node>;
  readonly #names = new Map<Value, string>();
  /** What a gradient reuses of its forward node. */
  readonly #kept = new Map<Node, Readonly<Record<string, string>>>();
  #temporaries = 0;

  constructor(graph: Graph) {
    this.differentiated = new Set(
      graph.nodes.flatMap(({ attributes }) =>
        'forward' in attributes ? [attributes.forward as unknown as Node] : [],
      ),
    );
  }

  /** The ONNX name of a value of the graph. */
  name(value: Value): string {
    const parameter = parameterName(value);
    if (parameter !== undefined) return parameter;
    if ('input' in value.source) return this.feed(value.source.input);
    const name = this.#names.get(value);
    if (name === undefined) throw new Error(`value ${value.id} is used before it is computed`);
    return name;
  }

  define(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  feed(name: FeedName): string {
    this.usedFeeds.add(name);
    return name;
  }

  keep<Op extends OperationName>(node: Node<Op>, names: Readonly<Record<string, string>>): void {
    this.#kept.set(node, names);
  }

  keptOf<Op extends OperationName>(node: Node<Op>, what: string): string {
    const name = this.#kept.get(node)?.[what];
    if (name === undefined) throw new Error(`${node.op} kept no ${what}`);
    return name;
  }

  /** Appends one ONNX node with a single output and returns the output's name. */
  op(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.ops(op, inputs, 1, attributes)[0];
  }

  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    contrib = false,
  ): string[] {
    const outputs = Array.from({ length: count }, () => `t${this.#temporaries++}`);
    this.nodes.push({ op, inputs, outputs, attributes, contrib });
    return outputs;
  }

  /** ONNX Runtime's FusedMatMul: alpha * op(a) op(b) over the last two axes. */
  batchedMatmul(
    a: string,
    b: string,
    options: { transposeA?: boolean; transposeB?: boolean; alpha?: number } = {},
  ): string {
    const { transposeA = false, transposeB = false, alpha = 1 } = options;
    return this.ops(
      'FusedMatMul',
      [a, b],
      1,
      { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } },
      true,
    )[0];
  }

  scalar(value: number): string {
    return this.#constant('float32', [], [value]);
  }

  integers(...values: number[]): string {
    return this.#constant('int64', [values.length], values);
  }

  dropoutMask(site: DropoutSite, covers: DropoutFeed['covers']): string {
    const name = `dropout.${site.site}`;
    if (!this.dropout.some((feed) => feed.name === name)) this.dropout.push({ ...site, name, covers });
    return name;
  }

  #constant(type: OnnxType, shape: readonly number[], values: readonly number[]): string {
    const name = `constant.${type}.${shape.join('x')}.${values.join(',')}`;
    if (!this.constants.has(name)) this.constants.set(name, { name, type, shape, values });
    return name;
  }
}

export interface LoweringOptions {
  /** The outputs will all be written into given memory: put END_OF_RUN before them. */
  readonly preallocated?: boolean;
}

export function lowerGraph(graph: Graph, { preallocated = false }: LoweringOptions = {}): LoweredGraph {
  const e = new Emitter(graph);
  const rowOutputs = rowGradients(graph);
  for (const node of graph.nodes) {
    // The gradient of a table is handed out as rows; the engine adds them up where the table lives.
    if (!rowOutputs.has(node)) lowerNode(e, node);
  }

  const outputs = new Map<string, LoweredOutput>();
  const outputInfos: OnnxValueInfo[] = [];
  if (preallocated) {
    e.nodes.push({
      op: 'SequenceEmpty',
      inputs: [],
      outputs: [END_OF_RUN.name],
      attributes: {},
      contrib: false,
    });
    outputInfos.push({ name: END_OF_RUN.name, type: 'sequence' });
  }
  const renamed = new Map<string, string>();
  for (const [name, value] of graph.outputs) {
    const source = 'node' in value.source ? value.source.node : undefined;
    const rows = source && rowOutputs.get(source as AnyNode);
    const inner = e.name(rows ? rows.dy : value);
    const shape = rows ? rows.dy.shape : value.shape;
    // Renaming what the node writes saves a copy of every gradient; a value that is handed out twice is
    // copied for the second.
    if (renamed.has(inner))
      e.nodes.push({ op: 'Identity', inputs: [inner], outputs: [name], attributes: {}, contrib: false });
    else renamed.set(inner, name);
    outputInfos.push({ name, type: 'float32', shape: symbolicShape(shape) });
    outputs.set(
      name,
      rows
        ? { name, kind: 'rows', indices: rows.indices, columns: shape[1] as number }
        : { name, kind: 'dense', shape },
    );
  }

  const parameters = new Map<string, Shape>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const parameter = parameterName(input);
      if (parameter !== undefined) parameters.set(parameter, input.shape);
    }
  }
  const feeds = [...e.usedFeeds];
  const inputs: OnnxValueInfo[] = [
    ...[...parameters].map(([name, shape]) => ({
      name,
      type: 'float32' as const,
      shape: symbolicShape(shape),
    })),
    ...feeds.map((name) => ({ name, ...FEEDS[name] })),
    ...e.dropout.map(({ name, covers }) => ({ name, type: 'float32' as const, shape: dropoutShape(covers) })),
  ];
  const rename = (name: string): string => renamed.get(name) ?? name;
  const nodes = e.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  const model = writeOnnxModel({ nodes, inputs, outputs: outputInfos, constants: [...e.constants.values()] });
  return { model, parameters: [...parameters.keys()], feeds, dropout: e.dropout, outputs };
}

/** The gatherGrad nodes whose output is a gradient handed out by the graph and nothing else. */
function rowGradients(graph: Graph): Map<AnyNode, { dy: Value; indices: InputName }> {
  const consumed = new Set(graph.nodes.flatMap((node) => node.inputs));
  const found = new Map<AnyNode, { dy: Value; indices: InputName }>();
  const outputs = new Set(graph.outputs.values());
  for (const node of graph.nodes) {
    if (node.op !== 'gatherGrad' || !outputs.has(node.outputs[0]) || consumed.has(node.outputs[0])) continue;
    const [dy, indices] = node.inputs;
    if ('input' in indices.source) found.set(node, { dy: dy, indices: indices.source.input });
  }
  return found;
}

const SYMBOLS = { tokens: 'N', rows: 'B' } as const;

function symbolicShape(shape: Shape): (number | string)[] {
  return shape.map((dimension) => (typeof dimension === 'number' ? dimension : SYMBOLS[dimension]));
}

function dropoutShape(covers: DropoutFeed['covers']): (number | string)[] {
  if ('columns' in covers) return [SYMBOLS[covers.rows], covers.columns];
  return ['B', covers.heads, covers.queries === 'tokens' ? 'T' : 1, 'T'];
}

function lowerNode(e: Emitter, node: AnyNode): void {
  const results = lower(e, node);
  node.outputs.forEach((output, i) => e.define(output, results[i]));
}

/** The ONNX names of the node's outputs. */
function lower(e: Emitter, node: AnyNode): readonly string[] {
  const inputs = node.inputs.map((input) => e.name(input));
  const [a, b, c] = inputs as [string, string, string];
  switch (node.op) {
    case 'add':
      return [e.op('Add', [a, b])];
    case 'gather':
      return [e.op('Gather', [a, b], { axis: 0 })];
    case 'gatherGrad':
      return [lowerGatherGrad(e, node, a, b)];
    case 'linear':
      return [e.op('Gemm', [a, b, c])];
    case 'matmul':
      return [
        e.op('Gemm', [a, b], {
          transA: Number(node.attributes.transposeA),
          transB: Number(node.attributes.transposeB),
        }),
      ];
    case 'sumRows':
      return [e.op('ReduceSum', [a, e.integers(0)], { keepdims: 0 })];
    case 'layerNorm': {
      const [y, mean, inverseDeviation] = e.ops('LayerNormalization', [a, b, c], 3, {
        axis: -1,
        epsilon: { float: node.attributes.epsilon },
      });
      e.keep(node, { mean: mean, inverseDeviation: inverseDeviation });
      return [y];
    }
    case 'layerNormGrad':
      return lowerLayerNormGrad(e, node, a, b, c);
    case 'gelu':
      return [lowerGelu(e, node, a)];
    case 'geluGrad':
      return [lowerGeluGrad(e, node, a)];
    case 'dropout': {
      const [rows, columns] = node.inputs[0].shape;
      if (rows !== 'tokens' && rows !== 'rows')
        throw new Error('dropout of a tensor whose rows are not tokens or rows');
      return [e.op('Mul', [a, e.dropoutMask(node.attributes, { rows, columns: columns as number })])];
    }
    case 'attention':
      return [lowerAttention(e, node, a)];
    case 'attentionGrad':
      return [lowerAttentionGrad(e, node, a)];
    case 'pooledAttention':
      return [lowerPooledAttention(e, node, a, b)];
    case 'pooledAttentionGrad':
      return lowerPooledAttentionGrad(e, node, a);
    case 'splitColumns':
      return e.ops('Split', [a, e.integers(...node.attributes.widths)], node.attributes.widths.length, {
        axis: -1,
      });
    case 'joinColumns':
      return [e.op('Concat', inputs, { axis: -1 })];
    case 'crossEntropy': {
      const logLikelihood = e.op(
        'GatherElements',
        [e.op('LogSoftmax', [a], { axis: -1 }), e.op('Unsqueeze', [b, e.integers(1)])],
        { axis: 1 },
      );
      return [
        e.op('Neg', [
          e.op('Mul', [e.op('ReduceSum', [logLikelihood, e.integers(0, 1)], { keepdims: 0 }), c]),
        ]),
      ];
    }
    case 'crossEntropyGrad': {
      const classes = node.inputs[0].shape[1] as number;
      const oneHot = e.op(
        'Cast',
        [e.op('Equal', [e.op('Unsqueeze', [b, e.integers(1)]), e.integers(...Array(classes).keys())])],
        { to: 1 },
      );
      return [e.op('Mul', [e.op('Sub', [e.op('Softmax', [a], { axis: -1 }), oneHot]), c])];
    }
  }
}

function lowerGatherGrad(e: Emitter, node: Node<'gatherGrad'>, dy: string, indices: string): string {
  const columns = node.outputs[0].shape[1] as number;
  const { rows } = node.attributes;
  const rowCount =
    typeof rows === 'number'
      ? e.integers(rows)
      : e.op('Shape', [e.feed(rows === 'tokens' ? 'inputIds' : 'pooledTokens')]);
  const zeros = e.op('ConstantOfShape', [e.op('Concat', [rowCount, e.integers(columns)], { axis: 0 })]);
  const position = e.op('Unsqueeze', [e.op('Cast', [indices], { to: 7 }), e.integers(1)]);
  // Every row pools one token of its own, so there is nothing to add up.
  const unique = indices === 'pooledTokens';
  return e.op('ScatterND', [zeros, position, dy], { reduction: unique ? 'none' : 'add' });
}

/**
 * dx = (d - mean(d) - xhat * mean(d * xhat)) / deviation, where xhat = (x - mean) / deviation and d = dy *
 * weight.
 */
function lowerLayerNormGrad(
  e: Emitter,
  node: Node<'layerNormGrad'>,
  dy: string,
  x: string,
  weight: string,
): string[] {
  const { forward } = node.attributes;
  const mean = e.keptOf(forward, 'mean');
  const inverseDeviation = e.keptOf(forward, 'inverseDeviation');
  const lastAxis = e.integers(-1);
  const xhat = e.op('Mul', [e.op('Sub', [x, mean]), inverseDeviation]);
  const d = e.op('Mul', [dy, weight]);
  const meanOfD = e.op('ReduceMean', [d, lastAxis]);
  const meanOfDXhat = e.op('ReduceMean', [e.op('Mul', [d, xhat]), lastAxis]);
  const dx = e.op('Mul', [
    e.op('Sub', [e.op('Sub', [d, meanOfD]), e.op('Mul', [xhat, meanOfDXhat])]),
    inverseDeviation,
  ]);
  const sum = (value: string): string => e.op('ReduceSum', [value, e.integers(0)], { keepdims: 0 });
  return [dx, sum(e.op('Mul', [dy, xhat])), sum(dy)];
}

/**
 * 0.5 * (1 + tanh(u)) is sigmoid(2u), so gelu(x) = x * s with s = sigmoid(x * (a + b x^2)), a = 2 sqrt(2/pi),
 * b = 0.044715 a: fewer passes than the tanh form.
 */
const GELU_A = 2 * Math.sqrt(2 / Math.PI);
const GELU_B = 0.044715 * GELU_A;

function lowerGelu(e: Emitter, node: Node<'gelu'>, x: string): string {
  // One pass instead of six, but it keeps nothing for a gradient.
  if (!e.differentiated.has(node)) return e.op('Gelu', [x], { approximate: 'tanh' });
  const square = e.op('Mul', [x, x]);
  const argument = e.op('Mul', [x, e.op('Add', [e.op('Mul', [square, e.scalar(GELU_B)]), e.scalar(GELU_A)])]);
  const sigmoid = e.op('Sigmoid', [argument]);
  const y = e.op('Mul', [x, sigmoid]);
  e.keep(node, { square, sigmoid, y });
  return y;
}

/** d/dx (x s) = s + (y - y s) (a + 3 b x^2) */
function lowerGeluGrad(e: Emitter, node: Node<'geluGrad'>, dy: string): string {
  const { forward } = node.attributes;
  const sigmoid = e.keptOf(forward, 'sigmoid');
  const y = e.keptOf(forward, 'y');
  const inner = e.op('Add', [
    e.op('Mul', [e.keptOf(forward, 'square'), e.scalar(3 * GELU_B)]),
    e.scalar(GELU_A),
  ]);
  const slope = e.op('Add', [e.op('Mul', [e.op('Sub', [y, e.op('Mul', [y, sigmoid])]), inner]), sigmoid]);
  return e.op('Mul', [dy, slope]);
}
