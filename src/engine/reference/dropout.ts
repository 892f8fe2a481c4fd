import { dropoutFactor, dropoutKey } from '../../graph/dropout-mask.js';
import type { DropoutSite } from '../../graph/graph.js';
import type { Kernel, KernelContext } from './kernel.js';

/**
 * y[i] = x[i] * factor(i). The factors depend on site and pass alone, so the same operation is its own
 * gradient.
 */
export const dropout: Kernel<'dropout'> = (node, [x], context) => {
  const factor = dropoutFactors(node.attributes, context);
  return [x.data.map((value, i) => value * factor(i))];
};

/**
 * Factor of the element with a given counter: 0, or 1 / (1 - probability). A site that is absent keeps all.
 */
export function dropoutFactors(
  site: DropoutSite | undefined,
  context: KernelContext,
): (counter: number) => number {
  if (!site) return () => 1;
  if (!context.dropout)
    throw new Error(`the graph has dropout (site ${site.site}), and no seed and pass were given`);
  const key = dropoutKey(context.dropout.seed, context.dropout.pass, site.site);
  return (counter) => dropoutFactor(key, counter, site.probability);
}
