/** Whether a label is the index of one of K classes, 0 to K - 1. */
export const isClass = (label: unknown, classes: number): boolean =>
  Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes;

/** The indices that there are, for messages. */
export const classRange = (classes: number): string =>
  classes === 0 ? 'there are no classes' : `the classes are 0 to ${classes - 1}`;
