/** Classes by their indices, in words. */

/** The indices that there are. */
export const classRange = (classes: number): string =>
  classes === 0 ? 'there are no classes' : `the classes are 0 to ${classes - 1}`;
