/** Times as the API tells them: ISO 8601 UTC with milliseconds. */
export function iso(ms: number): string {
  return Temporal.Instant.fromEpochMilliseconds(Math.trunc(ms)).toString({ smallestUnit: 'millisecond' });
}
