/**
 * A model is written once, as a graph of a few operations over named values; gradients are derived from it
 * (gradients.ts), and each engine lowers the same graph in its own way.
 *
 *   value      a tensor with a symbolic shape: a parameter, an input of the batch, or the output of a node
 *   node       one operation on values; what each operation means is defined by engine/reference
 *   dimension  a number, or one that the batch decides: 'tokens' (N) or 'rows' (B)
 *
 * Nodes are kept in the order they were built, which is a valid order of execution.
 */

export type Dimension = number | 'tokens' | 'rows';
export type Shape = readonly Dimension[];

/** What a batch gives to a graph, under these names (engine/batch.ts). */
export type InputName = 'inputIds' | 'positionIds' | 'pooledTokens' | 'labels' | 'lossWeight';

export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int32';
  readonly source: { readonly parameter: string } | { readonly input: InputName } | { readonly node: Node };
}

export interface DropoutSite {
  /** Tells the masks of one step apart: every site draws its own (dropout-mask.ts). */
  readonly site: number;
  /** Probability that an element is dropped, in (0, 1); what is kept is scaled by 1 / (1 - probability). */
  readonly probability: number;
}

export interface AttentionAttributes {
  readonly heads: number;
  /** Factor of the scores: 1 / sqrt(head width), unless the config says otherwise. */
  readonly scale: number;
  /** Dropout of the attention probabilities. */
  readonly dropout?: DropoutSite | undefined;
}

type None = Readonly<Record<never, never>>;

/**
 * Every operation with its attributes. Shapes of inputs -> outputs; M is any dimension. A gradient operation
 * names the forward node that it belongs to, so that an engine may reuse what it kept of it (statistics,
 * probabilities).
 */
export interface OperationAttributes {
  /** [..], [..] -> [..] */
  add: None;
  /** table [V, C], indices [M] -> [M, C] */
  gather: None;
  /** dy [M, C], indices [M] -> [V, C]: row v is the sum of the rows of dy whose index is v. */
  gatherGrad: { readonly rows: Dimension };
  /** x [M, I], weight [I, O], bias [O] -> [M, O] */
  linear: None;
  /** op(a), op(b) -> product, each read transposed where said */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** x [M, C] -> [C] */
  sumRows: None;
  /** x [M, C], weight [C], bias [C] -> [M, C]; biased variance */
  layerNorm: { readonly epsilon: number };
  /** dy [M, C], x [M, C], weight [C] -> dx [M, C], dweight [C], dbias [C] */
  layerNormGrad: { readonly forward: Node<'layerNorm'> };
  /** x -> x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), transformers' gelu_new */
  gelu: None;
  /** dy, x -> dx */
  geluGrad: { readonly forward: Node<'gelu'> };
  /** x [M, C] -> x * mask / (1 - p); its own gradient, too */
  dropout: DropoutSite;
  /** qkv [N, 3C] -> context [N, C]; causal within each row, a row that is blind has context zero */
  attention: AttentionAttributes;
  /** dcontext [N, C], qkv [N, 3C] -> dqkv [N, 3C] */
  attentionGrad: { readonly forward: Node<'attention'> };
  /** q [B, C] of the rows' last tokens, kv [N, 2C] -> context [B, C] */
  pooledAttention: AttentionAttributes;
  /** dcontext [B, C], q [B, C], kv [N, 2C] -> dq [B, C], dkv [N, 2C] */
  pooledAttentionGrad: { readonly forward: Node<'pooledAttention'> };
  /** x [.., sum of widths] -> one [.., width] for each width */
  splitColumns: { readonly widths: readonly number[] };
  /** the reverse of splitColumns */
  joinColumns: None;
  /** logits [B, K], labels [B], lossWeight [] -> lossWeight * sum over rows of -log softmax(logits)[label] */
  crossEntropy: None;
  /** logits [B, K], labels [B], lossWeight [] -> dlogits [B, K] */
  crossEntropyGrad: None;
}

export type OperationName = keyof OperationAttributes;

export interface Node<Op extends OperationName = OperationName> {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: OperationAttributes[Op];
}

/** A node as the union of its kinds, so that `switch (node.op)` narrows its attributes. */
export type AnyNode = { [Op in OperationName]: Node<Op> }[OperationName];

export interface Graph {
  readonly nodes: readonly AnyNode[];
  readonly outputs: ReadonlyMap<string, Value>;
}

export class GraphBuilder {
  readonly nodes: AnyNode[] = [];
  readonly parameters = new Map<string, Value>();
  readonly #inputs = new Map<InputName, Value>();
  #nextId = 0;

  parameter(name: string, shape: Shape): Value {
    if (this.parameters.has(name)) throw new Error(`parameter ${name} is declared twice`);
    const value: Value = { id: this.#nextId++, shape, dtype: 'float32', source: { parameter: name } };
    this.parameters.set(name, value);
    return value;
  }

  input(name: InputName, shape: Shape, dtype: Value['dtype']): Value {
    let value = this.#inputs.get(name);
    if (!value) {
      value = { id: this.#nextId++, shape, dtype, source: { input: name } };
      this.#inputs.set(name, value);
    }
    return value;
  }

  /** Appends a node whose outputs have the given shapes (float32 all). */
  node<Op extends OperationName>(
    op: Op,
    inputs: readonly Value[],
    attributes: OperationAttributes[Op],
    outputShapes: readonly Shape[],
  ): Node<Op> {
    const outputs: Value[] = [];
    const node: Node<Op> = { op, inputs, outputs, attributes };
    for (const shape of outputShapes) {
      outputs.push({
        id: this.#nextId++,
        shape,
        dtype: 'float32',
        source: { node: node as unknown as Node },
      });
    }
    // The union of all kinds cannot be inferred from the generic parameter; `op` and `attributes` agree by
    // the signature.
    this.nodes.push(node as unknown as AnyNode);
    return node;
  }

  /**
   * The nodes that the outputs need, in order. A gradient needs its forward node, of which an engine may
   * reuse what it kept.
   */
  finish(outputs: Readonly<Record<string, Value>>): Graph {
    const needed = new Set<Node>();
    const pending = Object.values(outputs);
    for (let value = pending.pop(); value; value = pending.pop()) {
      if (!('node' in value.source) || needed.has(value.source.node)) continue;
      const { node } = value.source;
      needed.add(node);
      pending.push(...node.inputs);
      if ('forward' in node.attributes) pending.push(...node.attributes.forward.outputs);
    }
    return {
      nodes: this.nodes.filter((node) => needed.has(node as Node)),
      outputs: new Map(Object.entries(outputs)),
    };
  }
}

export function shapesEqual(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

/** The parameter that a value is, if it is one. */
export function parameterName(value: Value): string | undefined {
  return 'parameter' in value.source ? value.source.parameter : undefined;
}
