/** What is wrong with the server and the page in the browser. */

export const SERVE_ERRORS = {};
