import type { NoticeCode, NoticeFacts } from '#attune/errors/notices.js';

/** Facts for every notice: one set for each form that its sentence takes. */
export const NOTICE_EXAMPLES: {
  readonly [Code in NoticeCode]: readonly [NoticeFacts<Code>, ...NoticeFacts<Code>[]];
} = {
  'fewer-rows-than-asked': [{ split: 'test', rows: 12, asked: 100 }],
};
