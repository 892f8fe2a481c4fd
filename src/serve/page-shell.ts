/** The terms of the page: its fields by their labels. */
import type { Shell } from '../errors/shell.js';

/** The labels of the page's fields. Other arguments cannot be set on the page. */
const LABELS: Readonly<Record<string, string>> = {};

export const PAGE: Shell = {
  argument: (name) => LABELS[name] ?? name,
  given: (name, value) => `${LABELS[name] ?? name}: ${value}`,
  hints: {},
};
