package keyset

import "context"

// A Source supplies the current keys: a [Set], which never changes, or a
// [Remote].
type Source interface {
	// Load returns the current keys. An error means that there are none
	// because they cannot be fetched.
	Load(ctx context.Context) (*Set, error)
	// LoadNewer returns a set newer than old, a result of Load, which may have
	// other keys. If there is none it returns old. fresh is false if there may be
	// a newer one than the result, which cannot be loaded yet. An error means that
	// the fetch failed: whether there are other keys is not known.
	LoadNewer(ctx context.Context, old *Set) (set *Set, fresh bool, err error)
}

// Load implements Source.
func (s *Set) Load(context.Context) (*Set, error) { return s, nil }

// LoadNewer implements Source.
func (s *Set) LoadNewer(context.Context, *Set) (*Set, bool, error) { return s, true, nil }

// Verify verifies sig with the keys of src and returns the set that has the key.
// If none verifies it, newer keys are loaded once: its key may be new, also under
// the ID of an old one. The error is a refusal of [Set.Verify], or else src could
// not load its keys. final is false if later keys of src may verify sig.
func Verify(ctx context.Context, src Source, sig Signature) (set *Set, final bool, err error) {
	if isRemote(src) && sig.Algorithm.Type == Symmetric {
		return nil, true, ErrAlgorithm // a key set never has secrets, so do not fetch it
	}
	if set, err = src.Load(ctx); err != nil {
		return nil, false, err
	}
	refusal := set.Verify(sig)
	if refusal == nil {
		return set, true, nil
	}
	newer, fresh, err := src.LoadNewer(ctx, set)
	if err != nil {
		return nil, false, err
	}
	if newer != set {
		refusal = newer.Verify(sig)
	}
	if refusal != nil {
		return nil, fresh, refusal
	}
	return newer, true, nil
}
