/** Texts as the page shows them; numbers, times and sizes are those of the verdict's sentences. */
import { allowedText } from './markup.js';

export {
  bytes,
  counted,
  duration,
  fixed,
  grouped,
  listed,
  MISSING,
  percent,
  signed,
  significant,
} from '../compare/wording.js';

/** At most `length` characters, the rest as an ellipsis. */
export function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length
    ? text
    : `${characters
        .slice(0, length - 1)
        .join('')
        .trimEnd()}…`;
}

/** A text for a chart: one line of what XML allows, at most `length` characters. */
export const oneLine = (text: string, length: number): string =>
  shortened(allowedText(text).replace(/\s+/gu, ' '), length);
