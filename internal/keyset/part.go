package keyset

import "context"

// For returns the keys of r whose Issuer is allowed: a server with many tenants names in
// its key set the issuer that each key is for.
func (r *Remote) For(allowed func(issuer string) bool) Source { return part{r, allowed} }

// A part is some of the keys of a Remote.
type part struct {
	remote  *Remote
	allowed func(issuer string) bool
}

// Load implements [Source].
func (p part) Load(ctx context.Context) (*Set, error) {
	all, err := p.remote.Load(ctx)
	if err != nil {
		return nil, err
	}
	return p.of(all), nil
}

// LoadNewer implements [Source].
func (p part) LoadNewer(ctx context.Context, old *Set) (*Set, bool, error) {
	all, fresh, err := p.remote.LoadNewer(ctx, old.of)
	switch {
	case err != nil:
		return nil, false, err
	case all == old.of:
		return old, fresh, nil
	}
	return p.of(all), fresh, nil
}

func (p part) of(all *Set) *Set {
	var list []PublicKey
	for _, k := range all.list {
		if p.allowed(k.Issuer) {
			list = append(list, k)
		}
	}
	s := NewSet(list)
	s.of = all
	return s
}

// isRemote reports whether the keys of src are those of a key set that is fetched.
func isRemote(src Source) bool {
	switch src.(type) {
	case *Remote, part:
		return true
	}
	return false
}
