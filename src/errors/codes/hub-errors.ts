/** What is wrong between here and the Hugging Face Hub, and in its cache. */

export const HUB_ERRORS = {};
