package session

import "context"

// A DeviceStore is a [Store] for sessions that are bound to a device: see
// [DeviceOptions], which is experimental. It names a record by its ID and the first 8
// bytes of its key: a rotation changes neither. A record that Load would not find is
// not found here.
//
// Package sessiontest checks it, too.
type DeviceStore interface {
	Store

	// LoadID returns the record with this ID and tag.
	LoadID(ctx context.Context, tag [8]byte, id ID) (rec Record, found bool, err error)

	// SetDevice sets Device of the record to device if it is old, and returns the
	// record as it is afterwards.
	SetDevice(ctx context.Context, tag [8]byte, id ID, old, device string) (rec Record, found bool, err error)

	// AdvanceDevice sets DeviceStep of the record to step if it is less and Device
	// begins with key. It returns the record as it is afterwards. advanced is false if
	// it changed nothing: of calls with one step, one advances.
	AdvanceDevice(ctx context.Context, tag [8]byte, id ID, key string, step int64) (rec Record, advanced, found bool, err error)
}
