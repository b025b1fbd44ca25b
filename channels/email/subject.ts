/** The subject in the header of a mail: read, it is what was written. */

import { encodeWord } from 'nodemailer/lib/mime-funcs';

/** Survives as it is, in lines that are not too long; but what looks like an encoded word would be decoded by whoever reads it. */
const plain = /^[\x21-\x7e]{1,900}( [\x21-\x7e]{1,900})*$/;
/** Of one encoded word, so that the lines can be folded between them. */
const maxWordChars = 52;

/** The value of the header, for nodemailer, which by itself encodes only what is not ASCII. */
export function subjectHeader(subject: string): { prepared: true; foldLines: true; value: string } {
  const value = plain.test(subject) && !subject.includes('=?') ? subject : encodeWord(subject, 'B', maxWordChars);
  return { prepared: true, foldLines: true, value };
}
