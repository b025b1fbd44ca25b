/** Who sits at this very machine. */

import type { Request } from 'express';

/** What proxies add when they pass a request on. */
const forwarding = ['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

/**
 * True when the connection comes from this machine, straight: a proxy's forwarding header or a foreign host name (a page that rebinds
 * its own name to us) makes it somebody else.
 */
export function isLocalPeer(request: Request): boolean {
  const address = request.socket.remoteAddress ?? '';
  const forwarded = forwarding.some((name) => request.headers[name] !== undefined);
  return (
    !forwarded && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address) && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')
  );
}

/** True when a browser sends it for a page of another site than ours; programs say nothing of the kind. */
export function isFromOtherSite({ headers }: Request): boolean {
  const { host, origin, 'sec-fetch-site': site = 'none' } = headers;
  return (origin !== undefined && origin !== `http://${host}`) || (site !== 'none' && site !== 'same-origin');
}
