/** Whether a label is the index of one of K classes, 0 to K - 1. */
export const isClass = (label: unknown, classes: number): boolean =>
  Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes;
