/** The scope in which a client has at most one open thread: the client, or the client on one channel (X2). */
export function threadScopeKey(scope: 'client' | 'channel', clientId: string, channelId: string): string {
  return scope === 'client' ? `client/${clientId}` : `client/${clientId}/channel/${channelId}`;
}
