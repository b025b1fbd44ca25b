/** What client, worker and replay share: the codec and the failure converter. */

import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { createCodec } from './codec.js';
import type { CodecKey } from './config.js';

/** The file that the SDK loads by path; it lies beside this one, in the sources and in the build. */
export const failureConverterPath = fileURLToPath(new URL('failure-converter.cjs', import.meta.url));

/** The data converter for `Client`, `Worker.create` and replay. */
export function createDataConverter(keys: readonly CodecKey[]): DataConverter {
  return { payloadCodecs: [createCodec(keys)], failureConverterPath };
}
