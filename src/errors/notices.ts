/** What a user should know though nothing is wrong: a code with its facts, as errors are. */
import type { Shell } from './shell.js';
import { LIBRARY } from './shell.js';
import type { Facts } from './wording.js';

/** The sentence of a notice, without a full stop at its end. */
type Says<F extends Facts> = (facts: F, shell: Shell) => string;

const noted = <F extends Facts>(says: Says<F>): Says<F> => says;

export const NOTICES = {
  'fewer-rows-than-asked': noted<{ split: string; rows: number; asked: number }>(
    ({ split, rows, asked }) =>
      `the ${split} split has ${rows} rows, fewer than the ${asked} asked for; all of them are used`,
  ),
} as const;

export type NoticeCode = keyof typeof NOTICES;
export type NoticeFacts<Code extends NoticeCode> = Parameters<(typeof NOTICES)[Code]>[0];

export interface Notice {
  readonly code: NoticeCode;
  readonly facts: Facts;
  /** In the library's terms. */
  readonly message: string;
}

export function notice<Code extends NoticeCode>(code: Code, facts: NoticeFacts<Code>): Notice {
  return { code, facts, message: noticeSentence({ code, facts }, LIBRARY) };
}

/** The sentence of a notice in a shell's terms. */
export function noticeSentence({ code, facts }: Pick<Notice, 'code' | 'facts'>, shell: Shell): string {
  return (NOTICES[code] as Says<never> as Says<Facts>)(facts, shell);
}
