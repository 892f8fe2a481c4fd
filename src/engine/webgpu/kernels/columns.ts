/** Cutting matrices into column ranges and laying them side by side, by copying. */
import type { Node, Shape, Value } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, elementsOf, header, wgslElements } from '../dispatch.js';
import type { Dispatch } from '../dispatch.js';

const widthOf = (shape: Shape): number => shape.at(-1) as number;

/** Copies between columns [left, left + width) of a wide matrix and all of a narrow one. */
function copyColumns(label: string, from: Value, to: Value, left: number, narrow: Value): Dispatch {
  const wide = narrow === from ? to : from;
  const [width, total] = [widthOf(narrow.shape), widthOf(wide.shape)];
  const place = `(i / ${width}u) * ${total}u + ${left}u + i % ${width}u`;
  return {
    label,
    code:
      header([
        { name: 'x', type: 'array<f32>' },
        { name: 'y', type: 'array<f32>', access: 'read_write' },
      ]) +
      elementLoop(
        wgslElements(narrow.shape),
        narrow === from ? `y[${place}] = x[i];` : `y[i] = x[${place}];`,
      ),
    bindings: [{ value: from }, { value: to }],
    workgroups: (size) => elementWorkgroups(elementsOf(narrow.shape, size)),
  };
}

export function splitColumns(node: Node<'splitColumns'>): Dispatch[] {
  let left = 0;
  return node.outputs.map((part) => {
    const dispatch = copyColumns('splitColumns', node.inputs[0], part, left, part);
    left += widthOf(part.shape);
    return dispatch;
  });
}

export function joinColumns(node: Node<'joinColumns'>): Dispatch[] {
  let left = 0;
  return node.inputs.map((part) => {
    const dispatch = copyColumns('joinColumns', part, node.outputs[0], left, part);
    left += widthOf(part.shape);
    return dispatch;
  });
}
