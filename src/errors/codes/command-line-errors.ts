/** What is wrong with words on the command line, and what ends a command. */

export const COMMAND_LINE_ERRORS = {};
