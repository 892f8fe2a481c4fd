/** Operations that go through their elements one by one. */
import type { Node, Value } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, elementsOf, header, wgslElements } from '../dispatch.js';
import type { Dispatch } from '../dispatch.js';

/** tanh through exp, which WGSL promises to a few units in the last place; its own tanh may be far less exact. */
export const GELU_FUNCTIONS = `
fn tanhExact(x: f32) -> f32 {
  // Beyond 10 it is 1 to float32's last bit, and exp would overflow in the end.
  let e = exp(2.0 * clamp(x, -10.0, 10.0));
  return 1.0 - 2.0 / (e + 1.0);
}
const ROOT: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.044715;
fn gelu(x: f32) -> f32 { return 0.5 * x * (1.0 + tanhExact(ROOT * (x + CUBIC * x * x * x))); }
fn geluDerivative(x: f32) -> f32 {
  let t = tanhExact(ROOT * (x + CUBIC * x * x * x));
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * ROOT * (1.0 + 3.0 * CUBIC * x * x);
}
`;

function elementwise(label: string, inputs: readonly [name: string, value: Value][], y: Value, functions: string, expression: string): Dispatch[] {
  return [
    {
      label,
      code:
        header([...inputs.map(([name]) => ({ name, type: 'array<f32>' })), { name: 'y', type: 'array<f32>', access: 'read_write' as const }]) +
        functions +
        elementLoop(wgslElements(y.shape), `y[i] = ${expression};`),
      bindings: [...inputs.map(([, value]) => ({ value })), { value: y }],
      workgroups: (size) => elementWorkgroups(elementsOf(y.shape, size)),
    },
  ];
}

export function add(node: Node<'add'>): Dispatch[] {
  const [a, b] = node.inputs;
  // A buffer cannot be bound twice where one binding writes; here both only read, but twice the same is 2a.
  if (a === b) return elementwise('add', [['a', a]], node.outputs[0], '', '2.0 * a[i]');
  return elementwise('add', [['a', a], ['b', b]], node.outputs[0], '', 'a[i] + b[i]');
}

export const gelu = (node: Node<'gelu'>): Dispatch[] => elementwise('gelu', [['x', node.inputs[0]]], node.outputs[0], GELU_FUNCTIONS, 'gelu(x[i])');

export function geluGrad(node: Node<'geluGrad'>): Dispatch[] {
  const [dy, x] = node.inputs;
  return elementwise('geluGrad', [['dy', dy], ['x', x]], node.outputs[0], GELU_FUNCTIONS, 'dy[i] * geluDerivative(x[i])');
}
