/** What client, worker and replay share: the codec and the failure converter. */

import type { DataConverter } from '@temporalio/common';
import { createCodec } from './codec.js';
import type { CodecKey } from './config.js';
import { inProject } from './paths.js';

/** The file that the SDK loads by path. */
export const failureConverterPath = inProject('runtime', 'failure-converter.cjs');

/** The data converter for `Client`, `Worker.create` and replay. */
export function createDataConverter(keys: readonly CodecKey[]): DataConverter {
  return { payloadCodecs: [createCodec(keys)], failureConverterPath };
}
