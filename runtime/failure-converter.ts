/** Failures with their message and stack under the codec; loaded by path, into the workflow bundle too. */

import { DefaultFailureConverter } from '@temporalio/common';

/** Error messages quote addresses (an SMTP reply names the mailbox), so they are encoded like any payload. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
