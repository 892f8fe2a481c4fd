import type { LogRecord } from '#attune/train/records.js';

/** Log entries without their measured times, which differ from run to run. */
export const withoutTimes = (entries: readonly LogRecord[]): object[] =>
  entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).filter(([key]) => !/runtime|per_second/.test(key))),
  );
