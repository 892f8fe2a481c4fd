/** What is wrong with what computes: CPU threads, the GPU, memory. */

export const ENGINE_ERRORS = {};
