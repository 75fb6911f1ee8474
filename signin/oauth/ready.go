package oauth

import "context"

// Ready returns why no sign-in can begin, and nil if one can: the provider's metadata or
// keys cannot be fetched, or are not valid, such as the metadata of another issuer. It is
// for a log at start, and for a check of readiness. It fetches them if there are none, at
// most every Options.Refetch. With [Endpoints], [GitHub] and [Apple] there is nothing to fetch.
func (l *Login[C]) Ready(ctx context.Context) error {
	_, err := l.server.metadata(ctx)
	return err
}
