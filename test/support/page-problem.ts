/** Errors as the demo page shows them. */
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { errorHint, errorSentence } from '#attune/errors/shell.js';
import { PAGE, pageHint } from '#attune/serve/page-shell.js';

/** Whether a text of the page is an error's sentence, which it begins with a capital, and its hint. */
export function showsError<Code extends ErrorCode>(text: string, code: Code, facts: FactsOf<Code>): boolean {
  const error = { code, facts };
  const sentence = errorSentence(error, PAGE);
  const begins = [sentence, sentence[0].toUpperCase() + sentence.slice(1)].some((each) =>
    text.startsWith(each),
  );
  return begins && text.endsWith(pageHint((shell) => errorHint(error, shell)));
}
