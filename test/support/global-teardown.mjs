/** After all tests: the shared servers end. */

export default async function globalTeardown() {
  await globalThis.stopTestServers?.();
}
