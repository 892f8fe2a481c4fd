/** The module that lies beside the page: `attune/browser`, as it was built. */
export * from '../../../dist/browser/index.js';
