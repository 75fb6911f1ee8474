package keyset

import "context"

// A Source supplies the current keys: a [Set], which never changes, or a
// [Remote].
type Source interface {
	// Load returns the current keys. An error means that there are none
	// because they cannot be fetched.
	Load(ctx context.Context) (*Set, error)
	// LoadNewer returns a set newer than old, a result of Load, which may have
	// more keys. If there is none it returns old. An error means that the
	// fetch failed: whether there are more keys is not known.
	LoadNewer(ctx context.Context, old *Set) (*Set, error)
}

// Load implements Source.
func (s *Set) Load(context.Context) (*Set, error) { return s, nil }

// LoadNewer implements Source.
func (s *Set) LoadNewer(context.Context, *Set) (*Set, error) { return s, nil }

// Verify verifies sig with the keys of src and returns the set that has the key.
// If no key is known for sig, newer keys are loaded once. The error is a refusal
// of [Set.Verify], or else src could not load its keys.
func Verify(ctx context.Context, src Source, sig Signature) (*Set, error) {
	if _, remote := src.(*Remote); remote && sig.Algorithm.Type == Symmetric {
		return nil, ErrAlgorithm // a key set has no secrets, so do not fetch it
	}
	set, err := src.Load(ctx)
	if err != nil {
		return nil, err
	}
	err = set.Verify(sig)
	if err == ErrUnknownKey || err == ErrAmbiguousKey && sig.HasKeyID {
		newer, loadErr := src.LoadNewer(ctx, set)
		if loadErr != nil {
			return nil, loadErr
		}
		if newer != set {
			set, err = newer, newer.Verify(sig)
		}
	}
	if err != nil {
		return nil, err
	}
	return set, nil
}
