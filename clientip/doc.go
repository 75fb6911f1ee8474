// Package clientip finds the address of a request's client behind trusted
// proxies.
//
//	ip := clientip.XFF(netip.MustParsePrefix("10.0.0.0/8")) // the load balancers
//
// There is no default, because no default is safe: if a header of any peer is
// trusted, clients choose their address, and if the proxy is ignored, all clients
// have the address of the proxy. [XFF], [Forwarded] and [Header] read nothing
// unless the peer is itself a trusted proxy. A peer on a Unix socket is always one,
// and its request without the header is an error.
//
// Each function returns an address or an error, never a guess. A field that a
// proxy could not have written is an error, and the guard that uses the function
// refuses the request with 400. Addresses are comparable: IPv4-mapped IPv6 is
// IPv4, and there are no zones. The address of a translator, such as
// 64:ff9b::192.0.2.1, remains IPv6 and is in no network of IPv4 (ratelimit.ByIP counts
// it as IPv4). A long header costs no more than a short one, beyond the hops that are
// read.
//
// Not covered: which addresses of an organization are proxies; the PROXY
// protocol; host names.
package clientip
