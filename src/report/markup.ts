/**
 * HTML as a template: whatever is put in is escaped, so that no text of a dataset, label or file name becomes
 * markup.
 */

/** Markup that this program wrote. */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/**
 * What may stand in a template: texts are escaped, lists are joined, null, undefined and false are nothing.
 */
export type Content = string | number | Markup | null | undefined | false | readonly Content[];

/** Attribute values in a template must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(
    strings.reduce((text, part, i) => text + part + (i < values.length ? render(values[i]) : ''), ''),
  );
}

function render(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'object') return value.map(render).join('');
  return escapeText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and for quoted attribute values. Characters that HTML does not allow become U+FFFD. */
export const escapeText = (text: string): string =>
  allowedText(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);

/**
 * Control characters, noncharacters and lone surrogates as U+FFFD (HTML standard, 13.2.3.5: they are parse
 * errors, and U+0000 is dropped or replaced).
 */
export const allowedText = (text: string): string =>
  text.replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}|\p{Surrogate}/gu,
    '\ufffd',
  );
