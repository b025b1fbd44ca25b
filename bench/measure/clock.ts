/** One clock for all processes of the machine. */

/** Milliseconds since the machine started; comparable between processes. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
