/**
 * Failures with their message and stack under the codec: an SMTP reply names the mailbox, so a failure is encoded like any payload.
 * The SDK loads this file by its path with `require`, in clients, in workers and in the workflow bundle, hence CommonJS.
 */

const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
