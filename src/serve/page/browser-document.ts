/** The browser's own document, in place of linkedom's: charts of the report are drawn into it. */
export const parseHTML = (): { readonly document: Document } => ({ document });
