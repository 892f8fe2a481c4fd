/** Errors asserted by code and facts. What their sentences say is the matter of test/errors/. */
import assert from 'node:assert/strict';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import { Terminal } from '#attune/cli/terminal.js';
import type { ErrorArguments } from '#attune/errors/attune-error.js';
import { AttuneError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import type { NoticeCode, NoticeFacts } from '#attune/errors/notices.js';
import { noticeSentence } from '#attune/errors/notices.js';
import { errorSentence } from '#attune/errors/shell.js';
import { Screen } from './screen.js';

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

/** All that the command line prints of an error where stderr is no terminal, from `error: ` on. */
export function printedWithHint<Code extends ErrorCode>(code: Code, facts: FactsOf<Code>): string {
  const screen = new Screen({ isTTY: false });
  const error = new AttuneError(...([code, facts] as unknown as ErrorArguments));
  new Terminal({ stream: screen, env: {} }).error(error);
  return screen.raw.trimEnd();
}

/** What the command line prints of a notice. */
export const printedNotice = <Code extends NoticeCode>(code: Code, facts: NoticeFacts<Code>): string =>
  noticeSentence({ code, facts }, COMMAND_LINE);
