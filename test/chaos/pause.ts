/** Lets a time go by, in milliseconds: what a plan says happens later. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
