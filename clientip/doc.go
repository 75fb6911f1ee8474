// Package clientip finds the address of a request's client, behind the proxies
// that the caller names and no others.
//
//	ip := clientip.XFF(netip.MustParsePrefix("10.0.0.0/8")) // the load balancers
//
// There is no default, because there is none that is safe: a header that is
// believed from anywhere lets clients choose their address, and an address that
// ignores the proxy makes one client of all. [XFF], [Forwarded] and [Header]
// read nothing unless the TCP peer is itself a trusted proxy.
//
// Each function answers with an address or an error, never with a guess. What a
// proxy could not have written is an error, for which the caller's guard
// refuses with 400. Addresses are comparable: IPv4-mapped IPv6 is IPv4 and has
// no zone. No answer costs more for a long header than for a short one, beyond
// the hops that are read.
//
// Not covered: which of an organization's addresses is a proxy; the PROXY
// protocol; names of hosts.
package clientip
