/** Errors asserted by code and facts. What their sentences say is the matter of test/errors/. */
import assert from 'node:assert/strict';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import type { AttuneError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import type { NoticeCode, NoticeFacts } from '#attune/errors/notices.js';
import { noticeSentence } from '#attune/errors/notices.js';
import { errorSentence } from '#attune/errors/shell.js';

/** For `assert.throws` and `assert.rejects`: an error of this class and code with, among others, these facts. */
export function refusal<Code extends ErrorCode>(
  kind: abstract new (...given: never) => AttuneError,
  code: Code,
  facts: Partial<FactsOf<Code>> = {},
): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof kind, `${String(error)} is no ${kind.name}`);
    const found = Object.fromEntries(Object.keys(facts).map((name) => [name, error.facts[name]]));
    assert.deepEqual({ code: error.code, facts: found }, { code, facts }, error.message);
    return true;
  };
}

/** What the command line prints of an error, without its hint. */
export const printed = <Code extends ErrorCode>(code: Code, facts: FactsOf<Code>): string =>
  errorSentence({ code, facts }, COMMAND_LINE);

/** What the command line prints of a notice. */
export const printedNotice = <Code extends NoticeCode>(code: Code, facts: NoticeFacts<Code>): string =>
  noticeSentence({ code, facts }, COMMAND_LINE);
