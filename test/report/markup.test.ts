import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { html } from '#attune/report/markup.js';

test('texts and numbers are escaped, markup is not, nothing is nothing', () => {
  assert.equal(
    html`<b title="${'"<&>\''}">${'<i>&amp;'}</b>`.toString(),
    '<b title="&quot;&lt;&amp;&gt;&#39;">&lt;i&gt;&amp;amp;</b>',
  );
  assert.equal(html`${[html`<i>`, 1, null, undefined, false, ['a', html`</i>`]]}`.toString(), '<i>1a</i>');
});

test('an object that looks like markup is a text', () => {
  assert.throws(() => html`${{ toString: () => '<b>' } as unknown as string}`);
});

test('no text leaves the place it is put into', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const [, inside] = /^<p title="([^]*)">x<\/p>$/.exec(html`<p title="${text}">x</p>`.toString())!;
      assert.doesNotMatch(inside, /[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
    }),
  );
});

test('what HTML does not allow becomes U+FFFD, and the rest is kept', () => {
  assert.equal(
    html`${'a\u0000b\u001bc\ud800d\ufdd0e\u0085'}`.toString(),
    'a\ufffdb\ufffdc\ufffdd\ufffde\ufffd',
  );
  assert.equal(html`${'tab\tline\r\n😀é漢'}`.toString(), 'tab\tline\r\n😀é漢');
});
