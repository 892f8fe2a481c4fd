/** How failed requests are described; requests and answers are in answers.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureText } from '#attune/hub/client.js';

const failure = (message: string, code: string, cause?: Error): Error =>
  Object.assign(new Error(message, { cause }), { code });

describe('failureText', () => {
  it('explains a known code of an error or of its cause', () => {
    const refused = failure('refused', 'ECONNREFUSED');
    for (const error of [refused, new Error('fetch failed', { cause: refused })])
      assert.equal(failureText(error), 'it refuses connections (ECONNREFUSED)');
  });

  it('gives the message of an error with an unknown code, also if every object has that property', () => {
    for (const code of ['EOTHER', 'constructor', '__proto__'])
      assert.equal(failureText(failure('it broke', code)), 'it broke');
  });
});
