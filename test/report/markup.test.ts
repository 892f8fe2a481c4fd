import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { html } from '#attune/report/markup.js';

describe('html', () => {
  it('escapes texts but not markup, joins lists, and leaves out null, undefined and false', () => {
    assert.equal(
      html`<b title="${'"<&>\''}">${'<i>&amp;'}</b>`.toString(),
      '<b title="&quot;&lt;&amp;&gt;&#39;">&lt;i&gt;&amp;amp;</b>',
    );
    assert.equal(html`${[html`<i>`, 1, null, undefined, false, ['a', html`</i>`]]}`.toString(), '<i>1a</i>');
  });

  it('throws if given an object that only looks like markup', () => {
    assert.throws(() => html`${{ toString: () => '<b>' } as unknown as string}`, TypeError);
  });

  it('keeps any text inside its attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [, inside] = /^<p title="([^]*)">x<\/p>$/.exec(html`<p title="${text}">x</p>`.toString())!;
        assert.doesNotMatch(inside, /[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      }),
    );
  });

  it('replaces characters that HTML does not allow by U+FFFD and keeps all others', () => {
    assert.equal(
      html`${'a\u0000b\u001bc\ud800d\ufdd0e\u0085'}`.toString(),
      'a\ufffdb\ufffdc\ufffdd\ufffde\ufffd',
    );
    assert.equal(html`${'tab\tline\r\n😀é漢'}`.toString(), 'tab\tline\r\n😀é漢');
  });
});
