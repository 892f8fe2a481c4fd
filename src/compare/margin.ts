/** The margin of a comparison. Apart, because `attune --help` needs no more of one. */

/** Weighted F1 that may be lost for a simpler model, unless another margin is asked for. */
export const MARGIN = 0.02;
/** A smaller one would take millions of test rows to show. */
export const LEAST_MARGIN = 0.001;
