/** The page's elements, each by its id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T; // index.html says which kind it is
}

export function show(element: HTMLElement, shown: boolean): void {
  element.hidden = !shown;
}

/**
 * Puts markup of the escaping template into an element. Shares of bars and cells are set here, because the
 * policy allows no style in markup.
 */
export function put(element: HTMLElement, markup: { toString(): string }): void {
  element.innerHTML = markup.toString();
  for (const each of element.querySelectorAll<HTMLElement>('[data-share]'))
    each.style.setProperty('--share', each.dataset['share'] ?? '0');
}
