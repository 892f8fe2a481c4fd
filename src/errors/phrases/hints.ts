/** Hints of several parts of the catalogue. */

/** For a file or folder that could not be read. */
export const CHECK_PATH = 'Check the path, and that you have permission to read it.';

/** For a file that breaks its format. */
export const DOWNLOAD_FILE_AGAIN = 'The file may be damaged or cut short; download it again.';

/** For an output folder that could not be changed. @param outputDir as the reader writes it */
export const anotherOutputDir = (outputDir: string): string =>
  `Choose another ${outputDir}, or give yourself permission to write there.`;
