/** Health check of a container: exit status 0 when the URL answers 200. */

const response = await fetch(process.argv[2], { signal: AbortSignal.timeout(4_000) }).catch(() => null);
process.exit(response?.status === 200 ? 0 : 1);
