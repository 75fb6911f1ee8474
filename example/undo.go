package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/go-guard/guard/signin/password"
)

// before is how long before a change of the address a thief may have been in the account. A
// factor that is older stays: the old mailbox alone gets no one around it.
const before = 24 * time.Hour

// redeemUndo gives an account its old address back, and mails that a link to choose a password.
// The mail has no limit: a thief would spend it first. It expels twice: before the swap, so that
// no one stays if nothing can be swapped back, and after it those who came by the other mailbox
// meanwhile.
func (a addressLinks) redeemUndo(ctx context.Context, in linked) error {
	return a.undo.Redeem(ctx, in.Token, func(ctx context.Context, subject string) error {
		id, email := cutSubject(subject)
		since := madeAt(subject).Add(-before)
		u, err := a.lock(ctx, id)
		if err == nil {
			err = a.expel(ctx, id, since)
		}
		if err != nil {
			return err
		}
		return a.swapEmail(ctx, u, email, errChanged, func() error {
			if err := a.expel(ctx, id, since); err != nil {
				return err
			}
			return unavailable(a.mails.later(func(ctx context.Context) (message, bool, error) { return a.reset.letter(ctx, email) }))
		})
	})
}

// lock replaces the password of an account by one that no one knows. Without one, a session
// of the thief would choose it meanwhile.
func (a accounts) lock(ctx context.Context, id string) (User, error) {
	account, found, err := a.users.Account(ctx, id)
	if err != nil {
		return User{}, err
	}
	hash, err := password.Hash(ctx, rand.Text())
	if err != nil {
		return User{}, err
	}
	swapped, err := a.users.SetHash(ctx, userOf(account), account.Hash, hash)
	if err == nil && !(found && swapped) {
		err = errChanged
	}
	return userOf(account), err
}

// expel ends what a thief may have made to come back: sessions, links, identities at providers
// and API keys, and the factors since a time.
func (a addressLinks) expel(ctx context.Context, id string, since time.Time) error {
	_, ended := a.sessions.DestroyAll(ctx, id)
	return errors.Join(ended, a.removeIdentities(ctx, id), a.revokeKeys(ctx, id), a.removeFactors(ctx, id, since))
}

func (a accounts) removeIdentities(ctx context.Context, id string) error {
	all, err := a.users.Identities(ctx, id)
	for _, who := range all {
		_, failed := a.users.RemoveIdentity(ctx, id, who)
		err = errors.Join(err, failed)
	}
	return err
}

func (a addressLinks) revokeKeys(ctx context.Context, id string) error {
	keys, err := liveKeys(ctx, a.ring, User{ID: id})
	for _, key := range keys {
		_, failed := a.ring.Revoke(ctx, key.ID)
		err = errors.Join(err, failed)
	}
	return err
}

func (a accounts) removeFactors(ctx context.Context, id string, since time.Time) error {
	status, err := a.second.Status(ctx, id)
	if err == nil && status.Enabled && status.Since.After(since) {
		err = a.second.Remove(ctx, id)
	}
	if err != nil || a.keys == nil {
		return err
	}
	list, err := a.keys.List(ctx, id)
	for _, key := range list {
		if key.Created.After(since) {
			err = errors.Join(err, a.keys.Remove(ctx, id, key.ID))
		}
	}
	return err
}
