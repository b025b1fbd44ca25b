/** Writes openapi.json from the routes; a test compares the committed file with them. */

import { writeFileSync } from 'node:fs';
import { openApiDocument } from '../api/openapi.js';
import { inProject } from '../runtime/paths.js';

writeFileSync(inProject('openapi.json'), `${JSON.stringify(openApiDocument(), null, 2)}\n`);
